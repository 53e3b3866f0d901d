"""Arithmetic on many boxes at once: make them square, move their edges, suppress overlaps."""

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]
"""Shape (n, 4): left, top, right, bottom, in pixels."""
Scores = NDArray[np.float32]
"""Shape (n,)."""

_BLOCK = 256
"""Boxes compared in one go: bounds the memory of photos with thousands of candidates."""


def make_square(boxes: Boxes) -> Boxes:
    """Make each box a square with the same centre, as large as its longer side."""
    centres = (boxes[:, :2] + boxes[:, 2:]) * np.float32(0.5)
    halves = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) * np.float32(0.5)
    return np.concatenate((centres - halves, centres + halves), axis=1)


def move_edges(boxes: Boxes, shares: NDArray[np.float32]) -> Boxes:
    """Each edge moved by its share (n, 4) of the box's width or height."""
    sizes = boxes[:, 2:] - boxes[:, :2]
    return boxes + shares * np.concatenate((sizes, sizes), axis=1)


def clip_boxes(boxes: Boxes, width: int, height: int) -> Boxes:
    """Clip the boxes to an image. A box outside it gets an area of 0."""
    return np.clip(boxes, 0, np.array((width, height, width, height), dtype=np.float32))


def best_of_overlapping(
    boxes: Boxes, scores: Scores, limit: float, *, of_smaller: bool = False
) -> NDArray[np.intp]:
    """Greedy non-maximum suppression: the indices of the boxes kept, best first.

    A box is dropped when its overlap with a better one exceeds `limit`. The overlap is the
    intersection as a share of the union, or of the smaller box with `of_smaller`. Boxes with equal
    scores keep their order.
    """
    remaining = np.argsort(-scores, kind="stable")
    kept: list[NDArray[np.intp]] = []
    while remaining.size:
        block, remaining = remaining[:_BLOCK], remaining[_BLOCK:]
        best = block[_greedy(_overlaps(boxes[block], boxes[block], of_smaller) > limit)]
        kept.append(best)
        if remaining.size:
            beaten = _overlaps(boxes[remaining], boxes[best], of_smaller) > limit
            remaining = remaining[~beaten.any(axis=1)]
    return np.concatenate(kept) if kept else remaining


def _greedy(overlapping: NDArray[np.bool_]) -> list[int]:
    """Rows and columns are boxes, best first."""
    kept: list[int] = []
    beaten = np.zeros(len(overlapping), dtype=np.bool_)
    for index in range(len(overlapping)):
        if not beaten[index]:
            kept.append(index)
            beaten |= overlapping[index]
    return kept


def _overlaps(first: Boxes, second: Boxes, of_smaller: bool) -> NDArray[np.float32]:
    """Shape (len(first), len(second))."""
    rows, columns = first[:, None], second[None]
    sides = np.minimum(rows[..., 2:], columns[..., 2:]) - np.maximum(
        rows[..., :2], columns[..., :2]
    )
    shared = np.maximum(sides, 0).prod(axis=2)
    one, other = _areas(first)[:, None], _areas(second)[None]
    whole = np.minimum(one, other) if of_smaller else one + other - shared
    overlaps: NDArray[np.float32] = shared / np.maximum(whole, np.finfo(np.float32).tiny)
    return overlaps


def _areas(boxes: Boxes) -> NDArray[np.float32]:
    areas: NDArray[np.float32] = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return areas
