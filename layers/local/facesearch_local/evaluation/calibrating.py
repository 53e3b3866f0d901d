"""Calibrate a recipe: what its distances mean, from its vectors of a labelled folder."""

import numpy as np

from facesearch.confidence import Calibration, Threshold
from facesearch.errors import InvalidRequest
from facesearch.search_calibration import SearchCalibration
from facesearch_local.evaluation.false_accepts import AcceptRates, accept_rates
from facesearch_local.evaluation.labelled import Labelled
from facesearch_local.evaluation.measure import SystemResult
from facesearch_local.evaluation.pairs import Pairs
from facesearch_local.evaluation.search_limits import OpenSetSearches, fit_limits
from facesearch_local.evaluation.statistics import fit_logistic

RATES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
EXPANSION_RATE = 5e-5
"""How many pairs of different people may be as near as a match that is averaged in."""

LEAST_ACCEPTED = 30
"""Pairs that a threshold must accept by mistake: of fewer, its rate would be chance."""


def calibrate(result: SystemResult, labelled: Labelled, pairs: Pairs | None) -> Calibration:
    """From pairs alone. Raises `InvalidRequest` where there are too few photos."""
    too_few = "it needs ten pairs of photos of one person, of two people, and 20 people: add photos"
    if pairs is None or result.pair_distances is None:
        raise InvalidRequest(too_few)
    there = np.isfinite(result.pair_distances)
    apart, same = result.pair_distances[there], pairs.same[there]
    people = labelled.people[result.embedded.detected]
    rates = accept_rates(people, result.embedded.embeddings, (*RATES, EXPANSION_RATE))
    if len(np.unique(same)) < 2 or not rates:
        raise InvalidRequest(too_few)
    fitted = fit_logistic(apart, same)
    if fitted.steepness <= 0 or fitted.midpoint < 0:
        raise InvalidRequest(
            "photos of one person are not nearer than those of two: this recipe cannot tell people "
            "apart here"
        )
    *of_rates, expansion = rates
    thresholds = [_threshold(each) for each in of_rates if _can_tell(each)]
    return Calibration(
        midpoint=round(fitted.midpoint, 4),
        steepness=round(fitted.steepness, 3),
        expansion_distance=round(expansion.distance, 4) if _can_tell(expansion) else None,
        measured_on=f"{len(people):,} photos of {len(np.unique(people)):,} people in "
        f"{labelled.folder.name}; curve from {len(apart):,} pairs",
        same_pairs=rates[0].same_pairs,
        different_pairs=rates[0].different_pairs,
        thresholds=tuple(thresholds),
    )


def calibrate_searches(result: SystemResult, labelled: Labelled, seed: int) -> SearchCalibration:
    """Raises `InvalidRequest` where there are too few photos or people."""
    people = labelled.people[result.embedded.detected]
    searches = OpenSetSearches(people, result.embedded.embeddings, seed)
    return fit_limits(searches, seed).calibration


def _can_tell(rates: AcceptRates) -> bool:
    return rates.false_accept_rate * rates.different_pairs >= LEAST_ACCEPTED


def _threshold(rates: AcceptRates) -> Threshold:
    low, high = rates.held_out_interval
    return Threshold(
        false_accept_rate=rates.false_accept_rate,
        distance=round(rates.distance, 4),
        true_accept_rate=round(rates.true_accept_rate, 4),
        false_accept_interval=(_significant(low), _significant(high)),
        true_accept_interval=(
            round(rates.true_accept_interval[0], 4),
            round(rates.true_accept_interval[1], 4),
        ),
    )


def _significant(rate: float) -> float:
    return float(f"{rate:.3g}")
