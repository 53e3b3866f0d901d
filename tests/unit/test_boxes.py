"""Box arithmetic against the plainest way to write it."""

import numpy as np
import pytest

from facesearch.vision.boxes import Boxes, best_of_overlapping, clip_boxes, make_square, move_edges


def boxes(*rows: tuple[float, float, float, float]) -> Boxes:
    return np.array(rows, dtype=np.float32).reshape(-1, 4)


def overlap(one: Boxes, other: Boxes, of_smaller: bool) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(across, 0) * max(down, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(shared / (min(areas) if of_smaller else sum(areas) - shared))


@pytest.mark.parametrize("of_smaller", [False, True])
def test_best_of_overlapping_of_many_boxes_keeps_what_one_by_one_would(of_smaller: bool) -> None:
    random = np.random.default_rng(7)
    corners = random.uniform(0, 400, (700, 2))
    many = np.hstack((corners, corners + random.uniform(20, 80, (700, 2)))).astype(np.float32)
    scores = random.uniform(0, 1, 700).astype(np.float32)
    expected: list[int] = []
    for index in np.argsort(-scores):
        if all(overlap(many[index], many[kept], of_smaller) <= 0.3 for kept in expected):
            expected.append(int(index))
    kept = best_of_overlapping(many, scores, 0.3, of_smaller=of_smaller)
    assert kept.tolist() == expected


def test_best_of_overlapping_with_equal_scores_keeps_the_first() -> None:
    same = boxes((0, 0, 10, 10), (1, 0, 11, 10), (50, 50, 60, 60))
    assert best_of_overlapping(same, np.ones(3, dtype=np.float32), 0.5).tolist() == [0, 2]


def test_best_of_overlapping_of_no_boxes_is_empty() -> None:
    assert best_of_overlapping(boxes(), np.empty(0, dtype=np.float32), 0.5).size == 0


def test_best_of_overlapping_of_nested_boxes_drops_the_inner_only_by_share_of_smaller() -> None:
    nested = boxes((0, 0, 100, 100), (40, 40, 60, 60))
    scores = np.array([0.9, 0.8], dtype=np.float32)
    assert best_of_overlapping(nested, scores, 0.7).tolist() == [0, 1]
    assert best_of_overlapping(nested, scores, 0.7, of_smaller=True).tolist() == [0]


def test_make_square_keeps_the_centre_and_takes_the_longer_side() -> None:
    assert make_square(boxes((10, 20, 30, 80))).tolist() == [[-10, 20, 50, 80]]


def test_move_edges_moves_by_shares_of_width_and_height() -> None:
    moved = move_edges(boxes((10, 20, 30, 60)), boxes((0.5, -0.25, 0.0, 0.25)))
    assert moved.tolist() == [[20, 10, 30, 70]]


def test_clip_boxes_leaves_nothing_of_a_box_outside_the_image() -> None:
    clipped = clip_boxes(boxes((-5, 10, 300, 90), (210, 10, 240, 40)), 200, 100)
    assert clipped.tolist() == [[0, 10, 200, 90], [200, 10, 200, 40]]
