"""What the confidence and the suggested thresholds rest on: fits and rates, measured held out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch_local.evaluation.false_accepts import AcceptRates
from facesearch_local.evaluation.statistics import Distances, Labels, Logistic, fit_logistic

BINS = 10


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Pairs that were told about the same: how many, the mean told, and the share that is one."""

    pairs: int
    told: float
    one_person: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """`brier` is the mean squared error; `expected_error` the bins' mean gap, by their pairs."""

    brier: float
    expected_error: float
    bins: tuple[ReliabilityBin, ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What these photos say of the shipped constants.

    `fitted` to all pairs, `held_out`: how reliable the fits to nine folds are on the tenth, and
    what the suggested false-accept rates take, over all pairs of photos.
    """

    fitted: Logistic
    held_out: Reliability
    accept_rates: tuple[AcceptRates, ...]


def told_held_out(
    distances: Distances, same: Labels, fold: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Each pair's confidence by the fit to the other folds; finite distances only."""
    told = np.empty(len(distances))
    for each in np.unique(fold):
        inside = fold == each
        told[inside] = fit_logistic(distances[~inside], same[~inside])(distances[inside])
    return told


def reliability(told: NDArray[np.float64], same: Labels) -> Reliability:
    """In tenths of the confidence; those without a pair are left out."""
    tenth = np.minimum((told * BINS).astype(int), BINS - 1)
    bins = tuple(
        ReliabilityBin(int(inside.sum()), float(told[inside].mean()), float(same[inside].mean()))
        for number in range(BINS)
        if (inside := tenth == number).any()
    )
    gaps = sum(each.pairs * abs(each.told - each.one_person) for each in bins)
    return Reliability(float(np.square(told - same).mean()), gaps / len(told), bins)
