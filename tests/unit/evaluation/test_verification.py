"""Verification's arithmetic, on cases small enough to work out by hand."""

import numpy as np
import pytest

from facesearch_local.evaluation.verification import (
    accepts,
    pair_distances,
    threshold_at,
    true_accepts_at,
    verification,
)

SAME = np.tile([True, False], 50)
FOLD = np.arange(100) // 10


def test_each_threshold_is_chosen_on_the_other_folds() -> None:
    distances = np.where(SAME, 0.5, 1.5)
    assert verification(distances, SAME, FOLD).accuracy == 1
    # A fold whose pairs are the wrong way round is wrong: its own threshold would hide that.
    distances[:10] = 2 - distances[:10]
    result = verification(distances, SAME, FOLD)
    assert result.accuracy == pytest.approx(0.9)
    assert result.deviation == pytest.approx(0.3)


def test_pair_without_a_face_is_rejected_whatever_the_threshold() -> None:
    distances = np.where(SAME, 0.5, 1.5)
    distances[0], distances[1] = np.inf, np.inf
    result = verification(distances, SAME, FOLD)
    assert result.undetected == 2
    # Right for the pair of two people, wrong for the pair of one.
    assert result.accuracy == pytest.approx(0.99)
    assert not accepts(np.array([np.inf]), np.inf).any()


def test_all_pairs_without_a_face_leave_half_right() -> None:
    assert verification(np.full(100, np.inf), SAME, FOLD).accuracy == 0.5


def test_auc_is_the_share_of_right_orders_with_ties_counting_half() -> None:
    same = np.array([True, True, False, False])
    result = verification(np.array([1.0, 3.0, 2.0, 3.0]), same, np.array([0, 1, 0, 1]))
    # 1 < 2, 1 < 3, 3 > 2, 3 = 3
    assert result.auc == pytest.approx((1 + 1 + 0 + 0.5) / 4)


def test_true_accepts_are_counted_where_false_ones_are_bearable() -> None:
    same = np.array([True] * 4 + [False] * 4)
    distances = np.array([1.0, 2.0, 3.0, 9.0, 2.5, 5.0, 6.0, 7.0])
    assert threshold_at(distances, same, 0.25) == 3.0
    assert true_accepts_at(distances, same, 0.25) == 3
    assert true_accepts_at(distances, same, 0.0) == 2


def test_no_true_accepts_where_a_pair_of_two_people_is_the_nearest() -> None:
    assert true_accepts_at(np.array([1.0, 0.5]), np.array([True, False]), 0.001) == 0


def test_pair_distances_follow_places_and_are_infinite_without_a_vector() -> None:
    vectors = np.array([[0, 0], [3, 4]], np.float32)
    place = np.array([0, -1, 1])
    distances = pair_distances(vectors, place, np.array([0, 0, 1]), np.array([2, 1, 2]))
    assert distances.tolist() == [5, np.inf, np.inf]
