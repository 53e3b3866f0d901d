"""Find damage in a store's SQLite file: in its pages, and in what its rows say.

SQLite notices pages whose structure is wrong, but not a number that changed. So the store keeps
how many photos and faces it has, and the sum of the checksums (CRC-32) of all rows; a face's
covers its embedding. All is computed from what the file gives back.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from struct import Struct
from typing import Any
from zlib import crc32

import apsw
import numpy as np

from facesearch.errors import StoreDamaged
from facesearch.stores.protocol import Counts
from facesearch.stores.sqlite.stamps import stamp_of_all, stamps_of_chunks

_RECIPE = "SELECT detector, crop, embedder FROM recipe"
_FORGOTTEN = "SELECT key, sequence FROM forgotten"
_HIDDEN = "SELECT key, box_left, box_top, box_width, box_height FROM hidden"
_METADATA = "SELECT photo, name, value FROM photo_metadata"
_PHOTOS = """SELECT id, key, photo_id, sequence, revision, width, height, collection, problem,
    left_out FROM photos"""
_COLLECTION = 7
_PHOTOS_BEFORE_2 = _PHOTOS.replace("left_out", "''")
_FACES = """SELECT slot, collection, photo, number, detection_score,
    box_left, box_top, box_width, box_height, left_eye_x, left_eye_y, right_eye_x, right_eye_y,
    nose_x, nose_y, mouth_left_x, mouth_left_y, mouth_right_x, mouth_right_y FROM faces"""
_ASKED = " WHERE slot IN (SELECT value FROM json_each(?))"
_CHUNKS = """SELECT chunk_id, validity, rowids, partition00, vectors
    FROM embeddings_chunks c LEFT JOIN embeddings_vector_chunks00 v ON v.rowid = c.chunk_id"""
_PLACES = """SELECT rowid, chunk_id, chunk_offset FROM embeddings_rowids
    WHERE rowid IN (SELECT value FROM json_each(?))"""
_COUNTS = """SELECT (SELECT count(*) FROM photos), (SELECT count(*) FROM faces),
    (SELECT count(*) FROM embeddings_rowids),
    EXISTS (SELECT 1 FROM faces WHERE photo NOT IN (SELECT id FROM photos))"""
_COLLECTIONS = """SELECT p.collection, count(DISTINCT p.id), count(f.slot)
    FROM photos p LEFT JOIN faces f ON f.photo = p.id GROUP BY p.collection"""
_COUNTED_COLLECTION = """
INSERT INTO collections VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE
    SET photos = photos + excluded.photos, faces = faces + excluded.faces
"""
_pack_face = Struct("<2q15d").pack
_NUMBER_BYTES = 4

_Row = Sequence[Any]
_Vectors = Callable[[int, str], bytes]
"""A face's embedding, by its slot and its collection."""


class _Damage(Exception):
    """What is wrong, in a few words."""


def count_photo(connection: apsw.Connection, photo: int, sign: int) -> None:
    """Count a photo that was just written (1), or is about to be deleted (-1)."""

    def vector(slot: int, _: str) -> bytes:
        asked = "SELECT embedding FROM embeddings WHERE rowid = ?"
        embedding = connection.execute(asked, (slot,)).get
        if not isinstance(embedding, bytes):
            raise _Damage("faces without their photo or their embedding")
        return embedding

    faces = list(connection.execute(f"{_FACES} WHERE photo = ?", (photo,)))
    row = list(connection.execute(f"{_PHOTOS} WHERE id = ?", (photo,)))
    try:
        checksum = (
            _row_checksums(row)
            + _row_checksums(connection.execute(f"{_METADATA} WHERE photo = ?", (photo,)))
            + _face_checksums(faces, vector)
        )
    except _Damage as damage:
        raise StoreDamaged(f"the store is damaged: restore a copy of it ({damage})") from damage
    _count(connection, sign, sign * len(faces), sign * checksum)
    collection = row[0][_COLLECTION]
    connection.execute(_COUNTED_COLLECTION, (collection, sign, sign * len(faces)))
    if sign < 0:
        connection.execute("DELETE FROM collections WHERE name = ? AND photos = 0", (collection,))


def count_entry(connection: apsw.Connection, entry: _Row, sign: int) -> None:
    """Count a row of `recipe`, `forgotten` or `hidden` that is written (1) or deleted (-1)."""
    _count(connection, 0, 0, sign * _row_checksums([entry]))


def count_all(connection: apsw.Connection, dimension: int) -> None:
    """Count what the store, of embeddings of so many numbers, holds, anew.

    All of this version's tables must be there but `collections` and `stamps`.
    """
    connection.execute("DELETE FROM totals; INSERT INTO totals VALUES (0, 0, 0)")
    try:
        _count(connection, *_totals(connection, dimension, version=5))
    except _Damage as damage:
        raise StoreDamaged(f"the store is damaged: restore a copy of it ({damage})") from damage


def count_collections(connection: apsw.Connection) -> None:
    """Count what each collection holds, anew."""
    connection.execute("DELETE FROM collections")
    connection.execute(f"INSERT INTO collections {_COLLECTIONS}")


def collections_of(connection: apsw.Connection, version: int) -> dict[str, Counts]:
    """What each collection of a store of this format holds."""
    counted = "SELECT name, photos, faces FROM collections" if version >= 4 else _COLLECTIONS
    rows = connection.execute(f"{counted} ORDER BY 1")
    return {name: Counts(photos, faces) for name, photos, faces in rows}


def find_damage(connection: apsw.Connection, version: int, dimension: int) -> str:
    """What is wrong with a store of this format, in a few words; empty if nothing is.

    Reads all of it. In files of formats before 3, numbers that changed are not noticed. Raises
    `apsw.Error` for pages that cannot be read.
    """
    [(verdict,)] = connection.execute("PRAGMA integrity_check(1)")
    if verdict != "ok":
        return str(verdict).splitlines()[-1]
    try:
        totals = _totals(connection, dimension, version)
        if version >= 3 and list(connection.execute("SELECT * FROM totals")) != [totals]:
            return "rows are missing, or changed by themselves"
        if version >= 4 and _misses_changes(connection):
            return "what it says of its collections or chunks is wrong"
    except _Damage as damage:
        return str(damage)
    except (ValueError, TypeError, KeyError, OverflowError, ArithmeticError) as error:
        return f"rows that cannot be read: {type(error).__name__}"
    return ""


def _misses_changes(connection: apsw.Connection) -> bool:
    """Whether what searches and lists rely on differs from what is there."""
    chunks = {chunk for (chunk,) in connection.execute("SELECT chunk_id FROM embeddings_chunks")}
    return (
        stamps_of_chunks(connection).keys() != chunks
        or stamp_of_all(connection) is None
        or list(connection.execute("SELECT * FROM collections ORDER BY name"))
        != list(connection.execute(f"{_COLLECTIONS} ORDER BY p.collection"))
    )


def _count(connection: apsw.Connection, photos: int, faces: int, checksum: int) -> None:
    connection.execute(
        "UPDATE totals SET photos = photos + ?, faces = faces + ?, checksum = checksum + ?",
        (photos, faces, checksum),
    )


def _totals(connection: apsw.Connection, dimension: int, version: int) -> tuple[int, int, int]:
    """The numbers of photos and faces, and the checksum of all. Raises `_Damage`.

    Holds the rows of one chunk at a time: this runs again and again in a process that writes.
    """
    checksum = _row_checksums(connection.execute(_PHOTOS if version >= 2 else _PHOTOS_BEFORE_2))
    faces = 0
    for chunk in connection.execute(_CHUNKS):
        rows, vector = _faces_of_chunk(connection, chunk, dimension * _NUMBER_BYTES)
        faces += len(rows)
        checksum += _face_checksums(rows, vector)
    photos, in_table, in_slots, strays = next(connection.execute(_COUNTS))
    if not faces == in_table == in_slots or strays:
        raise _Damage("faces without their photo or their embedding")
    entries = (_RECIPE, _FORGOTTEN, _METADATA, *((_HIDDEN,) if version >= 5 else ()))
    for sql in entries:
        checksum += _row_checksums(connection.execute(sql))
    return photos, faces, checksum


def _row_checksums(rows: Iterable[_Row]) -> int:
    return sum(crc32(repr(tuple(row)).encode("utf-8", "backslashreplace")) for row in rows)


def _face_checksums(faces: Iterable[_Row], vector: _Vectors) -> int:
    """Of rows of `_FACES`. The slot does not count: it changes when other faces go."""
    total = 0
    for slot, collection, *numbers in faces:
        embedding = vector(slot, collection)
        total += crc32(embedding, crc32(_pack_face(*numbers), crc32(collection.encode())))
    return total


def _faces_of_chunk(
    connection: apsw.Connection, chunk: _Row, size: int
) -> tuple[list[_Row], _Vectors]:
    """The rows of the faces that a row of `_CHUNKS` holds, and their embeddings, of `size` bytes.

    Raises `_Damage` unless sqlite-vec has each embedding where it says.
    """
    number, validity, rowids, in_collection, vectors = chunk
    valid = np.unpackbits(np.frombuffer(validity, np.uint8), bitorder="little")
    slots = np.frombuffer(rowids, np.int64)
    if not isinstance(vectors, bytes):
        raise _Damage("a chunk of embeddings that is none")
    if not len(slots) == len(valid) == len(vectors) / size:
        raise _Damage("a chunk of embeddings of another size")
    if not np.isfinite(np.frombuffer(vectors, np.float32)).all():
        raise _Damage("embeddings that are no numbers")
    filled = np.flatnonzero(valid)
    places = dict(zip(slots[filled].tolist(), filled.tolist(), strict=True))
    if len(places) != len(filled):
        raise _Damage("two embeddings of one face")
    asked = (json.dumps(list(places)),)
    said = {slot: (chunk, place) for slot, chunk, place in connection.execute(_PLACES, asked)}
    if said != {slot: (number, place) for slot, place in places.items()}:
        raise _Damage("embeddings are not where they should be")

    def vector(slot: int, collection: str) -> bytes:
        if in_collection != collection:
            raise _Damage("an embedding in another collection than its face")
        return vectors[places[slot] * size : (places[slot] + 1) * size]

    return list(connection.execute(_FACES + _ASKED, asked)), vector
