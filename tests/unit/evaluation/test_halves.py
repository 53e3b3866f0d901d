"""Identification by halves of the people: each counts its own, among everybody."""

import numpy as np
import pytest

from facesearch_local.evaluation.identification import identification, retrieve, score_queries
from tests.evaluation.study.halves import Half, Halves, by_half, choices, half_of
from tests.evaluation.study.variants import VARIANTS, costs_as_shipped


def test_halves_count_their_own_queries_and_find_among_everybody() -> None:
    first = [name for name in "ABCDEFGH" if half_of(name) == 0][:2]
    second = next(name for name in "ABCDEFGH" if half_of(name) == 1)
    # The second half's photos stand between one another's: its nearest is of the first half.
    people = np.array([first[0], first[0], first[1], first[1], second, second])
    angles = (0.0, 0.1, 1.0, 1.1, 0.05, 1.05)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    missed = np.array([second])
    halved = by_half(score_queries(people, missed, retrieve(people, vectors, missed)))
    assert halved is not None
    assert [half.queries for half in halved] == [4, 3]
    assert halved[1].rank_1 == 0
    whole = identification(people, vectors, missed)
    for name in ("rank_1", "recall_at_20", "map_at_20"):
        parts = [getattr(half, name) * half.queries for half in halved]
        assert sum(parts) == pytest.approx(getattr(whole, name) * 7)


def test_half_with_nobody_gives_no_halves() -> None:
    alone = np.array(["A", "A"])
    vectors = np.eye(2, dtype=np.float32)
    nobody = np.array([], np.str_)
    assert by_half(score_queries(alone, nobody, retrieve(alone, vectors, nobody))) is None


def test_each_half_chooses_by_its_own_mean_average_precision() -> None:
    def halves(first: float, second: float) -> Halves:
        return Half(9, 0.0, 0.0, first), Half(9, 0.0, 0.0, second)

    systems = {"a": halves(0.8, 0.7), "b": halves(0.9, 0.6), "c": halves(0.1, 0.8)}
    assert choices(systems) == ("b", "c")


def test_only_recipes_at_the_cost_of_the_shipped_one_are_chosen_among() -> None:
    assert costs_as_shipped("facenet")
    assert {name for name in VARIANTS if not costs_as_shipped(name)} == {
        "facenet+mirrored",
        "facenet+two-views",
        "facenet+four-views",
        "facenet+fp32",
        "facenet+expanded",
        "facenet+two-views+expanded",
        "facenet+k-reciprocal",
    }
    assert not any(map(costs_as_shipped, ("facenet-report", "whole-image", "peer:dlib")))
