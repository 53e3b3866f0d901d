"""Find the faces of a store's SQLite file that are nearest to an embedding."""
# ruff: noqa: S608 (all text that SQL is made of here is ours, values are bound)

import json
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

import apsw
import numpy as np
from numpy.typing import NDArray

from facesearch.faces import Embedding
from facesearch.stores.sqlite.codes import Chosen, Codes, size_bytes
from facesearch.stores.sqlite.rows import FACES_OF_NEAREST, Row
from facesearch.stores.sqlite.stamps import stamp_of_all, stamps_of_chunks

VEC0_MOST = 4096  # the largest k of sqlite-vec's own search
CODES_BYTES = 2**30
"""The most memory that codes take: those of 7 million faces at 128 numbers each."""
SCANS_BEFORE_CODES = 2
"""So often the file is scanned before most of its codes are read: a program that searches once
need not, and reading them takes as long as some searches."""
CHUNKS_AT_ONCE = 400
"""At most so many chunks, 100,000 faces, are read in one search: it then takes twice as long as the
scan alone, and no search takes seconds."""
CANDIDATES = 5000
"""Where more faces than these and k may be among the k nearest, the file is scanned."""
FEW_SLOTS = 500
"""Where a filter leaves no more faces, all of them are compared exactly."""
MASKS = 4


@dataclass(frozen=True, slots=True)
class Filters:
    """Which faces are searched."""

    collection: str | None
    metadata: tuple[tuple[str, str], ...]
    min_detection_score: float

    def on_faces(self) -> str:
        """A query for the slots of these faces; empty if only the collection matters."""
        conditions = []
        if self.min_detection_score > 0:
            conditions.append("detection_score >= :score")
        if self.metadata:
            entries = " INTERSECT ".join(
                "SELECT photo FROM photo_metadata "
                f"WHERE name = :name{place} AND value = :value{place}"
                for place in range(len(self.metadata))
            )
            conditions.append(f"photo IN ({entries})")
        if not conditions:
            return ""
        if self.collection is not None:
            conditions.append("collection = :collection")
        return f"SELECT slot FROM faces WHERE {' AND '.join(conditions)}"

    def values(self) -> dict[str, str | float]:
        values: dict[str, str | float] = {"score": self.min_detection_score}
        if self.collection is not None:
            values["collection"] = self.collection
        for place, (name, value) in enumerate(self.metadata):
            values |= {f"name{place}": name, f"value{place}": value}
        return values


class NearestFaces:
    """Searches one store's file, for any number of threads.

    After a few searches it holds the codes of all embeddings, some 150 bytes a face, and reads
    again what changed in the file. Each search is of what its transaction sees. The code of a face
    that was deleted leaves memory at the next search.
    """

    def __init__(self) -> None:
        self._codes = Codes({}, None)
        self._scans = 0
        self._masks: dict[tuple[int | None, Filters], Chosen] = {}
        self._lock = Lock()

    def find(
        self,
        connection: apsw.Connection,
        version: int,
        embedding: Embedding,
        k: int,
        filters: Filters,
    ) -> list[Row]:
        """At least the k nearest faces, in any order; each row ends with the distance.

        `version` is the file's format.
        """
        codes = self._current_codes(connection, len(embedding)) if version >= 4 else None
        if codes is not None:
            slots = self._candidates(connection, codes, embedding, k, filters)
            if len(slots) <= k + CANDIDATES:
                return _compared(connection, embedding, k, slots)
        return _scanned(connection, embedding, k, filters)

    def _current_codes(self, connection: apsw.Connection, dimension: int) -> Codes | None:
        """The codes of what this transaction sees; None if scanning it is better."""
        stamp, codes = stamp_of_all(connection), self._codes
        if stamp is None:
            return None
        if codes.stamp == stamp:
            return codes
        stamps = stamps_of_chunks(connection)
        if size_bytes(len(stamps), dimension) > CODES_BYTES:
            return None
        with self._lock:
            codes = self._codes
            if codes.stamp == stamp:
                return codes
            changed = codes.changed(stamps)
            if 2 * len(changed) > len(stamps) and self._scans < SCANS_BEFORE_CODES:
                self._scans += 1
                return None
            later = set(changed[CHUNKS_AT_ONCE:])
            read = {chunk: each for chunk, each in stamps.items() if chunk not in later}
            self._codes = codes.updated(connection, read, None if later else stamp)
            self._scans = self._scans if later else 0
            self._masks = {}
            return None if later else self._codes

    def _candidates(
        self,
        connection: apsw.Connection,
        codes: Codes,
        embedding: Embedding,
        k: int,
        filters: Filters,
    ) -> NDArray[np.int64]:
        on_faces = filters.on_faces()
        if not on_faces:
            return codes.candidates(embedding, k, collection=filters.collection)
        # By the codes' stamp: another thread may have newer codes meanwhile.
        chosen = self._masks.get((codes.stamp, filters))
        if chosen is None:
            rows = connection.execute(on_faces, filters.values())
            slots = np.fromiter((slot for (slot,) in rows), np.int64)
            if len(slots) <= FEW_SLOTS:
                return slots
            chosen = codes.chosen(slots)
            with self._lock:
                if len(self._masks) >= MASKS:
                    self._masks.pop(next(iter(self._masks)))
                self._masks[codes.stamp, filters] = chosen
        return codes.candidates(embedding, k, collection=filters.collection, chosen=chosen)


def _compared(
    connection: apsw.Connection, embedding: Embedding, k: int, slots: NDArray[np.int64]
) -> list[Row]:
    """The nearest of the faces in these slots, as sqlite-vec computes it."""
    nearest = """SELECT e.rowid AS slot, vec_distance_l2(e.embedding, :query) AS distance
        FROM json_each(:slots) s CROSS JOIN embeddings e ON e.rowid = s.value"""
    query = embedding.tobytes()
    all_slots = {"query": query, "slots": json.dumps(slots.tolist())}
    found = list(connection.execute(nearest, all_slots))
    if len(found) > k:
        farthest = sorted(distance for _, distance in found)[k - 1]
        found = [(slot, distance) for slot, distance in found if distance <= farthest]
    nearest_slots = json.dumps([slot for slot, _ in found])
    return _faces_of(connection, nearest, {"query": query, "slots": nearest_slots})


def _scanned(
    connection: apsw.Connection, embedding: Embedding, k: int, filters: Filters
) -> list[Row]:
    """The nearest faces, found by comparing all."""
    conditions = "" if filters.collection is None else " AND e.collection = :collection"
    if on_faces := filters.on_faces():
        # One list of rows: sqlite-vec takes no two.
        conditions += f" AND e.rowid IN ({on_faces})"
    values = {"query": embedding.tobytes(), **filters.values()}
    if k < VEC0_MOST:
        nearest = f"""SELECT e.rowid AS slot, e.distance FROM embeddings e
            WHERE e.embedding MATCH :query AND e.k = :k {conditions}"""
        rows = _faces_of(connection, nearest, {**values, "k": k + 1})
        distances = sorted(distance for *_, distance in rows)
        if len(rows) <= k or distances[k - 1] < distances[k]:
            return rows
    # Of faces just as far away, ids decide which are among the k; sqlite-vec cannot tell.
    nearest = f"""SELECT e.rowid AS slot, vec_distance_l2(e.embedding, :query) AS distance
        FROM embeddings e CROSS JOIN faces f ON f.slot = e.rowid
            CROSS JOIN photos p ON p.id = f.photo
        WHERE true {conditions} ORDER BY distance, p.key || '-' || f.number LIMIT :k"""
    return _faces_of(connection, nearest, {**values, "k": k})


def _faces_of(
    connection: apsw.Connection, nearest: str, values: Mapping[str, str | float | bytes]
) -> list[Row]:
    """The faces of the slots and distances that the query `nearest` finds."""
    sql = f"WITH nearest AS MATERIALIZED ({nearest}) {FACES_OF_NEAREST}"
    return list(connection.execute(sql, values))
