"""Rates of false and true accepts over all pairs of a labelled folder's photos, held out by person.

LFW's 3,000 pairs of strangers cannot show a rate of 1 in 10,000; its photos make 87 million.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch_local.evaluation.ranking import Vectors
from facesearch_local.evaluation.statistics import Interval, bootstrap_by_person

FOLDS = 10
BINS = 200_000
"""Distances are counted in so many bins: 87 million would not fit in memory."""

_T_9 = 2.262
"""Student's t for ten folds: half a 95 % interval, in standard errors."""

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class AcceptRates:
    """The threshold of a false-accept rate, and what it accepts.

    At `distance` this share of all pairs of different people is accepted. `held_out` is the
    rate among people of one fold at the threshold that is chosen on the nine others, on average.
    `true_accept_rate`: of pairs of one person, each person counting alike. `different_pairs` and
    `same_pairs` are those that it was measured on.
    """

    false_accept_rate: float
    distance: float
    held_out: float
    held_out_deviation: float
    true_accept_rate: float
    true_accept_interval: Interval
    different_pairs: int
    same_pairs: int

    @property
    def held_out_interval(self) -> Interval:
        """95 %, by the spread of the folds."""
        # The deviation is over the folds, not of a sample of them.
        half = _T_9 * self.held_out_deviation / math.sqrt(FOLDS - 1)
        return max(0.0, self.held_out - half), min(1.0, self.held_out + half)


def accept_rates(
    people: NDArray[np.str_], vectors: Vectors, false_accept_rates: Sequence[float], seed: int = 1
) -> list[AcceptRates]:
    """For vectors (n, d) of photos of `people` (n,), some of whom have several.

    Empty where there are too few people for the folds.
    """
    _, person = np.unique(people, return_inverse=True)
    if person.max() + 1 < 2 * FOLDS:
        return []
    fold = (np.random.default_rng(seed).permutation(person.max() + 1) % FOLDS)[person]
    # No two are farther apart than this: 2 for unit vectors.
    width = 2 * float(np.linalg.norm(vectors, axis=1).max()) * (1 + 1e-6) / BINS
    inside, touching, everywhere = _count_strangers(person, fold, vectors, width)
    several = _with_several(person)
    accepted = [_same_person_distances(person, vectors, each) for each in several]
    rates = []
    for rate in false_accept_rates:
        threshold = _threshold(everywhere, rate)
        held_out = [
            _rate(inside[each], _threshold(everywhere - touching[each], rate))
            for each in range(FOLDS)
        ]
        distance = threshold * width
        of_people = np.array([(own <= distance).mean() for own in accepted])
        rates.append(
            AcceptRates(
                false_accept_rate=rate,
                distance=distance,
                held_out=float(np.mean(held_out)),
                held_out_deviation=float(np.std(held_out)),
                true_accept_rate=float(of_people.mean()),
                true_accept_interval=bootstrap_by_person(of_people, several.astype(np.str_)),
                different_pairs=int(everywhere.sum()),
                same_pairs=sum(map(len, accepted)),
            )
        )
    return rates


def _count_strangers(
    person: NDArray[np.intp], fold: NDArray[np.intp], vectors: Vectors, width: float
) -> tuple[Counts, Counts, Counts]:
    """By distance, in bins of this width: pairs inside each fold, with a photo of each, and all."""
    inside, touching = np.zeros((2, FOLDS, BINS), np.int64)
    lengths = np.vecdot(vectors, vectors)
    for one in range(FOLDS):
        for other in range(one, FOLDS):
            rows, columns = np.flatnonzero(fold == one), np.flatnonzero(fold == other)
            products = vectors[rows] @ vectors[columns].T
            squares = lengths[rows][:, None] + lengths[columns] - 2 * products
            strangers = person[rows][:, None] != person[columns]
            if one == other:
                strangers &= rows[:, None] < columns
            bins = (np.sqrt(np.maximum(squares[strangers], 0)) / width).astype(np.int64)
            counts = np.bincount(np.minimum(bins, BINS - 1), minlength=BINS)
            touching[one] += counts
            if one == other:
                inside[one] += counts
            else:
                touching[other] += counts
    # A pair of two folds was counted at both.
    return inside, touching, (touching.sum(axis=0) + inside.sum(axis=0)) // 2


def _threshold(counts: Counts, rate: float) -> int:
    """The last of the first bins that hold no more than this share of the pairs, and one more."""
    return int(np.searchsorted(counts.cumsum(), rate * counts.sum(), side="right"))


def _rate(counts: Counts, threshold: int) -> float:
    return float(counts[:threshold].sum() / counts.sum())


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
