"""Files that are no store of this program, or no longer: the error says why and what to do."""

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import apsw
import pytest

from facesearch.errors import StoreDamaged, StoreError, StoreNotFound, StoreUnavailable
from facesearch.stores.sqlite import file as sqlite_file
from facesearch.stores.sqlite.store import SqliteStore
from tests.contract.samples import RECIPE, indexed, vector

SIZE = 512
"""Bytes of an embedding."""


@dataclass
class _Chunk:
    """The only chunk of a store with three faces, and where the first one's embedding is."""

    validity: bytes
    rowids: bytes
    vectors: bytes
    first: int = 0


def _cut_to_what_is_filled(chunk: _Chunk) -> None:
    chunk.vectors = chunk.vectors[: 3 * SIZE]


def _longer(chunk: _Chunk) -> None:
    chunk.vectors += bytes(1)


def _fewer_places(chunk: _Chunk) -> None:
    chunk.validity, chunk.rowids = chunk.validity[:8], chunk.rowids[: 64 * 8]


def _no_number_in_a_free_place(chunk: _Chunk) -> None:
    chunk.vectors = chunk.vectors[:-4] + struct.pack("<f", math.nan)


def _two_of_one_face(chunk: _Chunk) -> None:
    """Searches would find the first face by another's embedding, which the checksum misses."""
    chunk.first = 3
    chunk.validity = bytes([0b1111]) + chunk.validity[1:]
    chunk.rowids = chunk.rowids[: 3 * 8] + chunk.rowids[:8] + chunk.rowids[4 * 8 :]
    others = chunk.vectors[SIZE : 3 * SIZE]
    chunk.vectors = others[:SIZE] + others + chunk.vectors[:SIZE] + chunk.vectors[4 * SIZE :]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "faces.db"


def _fill(path: Path, photos: int = 3) -> None:
    with SqliteStore(path, RECIPE) as store:
        store.write([indexed(f"p{n}", 1, [vector(n)]) for n in range(photos)])


def _spoil(path: Path, *statements: str) -> None:
    database = apsw.Connection(str(path))
    for statement in statements:
        database.execute(statement)
    database.close()


def _assert_all_raise(path: Path, error: type[StoreError], text: str) -> None:
    """Reading and writing say which file, what is the matter and what to do."""
    with SqliteStore(path, RECIPE) as store:
        for call in (store.counts, lambda: store.write([indexed("a")])):
            for _ in range(2):
                with pytest.raises(error, match=text) as caught:
                    call()
                assert str(path) in str(caught.value)
                assert ":" in str(caught.value).partition(str(path))[2]


def test_text_file_is_refused_and_left_alone(path: Path) -> None:
    path.write_text("my thesis\n" * 1000)
    _assert_all_raise(path, StoreDamaged, "is not a facesearch store: choose another file")
    assert path.read_text() == "my thesis\n" * 1000


def test_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    _spoil(path, "CREATE TABLE photos (id)")
    before = path.read_bytes()
    _assert_all_raise(path, StoreDamaged, "another program")
    assert path.read_bytes() == before


def test_newer_format_is_refused(path: Path) -> None:
    _fill(path)
    _spoil(path, "PRAGMA user_version = 99")
    _assert_all_raise(path, StoreDamaged, "format 99")


def test_missing_table_is_reported(path: Path) -> None:
    _fill(path)
    _spoil(path, "DROP TABLE forgotten")
    _assert_all_raise(path, StoreDamaged, "lacks some of its tables")


@pytest.mark.parametrize("table", ["chunks", "rowids", "vector_chunks00"])
@pytest.mark.parametrize(
    "instead",
    ["", "CREATE VIEW {} AS SELECT 1 AS rowid, 2 AS vectors", "CREATE TABLE {} (something TEXT)"],
)
def test_table_of_sqlite_vec_missing_is_reported_at_any_size(
    path: Path, table: str, instead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "CHECKED_BYTES", 0)
    _fill(path)
    name = f"embeddings_{table}"
    _spoil(path, f"DROP TABLE {name}", instead.format(name))
    with SqliteStore(path, RECIPE) as store, pytest.raises(StoreDamaged, match="its tables"):
        store.search(vector(1), 1)


@pytest.mark.parametrize(
    ("places", "text"),
    [
        (_cut_to_what_is_filled, "of another size"),
        (_longer, "of another size"),
        (_fewer_places, "of another size"),
        (_no_number_in_a_free_place, "no numbers"),
        (_two_of_one_face, "two embeddings of one face"),
    ],
)
def test_chunk_of_embeddings_that_makes_no_sense_is_reported(
    path: Path, places: Callable[[_Chunk], None], text: str
) -> None:
    _fill(path)
    database = apsw.Connection(str(path))
    [(validity, rowids)] = database.execute("SELECT validity, rowids FROM embeddings_chunks")
    [(vectors,)] = database.execute("SELECT vectors FROM embeddings_vector_chunks00")
    chunk = _Chunk(validity, rowids, vectors)
    places(chunk)
    database.execute(
        "UPDATE embeddings_chunks SET validity = ?, rowids = ?", (chunk.validity, chunk.rowids)
    )
    database.execute("UPDATE embeddings_vector_chunks00 SET vectors = ?", (chunk.vectors,))
    database.execute(
        "UPDATE embeddings_rowids SET chunk_offset = ? WHERE rowid = 1", (chunk.first,)
    )
    database.close()
    _assert_all_raise(path, StoreDamaged, text)


def test_face_without_its_embedding_is_reported_by_writes_at_any_size(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "CHECKED_BYTES", 0)
    _fill(path)
    _spoil(path, "DELETE FROM embeddings_rowids WHERE rowid = (SELECT min(slot) FROM faces)")
    with SqliteStore(path, RECIPE) as store, pytest.raises(StoreDamaged, match="is damaged"):
        store.write([indexed("p0", 2, [vector(7)])])


def test_damaged_pages_are_reported(path: Path) -> None:
    _fill(path, photos=2000)
    content = bytearray(path.read_bytes())
    content[4096:] = bytes(b ^ 0x5A for b in content[4096:])
    path.write_bytes(content)
    _assert_all_raise(path, StoreDamaged, "damaged")


def test_folder_is_refused(tmp_path: Path) -> None:
    _assert_all_raise(tmp_path, StoreDamaged, "is a folder: name a file")


def test_missing_parent_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "faces.db"
    with SqliteStore(path, RECIPE) as store:
        with pytest.raises(StoreNotFound):
            store.counts()
        with pytest.raises(StoreUnavailable, match=f"no folder '{path.parent}': create it"):
            store.write([indexed("a")])
    assert not path.parent.exists()


def test_recipe_in_the_page_of_another_table_is_no_recipe(path: Path) -> None:
    _fill(path)
    database = apsw.Connection(str(path))
    tables = "SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 0"
    pages = dict(database.execute(tables))
    database.close()
    content, size = path.read_bytes(), 4096
    place = (pages.pop("recipe") - 1) * size
    for page in pages.values():
        other = (page - 1) * size
        swapped = bytearray(content)
        swapped[place : place + size] = content[other : other + size]
        swapped[other : other + size] = content[place : place + size]
        path.write_bytes(swapped)
        with SqliteStore(path, None) as store, pytest.raises(StoreDamaged):
            store.stored_recipe()


def test_status_says_that_it_alone_checks_a_large_store(path: Path) -> None:
    _fill(path)
    with SqliteStore(path, None) as store:
        assert not store.status().notes
    padding = "INSERT INTO padding VALUES (zeroblob(40000000))"
    _spoil(path, "CREATE TABLE padding (zeros)", padding, "DROP TABLE padding")
    with SqliteStore(path, None) as store:
        (note,) = store.status().notes
        assert "all of it was read and checked now" in note
    _spoil(path, "UPDATE faces SET detection_score = 0.1 WHERE photo = 1")
    with SqliteStore(path, RECIPE) as store:
        assert store.search(vector(0), 1)
        with pytest.raises(StoreDamaged, match="restore a copy"):
            store.status()
