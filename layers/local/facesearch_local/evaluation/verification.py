"""Verification: do two photos show one person? By a threshold on their distance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch_local.evaluation.ranking import Vectors
from facesearch_local.evaluation.statistics import Distances, Interval, Labels, auc, roc, wilson


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


def verification(distances: Distances, same: Labels, fold: NDArray[np.intp]) -> Verification:
    """`same` and `fold` (n,) as in `Pairs`."""
    accuracies, thresholds, correct = [], [], 0
    for number in np.unique(fold):
        rest, held_out = fold != number, fold == number
        threshold = best_threshold(distances[rest], same[rest])
        right = accepts(distances[held_out], threshold) == same[held_out]
        correct += int(right.sum())
        accuracies.append(right.mean())
        thresholds.append(threshold)
    accepted = {far: true_accepts_at(distances, same, far) for far in (1e-2, 1e-3)}
    count = int(same.sum())
    return Verification(
        pairs=len(distances),
        undetected=int(np.isinf(distances).sum()),
        accuracy=float(np.mean(accuracies)),
        accuracy_interval=wilson(correct, len(distances)),
        deviation=float(np.std(accuracies)),
        threshold=float(np.mean(thresholds)),
        auc=auc(distances, same),
        tar_at_far={far: number / count for far, number in accepted.items()},
        tar_at_far_interval={far: wilson(number, count) for far, number in accepted.items()},
    )


def accepts(distances: Distances, threshold: float) -> NDArray[np.bool_]:
    """Never where a photo has no vector."""
    accepted: NDArray[np.bool_] = (distances <= threshold) & np.isfinite(distances)
    return accepted


def best_threshold(distances: Distances, same: Labels) -> float:
    """The smallest of those with the highest accuracy; 0 where no pair has a distance."""
    thresholds, false, true = roc(distances, same)
    if not len(thresholds):
        return 0.0
    correct = np.rint(true * same.sum() - false * (~same).sum())
    return float(thresholds[correct.argmax()])


def threshold_at(distances: Distances, same: Labels, far: float) -> float:
    """The largest distance that accepts no more of the different pairs; below all, if none does."""
    thresholds, false, _ = roc(distances, same)
    allowed = thresholds[false <= far]
    return float(allowed[-1]) if len(allowed) else -1.0


def true_accepts_at(distances: Distances, same: Labels, far: float) -> int:
    """Pairs of one person that are accepted at this false-accept rate."""
    return int((distances[same] <= threshold_at(distances, same, far)).sum())
