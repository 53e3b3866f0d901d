"""The evaluation's arithmetic, on cases small enough to work out by hand."""

from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.lfw import (
    MainFaces,
    identification,
    pair_distances,
    read_pairs,
    verification,
)


def faces(vectors: dict[str, float], missed: list[str]) -> MainFaces:
    """Unit vectors in a plane, by angle, so that near angles are near faces."""
    embeddings = np.zeros((len(vectors), 128), np.float32)
    for row, angle in enumerate(vectors.values()):
        embeddings[row, :2] = np.cos(angle), np.sin(angle)
    return MainFaces(list(vectors), embeddings, missed)


def strangers(count: int) -> dict[str, float]:
    return {f"Stranger{n}_0001": 3 + n / 100 for n in range(count)}


def test_identification_counts_a_missed_photo_as_a_failed_query_and_a_failed_answer() -> None:
    photos = {"Ann_0001": 0.0, "Ann_0002": 0.1, "Bob_0001": 1.5, **strangers(30)}
    result = identification(faces(photos, missed=["Bob_0002", "Ann_0003"]))
    # Five queries: both of Ann's find each other but not the third; Bob's finds nobody.
    assert result.queries == 5
    assert result.rank_1 == pytest.approx(2 / 5)
    assert result.recall_at_20 == pytest.approx((1 / 2 + 1 / 2) / 5)
    assert result.map_at_20 == pytest.approx((1 / 2 + 1 / 2) / 5)


def test_identification_ranks_by_distance() -> None:
    photos = {"Ann_0001": 0.0, "Cid_0001": 0.05, "Ann_0002": 0.11, **strangers(30)}
    result = identification(faces(photos, missed=[]))
    assert result.rank_1 == 0
    assert result.recall_at_20 == 1
    assert result.map_at_20 == pytest.approx(1 / 2)


def test_verification_chooses_each_threshold_on_the_other_folds() -> None:
    same = np.tile([True, False], 50)
    distances = np.where(same, 0.5, 1.5)
    assert verification(distances, same).accuracy == 1
    # A fold whose pairs are the wrong way round is wrong: its own threshold would hide that.
    distances[:10] = 2 - distances[:10]
    assert verification(distances, same).accuracy == pytest.approx(0.9)


def test_read_pairs_gives_names_and_truth(tmp_path: Path) -> None:
    file = tmp_path / "pairs.txt"
    file.write_text("10\t300\nAbel_Pacheco\t1\t4\nAnn\t1\tBob_Lee\t12\n")
    pairs, same = read_pairs(file)
    assert pairs == [("Abel_Pacheco_0001", "Abel_Pacheco_0004"), ("Ann_0001", "Bob_Lee_0012")]
    assert same.tolist() == [True, False]


def test_pair_distance_of_a_missed_photo_is_the_largest() -> None:
    some = faces({"Ann_0001": 0.0, "Ann_0002": np.pi / 3}, missed=["Bob_0001"])
    distances = pair_distances(some, [("Ann_0001", "Ann_0002"), ("Ann_0001", "Bob_0001")])
    assert distances == pytest.approx([1.0, 2.0])
