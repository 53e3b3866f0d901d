"""Searching SQLite by codes answers to the last bit as comparing every face does."""

import gzip
import random
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest
from numpy.typing import NDArray

from facesearch.errors import StoreDamaged
from facesearch.faces import Embedding, IndexedPhoto, Recipe, Removal
from facesearch.planning import one_file
from facesearch.stores import Counts
from facesearch.stores.sqlite import nearest
from facesearch.stores.sqlite.backup import back_up, restore
from facesearch.stores.sqlite.schema import SCHEMA_VERSION
from facesearch.stores.sqlite.store import SqliteStore
from tests.contract.samples import RECIPE, distances_to, indexed, unit_vectors, vector
from tests.integration.earlier_versions.installing import HERE as EARLIER_VERSIONS

K = 20
FILTERS: tuple[Mapping[str, object], ...] = (
    {},
    {"collection": "a"},
    {"metadata": {"third": "1"}},
    {"collection": "b", "metadata": {"third": "2"}},
    {"min_detection_score": 0.5},
    {"collection": "a", "metadata": {"third": "0"}, "min_detection_score": 0.1},
    {"collection": "nobody's"},
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "faces.db"


@pytest.fixture
def by_codes(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteStore]:
    """A store that reads codes at its first search."""
    monkeypatch.setattr(nearest, "SCANS_BEFORE_CODES", 0)
    monkeypatch.setattr(nearest, "FEW_SLOTS", 3)
    with SqliteStore(path, RECIPE) as store:
        yield store


def _photos(embeddings: NDArray[np.float32], sequence: int = 1) -> list[IndexedPhoto]:
    return [
        indexed(
            f"p{number}",
            sequence,
            embeddings[number : number + 1],
            collection="ab"[number % 2],
            metadata={"third": str(number % 3)},
        )
        for number in range(len(embeddings))
    ]


Found = list[tuple[str, float]]


def _found(store: SqliteStore, query: Embedding, k: int, **filters: object) -> Found:
    matches = store.search(query, k, **filters)  # type: ignore[arg-type]
    return [(match.stored.face_id, match.distance) for match in matches]


def _compared(path: Path, query: Embedding, k: int, **filters: object) -> Found:
    """By comparing every face: sqlite-vec's own search, ordered by distance and then by id."""
    with pytest.MonkeyPatch.context() as patch, SqliteStore(path, None) as reading:
        recipe = reading.stored_recipe()
        assert recipe is not None
        patch.setattr(nearest, "CODES_BYTES", -1)
        patch.setattr(nearest, "VEC0_MOST", 0)
        with SqliteStore(path, replace(recipe, unit_length=False)) as store:
            return _found(store, query, k, **filters)


def _assert_the_same(
    store: SqliteStore, path: Path, query: Embedding, k: int, **filters: object
) -> None:
    expected = _compared(path, query, k, **filters)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nearest, "_scanned", _refused)
        assert _found(store, query, k, **filters) == expected


def _refused(*_: object) -> None:
    raise AssertionError("the file was scanned")


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(units, np.float32)


def _of_people(people: int, each: int, spread: float) -> NDArray[np.float32]:
    """As LFW's: the photos of a person are near each other, the others far off in some 30 ways."""
    chance = np.random.default_rng(3)
    ways = chance.standard_normal((30, 128))
    means = _unit(chance.standard_normal((people, 30)) @ ways)
    noise = chance.standard_normal((people * each, 128)) * spread / np.sqrt(128)
    return _unit(np.repeat(means, each, axis=0) + noise)


def _axes() -> NDArray[np.float32]:
    """Vectors along one axis or two: the coarsest scale that a code can have."""
    axes = np.eye(128, dtype=np.float32)
    return np.concatenate((axes, -axes, _unit(axes + np.roll(axes, 1, axis=1))))


def _near_ties() -> NDArray[np.float32]:
    """Around one vector, in steps from the last bit of a number to a code's."""
    steps = np.repeat(10.0 ** -np.arange(8, 1, -1.0), 60)[:, None]
    noise = np.random.default_rng(4).standard_normal((len(steps), 128))
    return _unit(vector(0) + steps * _unit(noise))


def _copies() -> NDArray[np.float32]:
    """The same few vectors again and again."""
    return np.tile(unit_vectors(3, seed=5), (200, 1))


def _as_long_as_allowed() -> NDArray[np.float32]:
    lengths = np.random.default_rng(6).uniform(0.9992, 1.0008, (2000, 1))
    return np.asarray(unit_vectors(2000, seed=7) * lengths, np.float32)


@pytest.mark.parametrize(
    "embeddings",
    [
        pytest.param(unit_vectors(8000, seed=1), id="random"),
        pytest.param(_of_people(1000, 4, 0.5), id="people"),
        pytest.param(_axes(), id="axes"),
        pytest.param(_near_ties(), id="near ties"),
        pytest.param(_copies(), id="copies"),
        pytest.param(_as_long_as_allowed(), id="not quite of unit length"),
    ],
)
def test_search_by_codes_is_to_the_bit_that_of_comparing_all(
    path: Path, by_codes: SqliteStore, embeddings: NDArray[np.float32]
) -> None:
    by_codes.write(_photos(embeddings))
    chance = np.random.default_rng(8)
    queries = _unit(embeddings[:3] + 0.03 * chance.standard_normal((3, 128)))
    for query in (embeddings[0], -embeddings[0], vector(0), *queries):
        for k in (1, K, 150):
            _assert_the_same(by_codes, path, query, k)
        for filters in FILTERS:
            _assert_the_same(by_codes, path, query, K, **filters)
    distances = distances_to(embeddings, vector(0))
    found = [distance for _, distance in _found(by_codes, vector(0), K)]
    np.testing.assert_allclose(found, np.sort(distances)[:K], atol=1e-6)


@pytest.mark.parametrize("dimension", [64, 512, 2048])
def test_search_by_codes_of_any_dimension_and_length_is_exact(
    path: Path, monkeypatch: pytest.MonkeyPatch, dimension: int
) -> None:
    monkeypatch.setattr(nearest, "SCANS_BEFORE_CODES", 0)
    recipe = Recipe("detector", "crop", f"of {dimension}", dimension, unit_length=False)
    chance = np.random.default_rng(dimension)
    lengths = np.concatenate((np.full(400, 1.0), 10.0 ** np.arange(-22, 18), [0]))
    directions = _unit(chance.standard_normal((len(lengths), dimension)))
    embeddings = np.asarray(directions * lengths[:, None], np.float32)
    with SqliteStore(path, recipe) as store:
        store.write(_photos(embeddings))
        for length in (1.0, 1e-3, 40.0):
            query = np.asarray(_unit(chance.standard_normal((1, dimension)))[0] * length)
            for k in (1, 30, 430):
                _assert_the_same(store, path, query.astype(np.float32), k)


def test_codes_follow_what_this_and_other_programs_write(path: Path, by_codes: SqliteStore) -> None:
    chance = random.Random(1)  # noqa: S311
    with SqliteStore(path, RECIPE) as another:
        for step in range(30):
            writer = chance.choice((by_codes, another))
            writer.write([_change(chance, step * 40 + n + 1) for n in range(40)])
            for filters in ({}, chance.choice(FILTERS)):
                _assert_the_same(by_codes, path, vector(step), K, **filters)


def test_face_that_moved_into_the_place_of_another_is_found_once(
    path: Path, by_codes: SqliteStore
) -> None:
    embeddings = unit_vectors(600, seed=1)
    by_codes.write([indexed(f"p{n}", 1, [each]) for n, each in enumerate(embeddings)])
    last = embeddings[-1]
    _assert_the_same(by_codes, path, last, 2)
    with SqliteStore(path, RECIPE) as another:
        another.write([Removal("p0", 2)])
    assert _found(by_codes, last, 2) == _compared(path, last, 2)


def test_codes_are_read_in_parts_while_the_file_is_scanned(
    path: Path, by_codes: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what changes meanwhile is read, too."""
    monkeypatch.setattr(nearest, "CHUNKS_AT_ONCE", 2)
    by_codes.write(_photos(unit_vectors(3000, seed=1)))
    scan, scans = nearest._scanned, 0

    def counted(*arguments: Any) -> Any:
        nonlocal scans
        scans += 1
        return scan(*arguments)

    monkeypatch.setattr(nearest, "_scanned", counted)
    for step in range(6):
        assert _found(by_codes, vector(step), K) == _compared(path, vector(step), K)
        with SqliteStore(path, RECIPE) as another:
            another.write([indexed(f"p{step}", 2, [vector(step)])])
    for step in range(4):
        _found(by_codes, vector(step), K)
    assert 5 <= scans <= 6 + 6 + 3
    for filters in FILTERS:
        _assert_the_same(by_codes, path, vector(3), K, **filters)


def _change(chance: random.Random, sequence: int) -> IndexedPhoto | Removal:
    name = f"p{chance.randrange(1000)}"
    if chance.random() < 0.3:
        return Removal(name, sequence)
    faces = unit_vectors(chance.randrange(6), seed=sequence)
    third = {"third": str(chance.randrange(3))}
    return indexed(name, sequence, faces, collection=chance.choice("abc"), metadata=third)


def _write_much(path: Path, first: int) -> None:
    with SqliteStore(path, RECIPE) as store:
        for sequence in range(first, first + 40):
            store.write([_change(random.Random(sequence), sequence * 10) for _ in range(10)])  # noqa: S311


def test_searches_of_threads_while_other_processes_write_see_whole_states(
    path: Path, by_codes: SqliteStore
) -> None:
    by_codes.write(_photos(unit_vectors(3000, seed=1)))
    kept = vector(2**31)
    by_codes.write([indexed("kept", 1, [kept], collection="a", metadata={"third": "1"})])

    def search(number: int) -> None:
        filters = FILTERS[number % 3]
        (_, nearest_s), *rest = _found(by_codes, kept, K, **filters)
        assert nearest_s == 0
        assert len({face_id for face_id, _ in rest}) == K - 1
        assert all(one <= other for (_, one), (_, other) in pairwise(rest))

    with (
        ProcessPoolExecutor(2, get_context("spawn")) as pool,
        ThreadPoolExecutor(3) as threads,
    ):
        writing = [pool.submit(_write_much, path, first) for first in (1, 1000)]
        while not all(each.done() for each in writing):
            list(threads.map(search, range(12)))
        for each in writing:
            each.result()
    for filters in FILTERS:
        _assert_the_same(by_codes, path, vector(3), K, **filters)


def test_codes_are_not_those_of_a_store_that_was_restored(
    path: Path, by_codes: SqliteStore
) -> None:
    """Both have had as many changes: only their content differs."""
    by_codes.write(_photos(unit_vectors(600, seed=1)))
    copy = path.with_name("copy.db")
    back_up(path, copy)
    by_codes.write([indexed("new", 2, [vector(1)])])
    assert _found(by_codes, vector(1), 1)[0][1] == 0
    restore(copy, path)
    with SqliteStore(path, RECIPE) as another:
        another.write([indexed("new", 2, [vector(2)])])
    assert _found(by_codes, vector(2), 1)[0][1] == 0
    for seed in range(5):
        _assert_the_same(by_codes, path, vector(seed), K)


def test_file_of_format_3_is_searched_as_it_is_and_gets_codes_when_it_is_written(
    path: Path, by_codes: SqliteStore
) -> None:
    path.write_bytes(gzip.decompress((EARLIER_VERSIONS / "6e5db2d" / "faces.db.gz").read_bytes()))
    counts = {"a": Counts(29, 29), "b": Counts(29, 29), "default": Counts(1, 0)}
    embeddings = unit_vectors(60, seed=1)[2:]
    for version in (3, SCHEMA_VERSION):
        assert by_codes.collections() == counts
        assert by_codes.counts() == Counts(59, 58)
        assert by_codes.status().counts == Counts(59, 58)
        for filters in FILTERS:
            assert _found(by_codes, vector(3), K, **filters) == _compared(
                path, vector(3), K, **filters
            )
        found = [distance for _, distance in _found(by_codes, vector(3), 58)]
        expected = np.sort(distances_to(embeddings, vector(3)))
        np.testing.assert_allclose(found, expected, atol=1e-6)
        database = apsw.Connection(str(path))
        assert database.pragma("user_version") == version
        database.close()
        by_codes.write([Removal("not there", 1)])
    _assert_the_same(by_codes, path, vector(3), K)


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM stamps WHERE chunk = 0",
        "DELETE FROM stamps WHERE chunk = 2",
        "UPDATE collections SET faces = faces + 1 WHERE name = 'a'",
        "DELETE FROM collections WHERE name = 'b'",
    ],
)
def test_damage_to_what_searches_and_lists_rely_on_is_found(path: Path, damage: str) -> None:
    with SqliteStore(path, RECIPE) as store:
        store.write(_photos(unit_vectors(600, seed=1)))
        database = apsw.Connection(str(path))
        database.execute(damage)
        database.close()
        with pytest.raises(StoreDamaged):
            store.status()


def test_status_says_when_there_are_more_faces_than_sqlite_is_good_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SqliteStore(path, RECIPE) as store:
        store.write(_photos(unit_vectors(20, seed=1)))
        assert store.status().notes == ()
        monkeypatch.setattr(one_file, "MANY_FACES", 20)
        (note,) = store.status().notes
    assert "20 faces" in note
    assert "facesearch plan" in note
