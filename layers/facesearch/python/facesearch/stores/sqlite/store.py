"""The store in one SQLite file. Its search is exact, and no server is needed."""
# ruff: noqa: S608 (all text that SQL is made of here is ours, values are bound)

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Self

import apsw

from facesearch.closeable import Closeable
from facesearch.errors import RecipeMismatch, SettingsError, StoreError, StoreNotFound
from facesearch.faces import (
    Embedding,
    IndexedPhoto,
    LeftOut,
    Match,
    PhotoListing,
    Recipe,
    Removal,
    StoredFace,
    photo_key,
)
from facesearch.stores.checks import check_change, check_query
from facesearch.stores.protocol import Counts, StoreStatus
from facesearch.stores.sqlite.changes import apply_change, newest_sequence, write_recipe
from facesearch.stores.sqlite.file import SqliteFile
from facesearch.stores.sqlite.rows import (
    FACES_OF_NEAREST,
    FACES_OF_PHOTOS,
    LEFT_OUT,
    LISTINGS,
    PHOTOS,
    Row,
    indexed_photo_of,
    listing_of,
    match_of,
    stored_face_of,
)
from facesearch.stores.sqlite.schema import dimension_of

PAGE = 500
VEC0_MOST = 4096  # the largest k of sqlite-vec's own search


class SqliteStore(Closeable):
    """The `FaceStore` in an SQLite file. Several threads and processes may use it.

    `photos` and `faces` read a page at a time; each page shows the store at that moment. They hold
    no lock between pages, so the store may be written meanwhile.
    """

    def __init__(self, path: Path | None, recipe: Recipe | None) -> None:
        """`path` None is a store in memory, gone when it is closed."""
        self._file = SqliteFile(path and path.absolute())
        self._recipe = recipe

    @classmethod
    def from_url(cls, url: str, recipe: Recipe | None) -> Self:
        """`sqlite:///relative.db`, `sqlite:////absolute.db` or `sqlite:///:memory:`."""
        return cls(path_of_url(url), recipe)

    def write(self, changes: Sequence[IndexedPhoto | Removal]) -> list[bool | StoreError]:
        if self._recipe is None:
            raise ValueError("a store opened without a recipe cannot be written")
        for change in changes:
            check_change(change, self._recipe)
        if not changes:
            return []
        with self._file.writing(self._recipe.dimension) as connection:
            if self._checked_recipe(connection) is None:
                write_recipe(connection, self._recipe)
            return [apply_change(connection, change) for change in changes]

    def search(
        self,
        embedding: Embedding,
        k: int,
        *,
        collection: str | None = None,
        metadata: Mapping[str, str] | None = None,
        min_detection_score: float = 0.0,
    ) -> list[Match]:
        if self._recipe is None:
            raise ValueError("a store opened without a recipe cannot be searched")
        check_query(embedding, k, self._recipe)
        filters, values = _filters(collection, metadata or {}, min_detection_score)
        with self._reading() as connection:
            rows = _nearest(connection, filters, {"query": embedding.tobytes(), **values}, k)
        return sorted(
            map(match_of, rows), key=lambda match: (match.distance, match.stored.face_id)
        )[:k]

    def face(self, face_id: str) -> StoredFace | None:
        key, _, number = face_id.rpartition("-")
        rows = self._rows(
            f"{FACES_OF_PHOTOS} WHERE p.key = ? AND CAST(f.number AS TEXT) = ?", key, number
        )
        return stored_face_of(rows[0]) if rows else None

    def photo(self, photo_id: str) -> IndexedPhoto | None:
        with self._reading() as connection:
            row = connection.execute(f"{PHOTOS} WHERE p.photo_id = ?", (photo_id,)).fetchone()
            faces = connection.execute(
                f"{FACES_OF_PHOTOS} WHERE p.photo_id = ? ORDER BY f.number", (photo_id,)
            )
            return indexed_photo_of(row, list(faces)) if row else None

    def photos(
        self, *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> Iterator[PhotoListing]:
        left = limit
        while left is None or left > 0:
            page = PAGE if left is None else min(PAGE, left)
            rows = self._rows(
                f"""{LISTINGS} WHERE p.photo_id > ? AND p.photo_id >= ?
                    ORDER BY p.photo_id LIMIT ?""",
                *(after, prefix, page),
            )
            for row in rows:
                listed = listing_of(row)
                after = listed.photo.photo_id
                if not after.startswith(prefix):
                    return
                yield listed
            if len(rows) < page:
                return
            left = None if left is None else left - page

    def sequences(self, photo_ids: Sequence[str]) -> dict[str, int]:
        with self._reading() as connection:
            newest = {each: newest_sequence(connection, photo_key(each)) for each in photo_ids}
        return {each: sequence for each, sequence in newest.items() if sequence is not None}

    def faces(self) -> Iterator[StoredFace]:
        photo_id, number = "", -1
        while True:
            rows = self._rows(
                f"""{FACES_OF_PHOTOS}
                    WHERE p.photo_id >= ?1 AND (p.photo_id > ?1 OR f.number > ?2)
                    ORDER BY p.photo_id, f.number LIMIT ?3""",
                *(photo_id, number, PAGE),
            )
            for row in rows:
                stored = stored_face_of(row)
                yield stored
                photo_id, number = stored.photo.photo_id, stored.number
            if len(rows) < PAGE:
                return

    def collections(self) -> dict[str, Counts]:
        rows = self._rows(
            """SELECT p.collection, count(DISTINCT p.id), count(f.slot)
                FROM photos p LEFT JOIN faces f ON f.photo = p.id
                GROUP BY p.collection ORDER BY p.collection"""
        )
        return {collection: Counts(photos, faces) for collection, photos, faces in rows}

    def counts(self) -> Counts:
        [row] = self._rows("SELECT (SELECT count(*) FROM photos), (SELECT count(*) FROM faces)")
        return Counts(*row)

    def stored_recipe(self) -> Recipe | None:
        try:
            with self._file.reading() as connection:
                stored = _recipe(connection)
                return stored and replace(stored, dimension=dimension_of(connection))
        except StoreNotFound:
            return None

    def status(self) -> StoreStatus:
        """Raises `StoreDamaged`, too: the whole file is read and checked."""
        self._file.check()
        counts, recipe = self.counts(), self.stored_recipe()
        if recipe is None:
            raise self._file.not_found()
        [(without_face, failed)] = self._rows(
            """SELECT count(*) FILTER (WHERE problem = '' AND f.slot IS NULL),
                count(*) FILTER (WHERE problem != '')
                FROM photos p LEFT JOIN faces f ON f.photo = p.id AND f.number = 0"""
        )
        [(by_quality, by_max_faces)] = self._rows(LEFT_OUT)
        return StoreStatus(
            place=self._file.name,
            recipe=recipe,
            counts=counts,
            size_bytes=self._file.size_bytes(),
            health="green",
            without_face=without_face,
            failed=failed,
            left_out=LeftOut(int(by_quality), int(by_max_faces)),
        )

    def close(self) -> None:
        self._file.close()

    @contextmanager
    def _reading(self) -> Iterator[apsw.Connection]:
        with self._file.reading() as connection:
            self._checked_recipe(connection)
            yield connection

    def _rows(self, sql: str, *values: str | int) -> list[Row]:
        with self._reading() as connection:
            return list(connection.execute(sql, values))

    def _checked_recipe(self, connection: apsw.Connection) -> Recipe | None:
        """The stored recipe, if there is one. Raises `RecipeMismatch` if it is another one."""
        stored = _recipe(connection)
        if stored is not None and self._recipe not in (None, stored):
            raise RecipeMismatch(
                f"store '{self._file.name}' holds embeddings of recipe {stored.fingerprint} "
                f"({stored.detector}; {stored.crop}; {stored.embedder}), which cannot be compared "
                "with those of the recipe in use: run facesearch upgrade, or use that recipe"
            )
        return stored


def path_of_url(url: str) -> Path | None:
    """None for a store in memory. Raises `SettingsError`."""
    scheme, _, path = url.partition(":///")
    if scheme != "sqlite" or not path:
        raise SettingsError(
            f"store '{url}' is not understood: use sqlite:///faces.db (a file in this folder) "
            "or sqlite:////var/lib/faces.db (an absolute path)"
        )
    return None if path == ":memory:" else Path(path)


def _recipe(connection: apsw.Connection) -> Recipe | None:
    row = connection.execute("SELECT detector, crop, embedder FROM recipe").fetchone()
    return Recipe(*row) if row else None


def _filters(
    collection: str | None, metadata: Mapping[str, str], min_detection_score: float
) -> tuple[str, dict[str, str | float]]:
    """SQL conditions on the embeddings, and their values. sqlite-vec applies them as it scans."""
    conditions, on_faces, entries = "", [], []
    values: dict[str, str | float] = {}
    if collection is not None:
        conditions += " AND e.collection = :collection"
        values["collection"] = collection
    if min_detection_score > 0:
        on_faces.append("detection_score >= :score")
        values["score"] = min_detection_score
    for place, (name, value) in enumerate(metadata.items()):
        entries.append(
            f"SELECT photo FROM photo_metadata WHERE name = :name{place} AND value = :value{place}"
        )
        values |= {f"name{place}": name, f"value{place}": value}
    if entries:
        on_faces.append(f"photo IN ({' INTERSECT '.join(entries)})")
    if on_faces:
        # One list of rows: sqlite-vec takes no two.
        slots = f"SELECT slot FROM faces WHERE {' AND '.join(on_faces)}"
        conditions += f" AND e.rowid IN ({slots})"
    return conditions, values


def _nearest(
    connection: apsw.Connection, filters: str, values: Mapping[str, str | float | bytes], k: int
) -> list[Row]:
    """At least the k nearest faces, in any order; each row ends with the distance."""
    if k < VEC0_MOST:
        nearest = f"""SELECT e.rowid AS slot, e.distance FROM embeddings e
            WHERE e.embedding MATCH :query AND e.k = :k {filters}"""
        rows = _faces_of(connection, nearest, {**values, "k": k + 1})
        distances = sorted(distance for *_, distance in rows)
        if len(rows) <= k or distances[k - 1] < distances[k]:
            return rows
    # Of faces just as far away, ids decide which are among the k; sqlite-vec cannot tell.
    nearest = f"""SELECT e.rowid AS slot, vec_distance_l2(e.embedding, :query) AS distance
        FROM embeddings e CROSS JOIN faces f ON f.slot = e.rowid
            CROSS JOIN photos p ON p.id = f.photo
        WHERE true {filters} ORDER BY distance, p.key || '-' || f.number LIMIT :k"""
    return _faces_of(connection, nearest, {**values, "k": k})


def _faces_of(
    connection: apsw.Connection, nearest: str, values: Mapping[str, str | float | bytes]
) -> list[Row]:
    """The faces of the slots and distances that the query `nearest` finds."""
    sql = f"WITH nearest AS MATERIALIZED ({nearest}) {FACES_OF_NEAREST}"
    return list(connection.execute(sql, values))
