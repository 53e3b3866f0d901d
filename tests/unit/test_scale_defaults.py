"""Defaults that depend on size are what the benchmark chose, and name it."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from facesearch.planning.capacity import REDUNDANCY, Workload, size_index
from facesearch.planning.hnsw import MOST_FACES_IN_SHARD, crowded, hnsw_for
from tests.benchmarks.scale.report import SHIPPED, Row, read_rows

SHIPPED_CODE = Path(__file__).parents[2] / "layers" / "facesearch" / "python" / "facesearch"
BENCHMARK = re.compile(r"`(tests\.benchmarks\.\w+)`")

WANTED = {"same_person": 0.999, "recall": 0.99}
MOST_RATIO = 1.01
MOST_P95_MS = 25


SIZES = sorted({row["faces"] for row in read_rows()})


@pytest.mark.parametrize("faces", [each for each in SIZES if each <= MOST_FACES_IN_SHARD])
def test_ef_search_is_the_least_measured_one_that_finds_enough(faces: int) -> None:
    """In every index of that size: their graphs differ, and one finds more than another."""
    rows = [row for row in read_rows() if row["faces"] == faces]
    assert {row["shape"] for row in rows} <= set(SHIPPED)
    chosen = hnsw_for(faces).ef_search
    for row in rows:
        assert chosen in {each["ef_search"] for each in row["searched"]}
    ways = [each for row in rows for each in row["searched"]]
    assert all(_suffices(each) for each in ways if each["ef_search"] == chosen)
    for ef_search in {each["ef_search"] for each in ways if each["ef_search"] < chosen}:
        assert not all(_suffices(each) for each in ways if each["ef_search"] == ef_search)


def test_no_shard_gets_more_faces_than_are_found_in_one() -> None:
    assert MOST_FACES_IN_SHARD in SIZES
    (row,) = (row for row in read_rows() if row["faces"] > MOST_FACES_IN_SHARD)
    assert not any(map(_suffices, row["searched"]))
    assert crowded(5_000_000, shards=1) == crowded(10_000_000, shards=2) == ()
    (note,) = crowded(10_000_001, shards=2)
    assert "shards=3" in note
    for faces in (10_000_000, 100_000_000, 1_000_000_000):
        size = size_index(Workload(faces, 10, 10_000), REDUNDANCY["prod"])
        assert size.faces_in_shard <= MOST_FACES_IN_SHARD


def test_millions_of_faces_are_searched_in_time_when_nothing_else_runs() -> None:
    rows = [row for row in read_rows() if "nothing else running" in row.get("note", "")]
    assert {row["faces"] for row in rows} == {1_000_000, 3_000_000}
    for row in rows:
        chosen = hnsw_for(row["faces"]).ef_search
        (default,) = (each for each in row["searched"] if each["ef_search"] == chosen)
        assert default["p95_ms"] <= MOST_P95_MS


@pytest.mark.parametrize(
    "module",
    ["planning/hnsw", "planning/capacity", "planning/one_file", "stores/opensearch/index"],
)
def test_defaults_name_the_benchmark_that_chose_them(module: str) -> None:
    named = BENCHMARK.findall((SHIPPED_CODE / f"{module}.py").read_text())
    assert named
    for each in named:
        assert find_spec(each), each


def _suffices(way: Row) -> bool:
    near = way["nearness"]
    found = all(near[name] >= least for name, least in WANTED.items())
    return found and bool(near["ratio"] <= MOST_RATIO)
