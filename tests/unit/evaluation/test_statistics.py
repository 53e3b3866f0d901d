"""Statistics give what the textbooks do, and treat pairs without a vector as never accepted."""

import sys

import numpy as np
import pytest

from facesearch.errors import SettingsError
from facesearch_local.evaluation.statistics import (
    auc,
    bootstrap_by_person,
    fit_logistic,
    require_statistics,
    roc,
    wilson,
)


def test_wilson_interval_is_the_textbooks() -> None:
    # Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_wilson_interval_of_nothing_is_everything() -> None:
    assert wilson(0, 0) == (0, 1)


def test_bootstrap_by_person_is_wider_than_by_photo() -> None:
    values = np.repeat([1.0, 0.0] * 10, 50)
    people = np.repeat([f"p{n}" for n in range(20)], 50)
    by_person = bootstrap_by_person(values, people)
    by_photo = bootstrap_by_person(values, np.array([f"p{n}" for n in range(1000)]))
    assert by_person[1] - by_person[0] > 3 * (by_photo[1] - by_photo[0])
    # The normal approximation: 0.5 ± 1.96 × 0.5 / √20.
    assert by_person == pytest.approx((0.281, 0.719), abs=0.04)
    assert by_person == bootstrap_by_person(values, people)


def test_person_with_more_photos_weighs_more() -> None:
    # Whoever is drawn, photos are counted: one person's 99 ones, the other's single zero.
    values = np.array([1.0] * 99 + [0.0])
    low, high = bootstrap_by_person(values, np.array(["many"] * 99 + ["one"]))
    assert (low, high) == (0, 1)
    three = np.array([*["many"] * 99, "one"])
    assert bootstrap_by_person(values[:99], three[:99]) == (1, 1)


def test_roc_has_every_distance_as_a_threshold() -> None:
    same = np.array([True] * 4 + [False] * 4)
    distances = np.array([1.0, 2.0, 3.0, 9.0, 2.5, 5.0, 6.0, 7.0])
    thresholds, false, true = roc(distances, same)
    assert thresholds.tolist() == [1, 2, 2.5, 3, 5, 6, 7, 9]
    assert false.tolist() == [0, 0, 0.25, 0.25, 0.5, 0.75, 1, 1]
    assert true.tolist() == [0.25, 0.5, 0.5, 0.75, 0.75, 0.75, 0.75, 1]


def test_roc_never_accepts_pairs_without_a_distance_but_counts_them() -> None:
    same = np.array([True, True, False, False])
    thresholds, false, true = roc(np.array([1.0, np.inf, 2.0, np.inf]), same)
    assert thresholds.tolist() == [1, 2]
    assert false.tolist() == [0, 0.5]
    assert true.tolist() == [0.5, 0.5]
    assert [each.tolist() for each in roc(np.full(4, np.inf), same)] == [[], [], []]


def test_auc_takes_pairs_without_a_distance_as_the_farthest() -> None:
    same = np.array([True, True, False, False])
    # 1 < 2, 1 < ∞, ∞ > 2, ∞ = ∞
    assert auc(np.array([1.0, np.inf, 2.0, np.inf]), same) == pytest.approx((1 + 1 + 0 + 0.5) / 4)


def test_fit_is_the_minimum_of_the_penalised_loss() -> None:
    random = np.random.default_rng(3)
    distances = random.uniform(0.8, 1.4, 500)
    same = random.random(500) < 1 / (1 + np.exp(20 * (distances - 1.1)))
    fitted = fit_logistic(distances, same)
    weights = np.array([fitted.steepness * fitted.midpoint, -fitted.steepness])
    inputs = np.column_stack([np.ones(500), distances])
    # Where the gradient is zero; the ridge is 0.001.
    gradient = inputs.T @ (same - fitted(distances)) - 1e-3 * weights
    assert gradient == pytest.approx([0, 0], abs=1e-5)


@pytest.mark.parametrize("name", ["sklearn", "scipy"])
def test_what_is_missing_is_named_with_the_command_that_installs_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_statistics()
    monkeypatch.setattr(
        "facesearch_local.evaluation.statistics.find_spec",
        lambda asked: None if asked == name else sys,
    )
    with pytest.raises(SettingsError) as raised:
        require_statistics()
    message = str(raised.value)
    assert f"this Python has no {name}: pip install 'facesearch[evaluate]'" in message
    assert "pip install --require-hashes -r requirements-evaluate.txt" in message
