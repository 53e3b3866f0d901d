"""Int8 weights are as close as the limit on neighbours allows, and never break it."""

import numpy as np
import pytest

from facesearch_models.weights import (
    LARGEST_PAIR,
    LARGEST_WEIGHT,
    in_kernel_order,
    largest_pairs,
    quantise_weights,
)


@pytest.mark.parametrize("shape", [(8, 3, 3, 3), (16, 32, 1, 1), (5, 7, 1, 7)])
def test_quantise_weights_random_kernel_keeps_limits_and_precision(
    shape: tuple[int, ...],
) -> None:
    weight = np.random.default_rng(1).laplace(size=shape).astype(np.float32)
    stored, steps = quantise_weights(weight)
    assert stored.dtype == np.int8
    assert stored.shape == shape
    assert np.abs(stored.astype(int)).max() <= LARGEST_WEIGHT
    assert largest_pairs(in_kernel_order(stored).astype(np.float64)).max() <= LARGEST_PAIR
    error = stored * steps[:, None, None, None] - weight
    assert np.sqrt(np.square(error).mean() / np.square(weight).mean()) < 0.015


def test_quantise_weights_large_neighbours_of_one_sign_share_the_limit() -> None:
    stored, steps = quantise_weights(np.full((1, 4, 1, 1), 2.0, np.float32))
    assert stored.ravel().tolist() == [64, 64, 64, 64]
    assert steps[0] == pytest.approx(2 / 64)


def test_quantise_weights_neighbours_of_opposite_sign_use_the_whole_range() -> None:
    stored, _ = quantise_weights(np.array([3, -3, 3], np.float32).reshape(1, 3, 1, 1))
    assert stored.ravel().tolist() == [127, -127, 127]


def test_in_kernel_order_puts_channels_of_one_place_side_by_side() -> None:
    weight = np.array([["a", "b"], ["c", "d"]]).reshape(1, 2, 1, 2)
    assert in_kernel_order(weight).tolist() == [["a", "c", "b", "d"]]


def test_largest_pairs_ignores_sums_of_opposite_signs() -> None:
    rows = np.array([[100.0, -100.0, 20.0], [-60.0, -70.0, 1.0]])
    assert largest_pairs(rows).tolist() == [100.0, 130.0]
