"""Say which parts of a store's SQLite file have changed since they were last read."""

import apsw

ALL = 0
"""In place of a chunk: any of them. sqlite-vec counts chunks from 1."""


def stamp_chunk_of(connection: apsw.Connection, slot: int) -> None:
    """Say that the chunk changed that has the embedding of the slot."""
    connection.execute(
        """INSERT OR REPLACE INTO stamps
            SELECT chunk_id, random() FROM embeddings_rowids WHERE rowid = ?
            UNION ALL VALUES (?, random())""",
        (slot, ALL),
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


def stamps_of_chunks(connection: apsw.Connection) -> dict[int, int | None]:
    """Of every chunk; None where none was written, so nothing is known of its changes."""
    return dict(
        connection.execute(
            """SELECT c.chunk_id, s.stamp FROM embeddings_chunks c
                LEFT JOIN stamps s ON s.chunk = c.chunk_id ORDER BY c.chunk_id"""
        )
    )
