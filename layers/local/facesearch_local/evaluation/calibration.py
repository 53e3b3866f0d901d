"""Calibration of the confidence and of the suggested thresholds, measured on held-out pairs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch_local.evaluation.false_accepts import AcceptRates
from facesearch_local.evaluation.statistics import Distances, Labels, Logistic, fit_logistic

BINS = 10


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The pairs of one tenth: their number, mean confidence, and the share of one person."""

    pairs: int
    confidence: float
    same_person: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """`brier` is the mean squared error; `expected_error` the bins' mean gap, by their pairs."""

    brier: float
    expected_error: float
    bins: tuple[ReliabilityBin, ...]


@dataclass(frozen=True, slots=True)
class ConfidenceCalibration:
    """What the shipped constants would be on these photos.

    `fitted`: the logistic of all pairs. `held_out`: reliability on each fold of the fit to the
    other nine. `accept_rates`: the thresholds of the suggested false-accept rates.
    """

    fitted: Logistic
    held_out: Reliability
    accept_rates: tuple[AcceptRates, ...]


def held_out_confidences(
    distances: Distances, same: Labels, fold: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Each pair's confidence by the fit to the other folds; finite distances only."""
    confidences = np.empty(len(distances))
    for each in np.unique(fold):
        inside = fold == each
        confidences[inside] = fit_logistic(distances[~inside], same[~inside])(distances[inside])
    return confidences


def reliability(confidences: NDArray[np.float64], same: Labels) -> Reliability:
    """Bins are tenths of the confidence; empty ones are left out."""
    tenth = np.minimum((confidences * BINS).astype(int), BINS - 1)
    bins = tuple(
        ReliabilityBin(
            int(inside.sum()), float(confidences[inside].mean()), float(same[inside].mean())
        )
        for number in range(BINS)
        if (inside := tenth == number).any()
    )
    gaps = sum(each.pairs * abs(each.confidence - each.same_person) for each in bins)
    return Reliability(float(np.square(confidences - same).mean()), gaps / len(confidences), bins)
