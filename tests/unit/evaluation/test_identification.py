"""Identification's arithmetic, on cases small enough to work out by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from facesearch_local.evaluation.identification import identification
from facesearch_local.evaluation.ranking import nearest


def on_circle(*angles: float) -> NDArray[np.float32]:
    """Unit vectors in a plane, so that near angles are near faces."""
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


STRANGERS = [f"Stranger{number}" for number in range(30)]
FAR_AWAY = [3 + number / 100 for number in range(30)]


def test_missed_photo_is_a_failed_query_and_a_failed_answer() -> None:
    people = np.array(["Ann", "Ann", "Bob", *STRANGERS])
    vectors = on_circle(0.0, 0.1, 1.5, *FAR_AWAY)
    result = identification(people, vectors, np.array(["Bob", "Ann"]))
    # Five queries: both of Ann's find each other but not the third; Bob's finds nobody.
    assert (result.queries, result.people) == (5, 2)
    assert result.rank_1 == pytest.approx(2 / 5)
    assert result.rank_5 == pytest.approx(2 / 5)
    assert result.recall_at_20 == pytest.approx((1 / 2 + 1 / 2) / 5)
    assert result.map_at_20 == pytest.approx((1 / 2 + 1 / 2) / 5)
    assert result.precision_at == pytest.approx({1: 2 / 5, 5: 2 / 25, 10: 2 / 50, 20: 2 / 100})


def test_ranks_are_by_distance() -> None:
    people = np.array(["Ann", "Cid", "Ann", *STRANGERS])
    result = identification(people, on_circle(0.0, 0.05, 0.11, *FAR_AWAY), np.array([], np.str_))
    assert result.rank_1 == 0
    assert result.cmc[:3] == (0, 1, 1)
    assert result.recall_at_20 == 1
    assert result.map_at_20 == pytest.approx(1 / 2)


def test_recall_of_a_person_with_more_photos_than_are_shown_can_be_complete() -> None:
    people = np.array(["Ann"] * 30 + STRANGERS)
    vectors = on_circle(*(number / 1000 for number in range(30)), *FAR_AWAY)
    result = identification(people, vectors, np.array([], np.str_))
    assert (result.recall_at_20, result.map_at_20) == (1, 1)
    assert result.precision_at == {1: 1, 5: 1, 10: 1, 20: 1}


def test_people_with_one_photo_are_not_asked_but_may_be_found() -> None:
    people = np.array(["Ann", "Cid", "Ann"])
    result = identification(people, on_circle(0.0, 0.1, 0.3), np.array([], np.str_))
    assert result.queries == 2
    # Cid is nearer to both.
    assert result.rank_1 == 0


def test_interval_of_one_person_drawn_anew_is_that_persons_mean() -> None:
    people = np.array(["Ann", "Ann", "Ann", "Cid"])
    result = identification(people, on_circle(0.0, 0.1, 1.0, 0.95), np.array([], np.str_))
    assert result.rank_1 == pytest.approx(2 / 3)
    assert result.rank_1_interval == pytest.approx((2 / 3, 2 / 3))


def test_nearest_of_long_vectors_keeps_small_differences_and_breaks_ties_by_place() -> None:
    base = np.full((1, 64), 1e4, np.float32)
    steps = np.array([0.0, 3.0, 1.0, 2.0, 1.0], np.float32)
    vectors = base + steps[:, None] * np.eye(1, 64, dtype=np.float32)
    order, distances = nearest(vectors, np.array([0]), 4)
    assert order.tolist() == [[2, 4, 3, 1]]
    assert distances.tolist() == [[1, 1, 2, 3]]
