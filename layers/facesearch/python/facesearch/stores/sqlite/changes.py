"""Write and remove photos in a store's SQLite file. Callers hold a transaction."""

from collections.abc import Sequence
from dataclasses import astuple

import apsw

from facesearch.faces import (
    DetectedFace,
    EmbeddedFace,
    IndexedPhoto,
    Photo,
    Recipe,
    Removal,
    photo_key,
)
from facesearch.hidden import Regions
from facesearch.stores.sqlite.integrity import count_entry, count_photo
from facesearch.stores.sqlite.rows import left_out_text
from facesearch.stores.sqlite.stamps import drop_if_gone, stamp_chunk_of


def write_recipe(connection: apsw.Connection, recipe: Recipe) -> None:
    row = (recipe.detector, recipe.crop, recipe.embedder)
    _insert(connection, "recipe", row)
    count_entry(connection, row, 1)


def apply_change(connection: apsw.Connection, change: IndexedPhoto | Removal) -> bool:
    """Write or remove the photo. Returns False, and does nothing, if a newer change was there."""
    photo = change if isinstance(change, Removal) else change.photo
    key = photo_key(photo.photo_id)
    if photo.sequence < (newest_sequence(connection, key) or 0):
        return False
    _delete_photo(connection, key)
    if isinstance(change, Removal):
        _insert(connection, "forgotten", (key, change.sequence))
        count_entry(connection, (key, change.sequence), 1)
    else:
        _insert_photo(connection, key, change)
    return True


def write_hidden(connection: apsw.Connection, key: str, *, before: Regions, after: Regions) -> None:
    """Replace the hidden places of a photo."""
    for region in before:
        count_entry(connection, (key, *astuple(region)), -1)
    connection.execute("DELETE FROM hidden WHERE key = ?", (key,))
    for region in after:
        row = (key, *astuple(region))
        count_entry(connection, row, 1)
        _insert(connection, "hidden", row)


def newest_sequence(connection: apsw.Connection, key: str) -> int | None:
    """The newest sequence of the photo, forgotten or not; None if it is unknown."""
    newest: int | None = connection.execute(
        """SELECT max(sequence) FROM (
            SELECT sequence FROM photos WHERE key = ?1
            UNION ALL SELECT sequence FROM forgotten WHERE key = ?1)""",
        (key,),
    ).get
    return newest


def _delete_photo(connection: apsw.Connection, key: str) -> None:
    """Delete the photo, its faces, and the record that it was forgotten."""
    forgotten = "DELETE FROM forgotten WHERE key = ? RETURNING key, sequence"
    for row in list(connection.execute(forgotten, (key,))):
        count_entry(connection, row, -1)
    photo = connection.execute("SELECT id FROM photos WHERE key = ?", (key,)).get
    if photo is None:
        return
    count_photo(connection, photo, -1)
    faces = connection.execute(
        "SELECT slot, collection FROM faces WHERE photo = ? ORDER BY slot DESC", (photo,)
    )
    for slot, collection in list(faces):
        _delete_face(connection, slot, collection)
    connection.execute("DELETE FROM photo_metadata WHERE photo = ?", (photo,))
    connection.execute("DELETE FROM photos WHERE id = ?", (photo,))


def _delete_face(connection: apsw.Connection, slot: int, collection: str) -> None:
    """Delete a face and move its collection's last face to its slot.

    sqlite-vec never fills holes in a chunk that has another after it, and reads whole chunks: with
    holes left, a store whose photos come and go would get ever slower and larger.
    """
    connection.execute("DELETE FROM faces WHERE slot = ?", (slot,))
    chunk = stamp_chunk_of(connection, slot)
    last = connection.execute(
        "SELECT max(slot) FROM faces WHERE collection = ? AND slot > ?", (collection, slot)
    ).get
    if last is not None:
        embedding = connection.execute(
            "SELECT embedding FROM embeddings WHERE rowid = ?", (last,)
        ).get
        connection.execute("UPDATE embeddings SET embedding = ? WHERE rowid = ?", (embedding, slot))
        connection.execute("UPDATE faces SET slot = ? WHERE slot = ?", (slot, last))
        chunk = stamp_chunk_of(connection, last)
    connection.execute("DELETE FROM embeddings WHERE rowid = ?", (slot if last is None else last,))
    drop_if_gone(connection, chunk)


def _insert_photo(connection: apsw.Connection, key: str, indexed: IndexedPhoto) -> None:
    photo = indexed.photo
    _insert(
        connection,
        "photos",
        (
            None,
            key,
            photo.photo_id,
            photo.sequence,
            photo.revision,
            photo.width,
            photo.height,
            photo.collection,
            photo.problem,
            left_out_text(photo),
        ),
    )
    row = connection.last_insert_rowid()
    for name, value in photo.metadata.items():
        _insert(connection, "photo_metadata", (row, name, value))
    for number, face in enumerate(indexed.faces):
        _insert_face(connection, row, number, face, photo)
    count_photo(connection, row, 1)


def _insert_face(
    connection: apsw.Connection, photo_row: int, number: int, face: EmbeddedFace, photo: Photo
) -> None:
    numbers = _numbers(face.detected)
    _insert(connection, "faces", (None, photo_row, number, photo.collection, *numbers))
    slot = connection.last_insert_rowid()
    connection.execute(
        "INSERT INTO embeddings (rowid, collection, embedding) VALUES (?, ?, ?)",
        (slot, photo.collection, face.embedding.tobytes()),
    )
    stamp_chunk_of(connection, slot)


def _numbers(face: DetectedFace) -> list[float]:
    """The box, the landmarks and the score in the order of the table's columns."""
    box, marks = face.box, face.landmarks
    points = (
        marks.left_eye,
        marks.right_eye,
        marks.nose,
        marks.mouth_left,
        marks.mouth_right,
    )
    return [
        *(box.left, box.top, box.width, box.height),
        *(number for point in points for number in (point.x, point.y)),
        face.detection_score,
    ]


def _insert(connection: apsw.Connection, table: str, row: Sequence[str | float | None]) -> None:
    marks = ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} VALUES ({marks})", row)  # noqa: S608 (own names)
