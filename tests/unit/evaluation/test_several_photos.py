"""Queries of several photos: by hand where the answer is plain, and what they must not see."""

import numpy as np

from facesearch_local.evaluation.several_photos import COUNTS, several_photos


def around(
    angle: float, spread: float, count: int
) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    angles = np.random.default_rng(5).normal(angle, spread, count)
    return np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)


def test_people_that_lie_apart_are_found_by_any_number_of_photos() -> None:
    people = np.array(["Ann"] * 7 + ["Bob"] * 8 + ["Few"] * 5)
    vectors = np.concatenate([around(0, 0.01, 7), around(1, 0.01, 8), around(2, 0.01, 5)])
    results = several_photos(people, vectors, seed=1)
    assert [each.photos for each in results] == list(COUNTS)
    # Every photo of Ann's and Bob's begins one query; whoever has five leaves nothing to be found.
    assert {(each.queries, each.people) for each in results} == {(15, 2)}
    assert {(each.rank_1, each.recall_at_20, each.map_at_20) for each in results} == {(1, 1, 1)}


def test_mean_of_several_photos_finds_what_one_does_not() -> None:
    people = np.array(["Ann"] * 40 + ["Bob"] * 40)
    vectors = np.concatenate([around(0, 0.5, 40), around(1, 0.5, 40)])
    one, *_, five = several_photos(people, vectors, seed=1)
    assert five.map_at_20 > one.map_at_20
    assert 0 < one.rank_1 < 1


def test_photos_that_are_left_out_are_no_answers() -> None:
    # Whatever is drawn, one of Ann's six is left: a second one would be an answer shown.
    people = np.array(["Ann"] * 6 + ["Bob"])
    vectors = np.concatenate([around(0, 0.01, 6), around(1, 0.01, 1)])
    for each in several_photos(people, vectors, seed=1):
        assert each.recall_at_20 == 1
        assert each.map_at_20 == 1


def test_nobody_with_six_photos_gives_no_figures() -> None:
    assert several_photos(np.array(["Ann"] * 5), around(0, 0.1, 5), seed=1) == ()
