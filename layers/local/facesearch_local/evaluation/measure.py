"""Measure one system: all protocols over its vectors of a labelled folder."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch.confidence import THRESHOLDS, confidence
from facesearch_local.evaluation.calibration import (
    Calibration,
    Reliability,
    reliability,
    told_held_out,
)
from facesearch_local.evaluation.embed_photos import EmbeddedPhotos
from facesearch_local.evaluation.false_accepts import accept_rates
from facesearch_local.evaluation.identification import (
    Identification,
    Retrieval,
    count_found,
    retrieve,
    score,
)
from facesearch_local.evaluation.labelled import Labelled
from facesearch_local.evaluation.open_set import OpenSet, open_set
from facesearch_local.evaluation.pairs import Pairs
from facesearch_local.evaluation.ranking import Rank, Vectors, nearest
from facesearch_local.evaluation.several_photos import SeveralPhotos, several_photos
from facesearch_local.evaluation.statistics import Distances, fit_logistic
from facesearch_local.evaluation.system import SHIPPED
from facesearch_local.evaluation.verification import (
    Verification,
    pair_distances,
    verification,
)


@dataclass(frozen=True, slots=True)
class TwoDistances:
    """The two distances of the reports: of pairs of one person, and of pairs of two."""

    same_mean: float
    same_median: float
    different_mean: float
    different_median: float


@dataclass(frozen=True, slots=True)
class Figures:
    """A system's figures, ready for JSON; None for what the folder or the pairs do not allow.

    `reliability` is that of the confidence, for the system that it is told for; `calibration` says
    what its constants would be on these photos. `several_photos` are the shipped system's, too.
    """

    system: str
    recipe: str
    dimensions: int
    ms_a_photo: float
    photos: int
    detected: float
    identification: Identification
    verification: Verification | None
    distances: TwoDistances | None
    reliability: Reliability | None
    calibration: Calibration | None
    open_set: OpenSet | None
    several_photos: tuple[SeveralPhotos, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A system's figures, and what pictures of them need; places are those of its vectors."""

    figures: Figures
    embedded: EmbeddedPhotos
    retrieval: Retrieval
    pair_distances: Distances | None


def measure(
    embedded: EmbeddedPhotos,
    labelled: Labelled,
    pairs: Pairs | None,
    thresholds: Sequence[float],
    seed: int,
    rank: Rank = nearest,
) -> Measured:
    """`thresholds` are distances suggested for this system, of which the open set is asked."""
    people, missed = labelled.people[embedded.found], labelled.people[~embedded.found]
    vectors = embedded.embeddings
    retrieval = retrieve(people, vectors, missed, rank)
    verified = distances = apart = told = calibrated = None
    if pairs is not None:
        place = np.where(embedded.found, np.cumsum(embedded.found) - 1, -1)
        apart = pair_distances(vectors, place, pairs.one, pairs.other)
        verified = verification(apart, pairs.same, pairs.fold)
        distances = two_distances(apart, pairs)
        if embedded.system == SHIPPED and distances is not None:
            told = _reliability(apart, pairs)
            calibrated = _calibration(apart, pairs, people, vectors)
    figures = Figures(
        system=embedded.system,
        recipe=embedded.recipe,
        dimensions=vectors.shape[1],
        ms_a_photo=embedded.ms,
        photos=len(labelled.photos),
        detected=float(embedded.found.mean()),
        identification=count_found(score(people, missed, retrieval)),
        verification=verified,
        distances=distances,
        reliability=told,
        calibration=calibrated,
        open_set=open_set(people, vectors, missed, thresholds),
        several_photos=(
            several_photos(people, vectors, seed) if embedded.system == SHIPPED else ()
        ),
    )
    return Measured(figures, embedded, retrieval, apart)


def _reliability(distances: Distances, pairs: Pairs) -> Reliability:
    """Of the confidence as shipped, on the pairs that have vectors."""
    there = np.isfinite(distances)
    told = np.array([confidence(distance) for distance in distances[there].tolist()])
    return reliability(told, pairs.same[there])


def _calibration(
    distances: Distances, pairs: Pairs, people: NDArray[np.str_], vectors: Vectors
) -> Calibration | None:
    """None where the other folds of some fold have pairs of one kind only."""
    there = np.isfinite(distances)
    apart, same, fold = distances[there], pairs.same[there], pairs.fold[there]
    if any(len(np.unique(same[fold != each])) < 2 for each in np.unique(fold)):
        return None
    rates = accept_rates(people, vectors, [each.false_accept_rate for each in THRESHOLDS])
    return Calibration(
        fitted=fit_logistic(apart, same),
        held_out=reliability(told_held_out(apart, same, fold), same),
        accept_rates=tuple(rates),
    )


def two_distances(distances: Distances, pairs: Pairs) -> TwoDistances | None:
    """None where a kind of pairs has no vectors at all."""
    there = np.isfinite(distances)
    same, different = distances[there & pairs.same], distances[there & ~pairs.same]
    if not len(same) or not len(different):
        return None
    return TwoDistances(
        same_mean=float(same.mean()),
        same_median=float(np.median(same)),
        different_mean=float(different.mean()),
        different_median=float(np.median(different)),
    )
