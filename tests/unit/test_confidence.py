"""Confidence falls with distance, is one half at the threshold, and is never shown as certain."""

import math

import pytest

from facesearch.confidence import Calibration, percent
from tests.facenet import CALIBRATION

FAR = Calibration(
    midpoint=12.0, steepness=0.5, measured_on="raw vectors", same_pairs=1, different_pairs=1
)


@pytest.mark.parametrize("calibration", [CALIBRATION, FAR])
def test_confidence_falls_from_near_certainty_to_none(calibration: Calibration) -> None:
    assert calibration.confidence(0.0) > 0.99
    assert calibration.confidence(calibration.same_person_distance) == pytest.approx(0.5)
    assert calibration.confidence(2 * calibration.midpoint) < 0.01
    assert calibration.confidence(1e9) == pytest.approx(0.0, abs=1e-300)


@pytest.mark.parametrize("probability", [0.001, 0.3, 0.5, 0.9, 0.999_999])
def test_distance_at_a_confidence_has_that_confidence(probability: float) -> None:
    distance = CALIBRATION.distance_at(probability)
    assert CALIBRATION.confidence(distance) == pytest.approx(probability)


def test_distance_at_the_ends_is_a_distance() -> None:
    assert CALIBRATION.distance_at(0.0) == math.inf
    assert CALIBRATION.confidence(CALIBRATION.distance_at(1e-300)) < 1e-9
    assert CALIBRATION.distance_at(1.0) == CALIBRATION.distance_at(1 - 1e-16) == 0.0


@pytest.mark.parametrize(
    ("probability", "text"), [(1.0, ">99.9%"), (0.9985, "99.9%"), (0.5, "50.0%"), (0.0, "0.0%")]
)
def test_percent_never_shows_certainty(probability: float, text: str) -> None:
    assert percent(probability) == text
