"""Fits find the logistic that drew the pairs; reliability tells a wrong one from a right one."""

import numpy as np
import pytest
from numpy.typing import NDArray

from facesearch_local.evaluation.calibration import held_out_confidences, reliability
from facesearch_local.evaluation.statistics import Logistic, fit_logistic

TRUE = Logistic(1.1, 25.0)


@pytest.fixture
def pairs() -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Distances, and whether they are one person, as `TRUE` says."""
    random = np.random.default_rng(4)
    distances = random.uniform(0.8, 1.4, 20_000)
    return distances, random.random(20_000) < TRUE(distances)


def test_fit_finds_the_logistic_behind_the_pairs(
    pairs: tuple[NDArray[np.float64], NDArray[np.bool_]],
) -> None:
    fitted = fit_logistic(*pairs)
    assert fitted.midpoint == pytest.approx(TRUE.midpoint, abs=0.003)
    assert fitted.steepness == pytest.approx(TRUE.steepness, rel=0.05)


def test_fit_is_finite_where_distance_tells_all_apart() -> None:
    fitted = fit_logistic(np.array([0.5, 0.6, 1.2, 1.3]), np.array([True, True, False, False]))
    assert 0.6 < fitted.midpoint < 1.2
    assert np.isfinite(fitted.steepness)


def test_reliability_tells_a_wrong_confidence_from_the_right_one(
    pairs: tuple[NDArray[np.float64], NDArray[np.bool_]],
) -> None:
    distances, same = pairs
    right, shifted = (
        reliability(each(distances), same) for each in (TRUE, Logistic(1.15, TRUE.steepness))
    )
    assert right.expected_error < 0.01
    assert shifted.expected_error > 0.05
    assert right.brier < shifted.brier
    assert sum(each.pairs for each in right.bins) == len(same)
    assert all(each.same_person == pytest.approx(each.confidence, abs=0.1) for each in right.bins)


def test_pair_is_told_by_the_folds_that_it_is_not_in() -> None:
    # In the second fold the labels are swapped: only its own fit would agree with them.
    distances = np.array([0.9, 1.3, 0.9, 1.3, 0.9, 1.3])
    same = np.array([True, False, True, False, False, True])
    confidences = held_out_confidences(distances, same, np.array([0, 0, 0, 0, 1, 1]))
    assert confidences[4] > 0.5 > confidences[5]
