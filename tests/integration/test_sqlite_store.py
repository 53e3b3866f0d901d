"""What only the SQLite store promises: its file, its exactness, and what spoils either."""

import os
import random
import sqlite3
import tracemalloc
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Timer

import apsw
import numpy as np
import pytest
from numpy.typing import NDArray

from facesearch.errors import SettingsError, StoreNotFound, StoreUnavailable
from facesearch.faces import Embedding, IndexedPhoto, Match, Removal
from facesearch.stores import Counts, open_store
from facesearch.stores.sqlite import file as sqlite_file
from facesearch.stores.sqlite.schema import APPLICATION_ID, SCHEMA_VERSION
from facesearch.stores.sqlite.store import SqliteStore
from tests.contract.samples import (
    RECIPE,
    distances_to,
    indexed,
    photo_ids,
    unit_vectors,
    vector,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "faces.db"


def _opened(path: Path) -> SqliteStore:
    return SqliteStore.from_url(f"sqlite:///{path}", RECIPE)


def _fill(path: Path, photos: int = 3) -> None:
    with _opened(path) as store:
        store.write([indexed(f"p{n}", 1, [vector(n)]) for n in range(photos)])


def test_from_url_relative_path_is_in_the_folder_of_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    with open_store("sqlite:///sub/my faces%20?x=1#.db", RECIPE) as store:
        monkeypatch.chdir("/")
        store.write([indexed("a")])
    assert (tmp_path / "sub" / "my faces%20?x=1#.db").is_file()


def test_from_url_memory_is_shared_by_transactions_and_gone_when_closed() -> None:
    store = open_store("sqlite:///:memory:", RECIPE)
    with pytest.raises(StoreNotFound):
        store.counts()
    store.write([indexed(f"p{n}", 1, [vector(n)]) for n in range(1200)])
    for listing in store.photos():
        store.write([Removal(listing.photo.photo_id, 2)])
    assert store.counts() == Counts(0, 0)
    with open_store("sqlite:///:memory:", RECIPE) as another, pytest.raises(StoreNotFound):
        another.counts()
    store.close()
    with pytest.raises(StoreNotFound):
        store.counts()
    assert not Path(":memory:").exists()


@pytest.mark.parametrize("url", ["sqlite://faces.db", "sqlite:///", "sqlite:", "sqlite:/a.db"])
def test_from_url_without_a_path_raises_settings_error(url: str) -> None:
    with pytest.raises(SettingsError, match=r"sqlite:///faces\.db"):
        SqliteStore.from_url(url, RECIPE)


def test_file_says_what_it_is_and_is_all_there_is_after_close(path: Path) -> None:
    _fill(path)
    assert [each.name for each in path.parent.iterdir()] == ["faces.db"]
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert database.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def test_opening_and_reading_create_no_file(path: Path) -> None:
    with _opened(path) as store, pytest.raises(StoreNotFound, match=r"faces\.db"):
        store.counts()
    assert list(path.parent.iterdir()) == []


def test_write_refused_by_the_caller_s_mistake_creates_no_file(path: Path) -> None:
    with _opened(path) as store, pytest.raises(ValueError, match="embedding"):
        store.write([indexed("a", 1, [vector(1) * 3])])
    assert list(path.parent.iterdir()) == []


def test_empty_file_reads_as_no_store_and_can_become_one(path: Path) -> None:
    path.touch()
    with _opened(path) as store:
        with pytest.raises(StoreNotFound):
            store.counts()
        assert store.stored_recipe() is None
        store.write([indexed("a")])
        assert store.counts() == Counts(1, 0)


def test_another_writer_that_does_not_finish_is_reported(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT_S", 0.1)
    _fill(path)
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    with _opened(path) as store:
        with pytest.raises(StoreUnavailable, match="another process: try again later"):
            store.write([indexed("a")])
        assert store.counts() == Counts(3, 3)
        other.execute("ROLLBACK")
        assert store.write([indexed("a")]) == [True]
    other.close()


def test_first_writes_at_once_make_one_store(tmp_path: Path) -> None:
    writers = 8
    with ThreadPoolExecutor(writers) as pool:
        for attempt in range(5):
            path = tmp_path / f"{attempt}.db"

            def write(number: int, path: Path = path) -> list[object]:
                with _opened(path) as store:
                    return [*store.write([indexed(f"p{number}", 1, [vector(number)])])]

            assert list(pool.map(write, range(writers))) == [[True]] * writers
            with _opened(path) as store:
                assert store.counts() == Counts(writers, writers)


def test_first_write_waits_for_a_process_that_is_at_the_new_file(path: Path) -> None:
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    release = Timer(0.3, other.close)
    release.start()
    with _opened(path) as store:
        assert store.write([indexed("a")]) == [True]
    release.join()


def test_file_deleted_under_an_open_store_is_noticed(path: Path) -> None:
    with _opened(path) as store:
        store.write([indexed("old", 1, [vector(1)])])
        for each in path.parent.iterdir():
            each.unlink()
        with pytest.raises(StoreNotFound):
            store.counts()
        assert store.write([indexed("new", 1, [vector(2)])]) == [True]
        assert photo_ids(store.search(vector(1), 5)) == ["new"]
    with _opened(path) as again:
        assert photo_ids(again.search(vector(1), 5)) == ["new"]


def test_file_replaced_under_an_open_store_is_noticed(path: Path) -> None:
    copy = path.with_name("copy.db")
    _fill(copy, photos=7)
    _fill(path, photos=1)
    with _opened(path) as store:
        assert store.counts() == Counts(1, 1)
        for each in ("faces.db-wal", "faces.db-shm"):
            path.with_name(each).unlink(missing_ok=True)
        os.replace(copy, path)  # noqa: PTH105
        assert store.counts() == Counts(7, 7)


def test_forgotten_photo_leaves_no_trace_of_itself_in_the_file(path: Path) -> None:
    name, kept = "s3://photos/Erika Mustermann.jpg", "s3://photos/kept.jpg"
    embeddings = unit_vectors(3, seed=1)
    with _opened(path) as store:
        metadata = {"name": "Erika Mustermann"}
        store.write(
            [indexed(name, 1, embeddings, metadata=metadata), indexed(kept, 1, [vector(2)])]
        )
        store.write([Removal(name, 2)])
    content = path.read_bytes()
    assert _held(vector(2), content)
    assert not any(_held(embedding, content) for embedding in embeddings)
    assert b"Erika" not in content


def _held(embedding: Embedding, content: bytes) -> bool:
    """Whether the start of it or its end is there: it may have been laid across two pages."""
    data = embedding.tobytes()
    return data[:64] in content or data[-64:] in content


def test_search_is_exact_whatever_k_and_filter(path: Path) -> None:
    embeddings = unit_vectors(6000, seed=1)
    with _opened(path) as store:
        store.write(
            [
                indexed(f"p{n}", 1, [each], collection=str(n % 2), metadata={"third": str(n % 3)})
                for n, each in enumerate(embeddings)
            ]
        )
        query = vector(5)
        expected = distances_to(embeddings, query)
        order = np.argsort(expected, kind="stable")
        for k in (1, 20, 100, 4095, 4096, 4097, 6000, 10_000):
            matches = store.search(query, k)
            _assert_nearest(matches, expected, order[:k])
            filtered = store.search(query, k, collection="0", metadata={"third": "1"})
            _assert_nearest(filtered, expected, order[order % 6 == 4][:k])


def _assert_nearest(
    matches: Sequence[Match], distances: NDArray[np.float64], order: NDArray[np.int64]
) -> None:
    found = [int(each[1:]) for each in photo_ids(matches)]
    assert len(set(found)) == len(order)
    np.testing.assert_allclose(distances[found], distances[order], atol=1e-6)
    np.testing.assert_allclose([match.distance for match in matches], distances[order], atol=1e-6)


def test_photos_that_come_and_go_leave_the_store_dense_and_exact(path: Path) -> None:
    chance = random.Random(1)  # noqa: S311
    current: dict[str, NDArray[np.float32]] = {}
    with _opened(path) as store:

        def change(number: int, sequence: int) -> IndexedPhoto | Removal:
            name = f"p{number}"
            if chance.random() < 0.3:
                current.pop(name, None)
                return Removal(name, sequence)
            current[name] = unit_vectors(chance.randrange(4), seed=sequence)
            return indexed(name, sequence, current[name], collection=chance.choice("abc"))

        for sequence in range(1, 9001, 300):
            store.write([change(chance.randrange(500), sequence + n) for n in range(300)])
        names = [name for name, faces in current.items() for _ in faces]
        embeddings = np.concatenate(list(current.values()))
        assert store.counts() == Counts(len(current), len(embeddings))
        for query in unit_vectors(20, seed=0):
            order = np.argsort(distances_to(embeddings, query))[:20]
            assert photo_ids(store.search(query, 20)) == [names[n] for n in order]
        collections = store.collections()
    database = apsw.Connection(str(path))
    [(chunks,)] = database.execute("SELECT count(*) FROM embeddings_chunks")
    database.close()
    assert chunks == sum(-(-counts.faces // 256) for counts in collections.values())


def test_checking_holds_no_more_memory_when_the_store_is_larger(path: Path) -> None:
    peaks = []
    for seed in (1, 2):
        with _opened(path) as store:
            vectors = unit_vectors(4_000, seed)
            store.write([indexed(f"{seed} {n}", 1, [each]) for n, each in enumerate(vectors)])
        with _opened(path) as store:
            tracemalloc.start()
            store.counts()  # the first to read an opened file checks all of it
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]
