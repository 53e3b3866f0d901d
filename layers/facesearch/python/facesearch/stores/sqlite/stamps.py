"""Say which parts of a store's SQLite file have changed since they were last read."""

import apsw

ALL = 0
"""In place of a chunk: any of them. sqlite-vec counts chunks from 1."""


def stamp_chunk_of(connection: apsw.Connection, slot: int) -> int:
    """Say that the chunk changed that has the embedding of the slot. Returns the chunk."""
    chunk: int = connection.execute(
        "SELECT chunk_id FROM embeddings_rowids WHERE rowid = ?", (slot,)
    ).get
    connection.execute(
        "INSERT OR REPLACE INTO stamps VALUES (?, random()), (?, random())", (chunk, ALL)
    )
    return chunk


def drop_if_gone(connection: apsw.Connection, chunk: int) -> None:
    """Forget a chunk that sqlite-vec has deleted with its last embedding."""
    connection.execute(
        """DELETE FROM stamps WHERE chunk = ?1
            AND NOT EXISTS (SELECT 1 FROM embeddings_chunks WHERE chunk_id = ?1)""",
        (chunk,),
    )


def stamp_all(connection: apsw.Connection) -> None:
    """Say that everything changed."""
    connection.execute(
        """DELETE FROM stamps;
        INSERT INTO stamps SELECT chunk_id, random() FROM embeddings_chunks
            UNION ALL VALUES (?, random())""",
        (ALL,),
    )


def stamp_of_all(connection: apsw.Connection) -> int | None:
    stamp: int | None = connection.execute("SELECT stamp FROM stamps WHERE chunk = ?", (ALL,)).get
    return stamp


def stamps_of_chunks(connection: apsw.Connection) -> dict[int, int]:
    """Of every chunk."""
    return dict(connection.execute("SELECT chunk, stamp FROM stamps WHERE chunk != ?", (ALL,)))
