"""Exact nearest neighbours among the vectors of a labelled folder."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Ranked = tuple[NDArray[np.intp], NDArray[np.float64]]
"""Places of the neighbours and their L2 distances, best first: each shape (queries, k)."""

Rank = Callable[[Vectors, NDArray[np.intp], int], Ranked]
"""From all vectors (n, d), the places of the queries and k: each query's k nearest others."""

BLOCK = 256
"""Queries compared at once: bounds the memory of the distance matrix."""


def nearest(vectors: Vectors, queries: NDArray[np.intp], k: int) -> Ranked:
    """By L2 distance, ties by place; `vectors` need not have unit length."""
    return nearest_to(vectors[queries], vectors, k, leave_out=queries[:, None])


def nearest_to(points: Vectors, vectors: Vectors, k: int, *, leave_out: NDArray[np.intp]) -> Ranked:
    """The nearest of each point, shape (q, d); `leave_out` (q, m): places that do not count."""
    k = min(k, len(vectors) - leave_out.shape[1])
    squares = np.einsum("nd,nd->n", vectors, vectors)
    order = np.empty((len(points), k), np.intp)
    distances = np.empty((len(points), k))
    for start in range(0, len(points), BLOCK):
        block = points[start : start + BLOCK]
        # |a|² is the same for all of a point's neighbours.
        far = squares - 2 * (block @ vectors.T)
        far[np.arange(len(block))[:, None], leave_out[start : start + BLOCK]] = np.inf
        near = np.sort(np.argpartition(far, k - 1, axis=1)[:, :k], axis=1)
        # The shortcut above loses digits where vectors are long: measure the few again.
        exact = np.linalg.norm(vectors[near] - block[:, None], axis=2)
        by_rank = np.argsort(exact, axis=1, kind="stable")
        order[start : start + BLOCK] = np.take_along_axis(near, by_rank, axis=1)
        distances[start : start + BLOCK] = np.take_along_axis(exact, by_rank, axis=1)
    return order, distances
