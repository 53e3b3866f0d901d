"""Rates of false and true accepts over all pairs of a labelled folder's photos, held out by person.

LFW's 3,000 pairs of strangers cannot show a rate of 1 in 10,000; its photos make 87 million.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch_local.evaluation.ranking import Vectors

FOLDS = 10
BINS = 200_000
WIDTH = 2.0 / BINS
"""Distances are counted in bins so wide: 87 million would not fit in memory."""

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class AcceptRates:
    """The threshold of a false-accept rate, and what it accepts.

    At `distance` this share of all pairs of different people is accepted. `held_out` is the
    rate among people of one fold at the threshold that is chosen on the nine others, on average.
    `true_accept_rate`: of pairs of one person, each person counting alike.
    """

    false_accept_rate: float
    distance: float
    held_out: float
    held_out_deviation: float
    true_accept_rate: float


def accept_rates(
    people: NDArray[np.str_], vectors: Vectors, false_accept_rates: Sequence[float], seed: int = 1
) -> list[AcceptRates]:
    """For unit vectors (n, d) of photos of `people` (n,), some of whom have several.

    Empty where there are too few people for the folds.
    """
    _, person = np.unique(people, return_inverse=True)
    if person.max() + 1 < 2 * FOLDS:
        return []
    fold = (np.random.default_rng(seed).permutation(person.max() + 1) % FOLDS)[person]
    inside, touching, everywhere = _count_strangers(person, fold, vectors)
    accepted = [_same_person_distances(person, vectors, each) for each in _with_several(person)]
    rates = []
    for rate in false_accept_rates:
        distance = _threshold(everywhere, rate)
        held_out = [
            _rate(inside[each], _threshold(everywhere - touching[each], rate))
            for each in range(FOLDS)
        ]
        rates.append(
            AcceptRates(
                false_accept_rate=rate,
                distance=distance,
                held_out=float(np.mean(held_out)),
                held_out_deviation=float(np.std(held_out)),
                true_accept_rate=float(np.mean([(own <= distance).mean() for own in accepted])),
            )
        )
    return rates


def _count_strangers(
    person: NDArray[np.intp], fold: NDArray[np.intp], vectors: Vectors
) -> tuple[Counts, Counts, Counts]:
    """By distance: pairs inside each fold, pairs with a photo of each fold, all pairs."""
    inside, touching = np.zeros((2, FOLDS, BINS), np.int64)
    for one in range(FOLDS):
        for other in range(one, FOLDS):
            rows, columns = np.flatnonzero(fold == one), np.flatnonzero(fold == other)
            squares = 2 - 2 * (vectors[rows] @ vectors[columns].T)
            strangers = person[rows][:, None] != person[columns]
            if one == other:
                strangers &= rows[:, None] < columns
            bins = (np.sqrt(np.maximum(squares[strangers], 0)) / WIDTH).astype(np.int64)
            counts = np.bincount(np.minimum(bins, BINS - 1), minlength=BINS)
            touching[one] += counts
            if one == other:
                inside[one] += counts
            else:
                touching[other] += counts
    # A pair of two folds was counted at both.
    return inside, touching, (touching.sum(axis=0) + inside.sum(axis=0)) // 2


def _threshold(counts: Counts, rate: float) -> float:
    """The largest distance below which no more than this share of the pairs lies."""
    return float(np.searchsorted(counts.cumsum(), rate * counts.sum(), side="right") * WIDTH)


def _rate(counts: Counts, distance: float) -> float:
    return float(counts[: round(distance / WIDTH)].sum() / counts.sum())


def _with_several(person: NDArray[np.intp]) -> NDArray[np.intp]:
    several: NDArray[np.intp] = np.flatnonzero(np.bincount(person) > 1)
    return several


def _same_person_distances(
    person: NDArray[np.intp], vectors: Vectors, one: np.intp
) -> NDArray[np.float64]:
    own = vectors[person == one].astype(np.float64)
    first, second = np.triu_indices(len(own), 1)
    distances: NDArray[np.float64] = np.linalg.norm(own[first] - own[second], axis=1)
    return distances
