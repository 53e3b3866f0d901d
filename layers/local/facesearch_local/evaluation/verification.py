"""Verification: do two photos show one person? By a threshold on their distance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch_local.evaluation.intervals import Interval, wilson
from facesearch_local.evaluation.ranking import Vectors

Distances = NDArray[np.float64]
"""Shape (n,), one a pair; infinite where a photo has no vector, so that no threshold accepts it."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The threshold of each fold is chosen on the others: nothing is tuned on what it is tested on.

    `deviation` is that of the folds' accuracies, `threshold` their mean. `tar_at_far`: pairs of
    one person accepted, by the share of accepted pairs of two. Intervals are 95 %.
    """

    pairs: int
    undetected: int
    accuracy: float
    accuracy_interval: Interval
    deviation: float
    threshold: float
    auc: float
    tar_at_far: dict[float, float]
    tar_at_far_interval: dict[float, Interval]


def pair_distances(
    vectors: Vectors, place: NDArray[np.intp], one: NDArray[np.intp], other: NDArray[np.intp]
) -> Distances:
    """Of photos by number; `place` (photos,) is where a photo's vector is, -1 if it has none."""
    there = (place[one] >= 0) & (place[other] >= 0)
    distances = np.full(len(one), np.inf)
    apart = vectors[place[one[there]]] - vectors[place[other[there]]]
    distances[there] = np.linalg.norm(apart, axis=1)
    return distances


def verification(
    distances: Distances, same: NDArray[np.bool_], fold: NDArray[np.intp]
) -> Verification:
    """`same` and `fold` (n,) as in `Pairs`."""
    candidates = np.unique(distances[np.isfinite(distances)])
    if not len(candidates):
        candidates = np.zeros(1)
    accuracies, thresholds = [], []
    for number in np.unique(fold):
        rest, held_out = fold != number, fold == number
        right = _right_at(candidates, distances[rest], same[rest])
        threshold = candidates[right.argmax()]
        accepted = accepts(distances[held_out], threshold)
        accuracies.append((accepted == same[held_out]).mean())
        thresholds.append(threshold)
    accuracy = float(np.mean(accuracies))
    tar = {far: tar_at(distances, same, far) for far in (1e-2, 1e-3)}
    return Verification(
        pairs=len(distances),
        undetected=int(np.isinf(distances).sum()),
        accuracy=accuracy,
        accuracy_interval=wilson(accuracy, len(distances)),
        deviation=float(np.std(accuracies)),
        threshold=float(np.mean(thresholds)),
        auc=_auc(distances, same),
        tar_at_far=tar,
        tar_at_far_interval={far: wilson(share, int(same.sum())) for far, share in tar.items()},
    )


def accepts(distances: Distances, threshold: float) -> NDArray[np.bool_]:
    """Never where a photo has no vector."""
    accepted: NDArray[np.bool_] = (distances <= threshold) & np.isfinite(distances)
    return accepted


def roc(distances: Distances, same: NDArray[np.bool_]) -> tuple[Distances, Distances, Distances]:
    """Thresholds, and the shares of different and of same pairs that each accepts."""
    thresholds = np.unique(distances[np.isfinite(distances)])
    false = np.searchsorted(np.sort(distances[~same]), thresholds, side="right") / (~same).sum()
    true = np.searchsorted(np.sort(distances[same]), thresholds, side="right") / same.sum()
    return thresholds, false, true


def threshold_at(distances: Distances, same: NDArray[np.bool_], far: float) -> float:
    """The largest distance that accepts no more of the different pairs; below all, if none does."""
    thresholds, false, _ = roc(distances, same)
    allowed = thresholds[false <= far]
    return float(allowed[-1]) if len(allowed) else -1.0


def tar_at(distances: Distances, same: NDArray[np.bool_], far: float) -> float:
    return float((distances[same] <= threshold_at(distances, same, far)).mean())


def _auc(distances: Distances, same: NDArray[np.bool_]) -> float:
    """How often a pair of one person is nearer than a pair of two; a tie counts half."""
    different = np.sort(distances[~same])
    nearer = len(different) - np.searchsorted(different, distances[same], side="right")
    not_further = len(different) - np.searchsorted(different, distances[same], side="left")
    return float((nearer + not_further).mean() / (2 * len(different)))


def _right_at(
    thresholds: Distances, distances: Distances, same: NDArray[np.bool_]
) -> NDArray[np.intp]:
    finite = np.isfinite(distances)
    accepted = np.searchsorted(np.sort(distances[same & finite]), thresholds, side="right")
    wrongly = np.searchsorted(np.sort(distances[~same & finite]), thresholds, side="right")
    right: NDArray[np.intp] = accepted + (~same).sum() - wrongly
    return right
