"""Confidence falls with distance, is one half at the threshold, and is never shown as certain."""

import pytest

from facesearch.confidence import SAME_PERSON_DISTANCE, confidence, distance_at, percent


def test_confidence_falls_from_near_certainty_to_none() -> None:
    assert confidence(0.0) > 0.999
    assert confidence(SAME_PERSON_DISTANCE) == pytest.approx(0.5)
    assert confidence(2.0) < 0.001


@pytest.mark.parametrize("probability", [0.001, 0.3, 0.5, 0.9, 0.999_999])
def test_distance_at_a_confidence_has_that_confidence(probability: float) -> None:
    assert confidence(distance_at(probability)) == pytest.approx(probability)


def test_distance_at_the_ends_is_a_distance() -> None:
    assert distance_at(0.0) == distance_at(1e-300) == 2.0
    assert distance_at(1.0) == distance_at(1 - 1e-16) == 0.0


@pytest.mark.parametrize(
    ("probability", "text"), [(1.0, ">99.9%"), (0.9985, "99.9%"), (0.5, "50.0%"), (0.0, "0.0%")]
)
def test_percent_never_shows_certainty(probability: float, text: str) -> None:
    assert percent(probability) == text
