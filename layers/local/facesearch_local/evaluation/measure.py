"""Measure one system: every protocol, on its vectors of a labelled folder."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch.confidence import Calibration
from facesearch_local.evaluation.calibration import (
    ConfidenceCalibration,
    Reliability,
    held_out_confidences,
    reliability,
)
from facesearch_local.evaluation.embed_photos import EmbeddedPhotos
from facesearch_local.evaluation.false_accepts import accept_rates
from facesearch_local.evaluation.identification import (
    Identification,
    Retrieval,
    retrieve,
    score_queries,
    summarise,
)
from facesearch_local.evaluation.labelled import Labelled
from facesearch_local.evaluation.open_set import OpenSet, open_set
from facesearch_local.evaluation.pairs import Pairs
from facesearch_local.evaluation.ranking import Rank, Vectors, nearest
from facesearch_local.evaluation.several_photos import SeveralPhotos, several_photos
from facesearch_local.evaluation.statistics import Distances, fit_logistic
from facesearch_local.evaluation.verification import (
    Verification,
    pair_distances,
    verification,
)


@dataclass(frozen=True, slots=True)
class DistanceSummary:
    """The distances of pairs of one person, and of pairs of two."""

    same_mean: float
    same_median: float
    different_mean: float
    different_median: float


@dataclass(frozen=True, slots=True)
class SystemMetrics:
    """What is measured of a system, ready for JSON; None where there are too few photos or pairs.

    `reliability`, `calibration` and `several_photos` are of systems whose recipe is calibrated.
    """

    system: str
    recipe: str
    dimensions: int
    ms_a_photo: float
    photos: int
    detected: float
    identification: Identification
    verification: Verification | None
    distances: DistanceSummary | None
    reliability: Reliability | None
    calibration: ConfidenceCalibration | None
    open_set: OpenSet | None
    several_photos: tuple[SeveralPhotos, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SystemResult:
    """A system's metrics, and what plots of them need. Places in `retrieval` are of its vectors."""

    metrics: SystemMetrics
    embedded: EmbeddedPhotos
    retrieval: Retrieval
    pair_distances: Distances | None


def measure(
    embedded: EmbeddedPhotos,
    labelled: Labelled,
    pairs: Pairs | None,
    calibration: Calibration | None,
    seed: int,
    rank: Rank = nearest,
) -> SystemResult:
    """`calibration`: what the system's recipe says of its distances."""
    people, missed = labelled.people[embedded.detected], labelled.people[~embedded.detected]
    vectors = embedded.embeddings
    retrieval = retrieve(people, vectors, missed, rank)
    verified = summary = distances = reliable = calibrated = None
    if pairs is not None:
        place = np.where(embedded.detected, np.cumsum(embedded.detected) - 1, -1)
        distances = pair_distances(vectors, place, pairs.one, pairs.other)
        verified = verification(distances, pairs.same, pairs.fold)
        summary = distance_summary(distances, pairs)
        if calibration is not None and summary is not None:
            reliable = _reliability(distances, pairs, calibration)
            calibrated = _calibration(distances, pairs, people, vectors, calibration)
    suggested = [each.distance for each in calibration.thresholds] if calibration else []
    metrics = SystemMetrics(
        system=embedded.system,
        recipe=embedded.recipe,
        dimensions=vectors.shape[1],
        ms_a_photo=embedded.ms,
        photos=len(labelled.photos),
        detected=float(embedded.detected.mean()),
        identification=summarise(score_queries(people, missed, retrieval)),
        verification=verified,
        distances=summary,
        reliability=reliable,
        calibration=calibrated,
        open_set=open_set(people, vectors, missed, suggested),
        several_photos=several_photos(people, vectors, seed) if calibration else (),
    )
    return SystemResult(metrics, embedded, retrieval, distances)


def _reliability(distances: Distances, pairs: Pairs, calibration: Calibration) -> Reliability:
    """Reliability of the recipe's confidence on the pairs that have vectors."""
    there = np.isfinite(distances)
    confidences = np.array([calibration.confidence(each) for each in distances[there].tolist()])
    return reliability(confidences, pairs.same[there])


def _calibration(
    distances: Distances,
    pairs: Pairs,
    people: NDArray[np.str_],
    vectors: Vectors,
    calibration: Calibration,
) -> ConfidenceCalibration | None:
    """None where the other folds of some fold have pairs of one kind only."""
    there = np.isfinite(distances)
    apart, same, fold = distances[there], pairs.same[there], pairs.fold[there]
    if any(len(np.unique(same[fold != each])) < 2 for each in np.unique(fold)):
        return None
    rates = accept_rates(
        people, vectors, [each.false_accept_rate for each in calibration.thresholds]
    )
    return ConfidenceCalibration(
        fitted=fit_logistic(apart, same),
        held_out=reliability(held_out_confidences(apart, same, fold), same),
        accept_rates=tuple(rates),
    )


def distance_summary(distances: Distances, pairs: Pairs) -> DistanceSummary | None:
    """None where a kind of pairs has no vectors at all."""
    there = np.isfinite(distances)
    same, different = distances[there & pairs.same], distances[there & ~pairs.same]
    if not len(same) or not len(different):
        return None
    return DistanceSummary(
        same_mean=float(same.mean()),
        same_median=float(np.median(same)),
        different_mean=float(different.mean()),
        different_median=float(np.median(different)),
    )
