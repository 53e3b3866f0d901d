"""The store in one SQLite file. Its search is exact, and no server is needed."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self

import apsw

from facesearch.closeable import Closeable
from facesearch.errors import SettingsError, StoreError, StoreNotFound
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
from facesearch.hidden import (
    Region,
    Regions,
    decide,
    search_shown,
    with_hidden,
    with_hidden_faces,
)
from facesearch.planning.one_file import outgrown
from facesearch.stores.checks import check_change, check_query
from facesearch.stores.mismatch import recipe_mismatch
from facesearch.stores.protocol import Counts, StoreStatus
from facesearch.stores.sqlite.changes import (
    apply_change,
    newest_sequence,
    write_hidden,
    write_recipe,
)
from facesearch.stores.sqlite.file import CHECKED_BYTES, SqliteFile
from facesearch.stores.sqlite.integrity import collections_of
from facesearch.stores.sqlite.nearest import Filters, NearestFaces
from facesearch.stores.sqlite.rows import (
    FACES_OF_PHOTOS,
    LEFT_OUT,
    LISTINGS,
    PHOTOS,
    Row,
    hidden_regions,
    indexed_photo_of,
    listing_of,
    match_of,
    stored_face_of,
)
from facesearch.stores.sqlite.schema import dimension_of, version_of

PAGE = 500


class SqliteStore(Closeable):
    """The `FaceStore` in an SQLite file. Several threads and processes may use it.

    `photos` and `faces` read a page at a time; each page shows the store at that moment. They hold
    no lock between pages, so the store may be written meanwhile.
    """

    def __init__(self, path: Path | None, recipe: Recipe | None, name: str = "") -> None:
        """As `SqliteFile`: `path` None is in memory, and errors call the store `name`."""
        self._file = SqliteFile(path and path.absolute(), name)
        self._nearest = NearestFaces()
        self._recipe = recipe

    @classmethod
    def from_url(cls, url: str, recipe: Recipe | None) -> Self:
        """`sqlite:///relative.db`, `sqlite:////absolute.db` or `sqlite:///:memory:`."""
        return cls(path_of_url(url), recipe)

    @property
    def recipe(self) -> Recipe | None:
        return self._recipe

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
        filters = Filters(collection, tuple(sorted((metadata or {}).items())), min_detection_score)
        with self._reading() as connection:
            version = version_of(connection)

            def nearest(wanted: int) -> list[Match]:
                rows = self._nearest.find(connection, version, embedding, wanted, filters)
                matches = map(match_of, rows)
                return sorted(matches, key=lambda each: (each.distance, each.stored.face_id))[
                    :wanted
                ]

            return search_shown(nearest, partial(hidden_regions, connection, version), k)

    def hide(self, photo_id: str, region: Region, *, hidden: bool = True) -> None:
        with self._reading() as connection:
            dimension = dimension_of(connection)
        with self._file.writing(dimension) as connection:
            self._checked_recipe(connection)
            version = version_of(connection)
            before = hidden_regions(connection, version, [photo_id]).get(photo_id, ())
            after = decide(before, region, hidden=hidden)
            write_hidden(connection, photo_key(photo_id), before=before, after=after)

    def hidden_regions(self, photo_ids: Collection[str]) -> Mapping[str, Regions]:
        with self._reading() as connection:
            return hidden_regions(connection, version_of(connection), photo_ids)

    def face(self, face_id: str) -> StoredFace | None:
        key, _, number = face_id.rpartition("-")
        faces = self._faces("WHERE p.key = ? AND CAST(f.number AS TEXT) = ?", key, number)
        return faces[0] if faces else None

    def photo(self, photo_id: str) -> IndexedPhoto | None:
        with self._reading() as connection:
            row = connection.execute(f"{PHOTOS} WHERE p.photo_id = ?", (photo_id,)).fetchone()
            faces = connection.execute(
                f"{FACES_OF_PHOTOS} WHERE p.photo_id = ? ORDER BY f.number", (photo_id,)
            )
            if row is None:
                return None
            indexed = indexed_photo_of(row, list(faces))
            regions = hidden_regions(connection, version_of(connection), [photo_id])
            return with_hidden_faces(indexed, regions.get(photo_id, ()))

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
            faces = self._faces(
                """WHERE p.photo_id >= ?1 AND (p.photo_id > ?1 OR f.number > ?2)
                    ORDER BY p.photo_id, f.number LIMIT ?3""",
                *(photo_id, number, PAGE),
            )
            for stored in faces:
                yield stored
                photo_id, number = stored.photo.photo_id, stored.number
            if len(faces) < PAGE:
                return

    def collections(self) -> dict[str, Counts]:
        with self._reading() as connection:
            return collections_of(connection, version_of(connection))

    def counts(self) -> Counts:
        every = self.collections().values()
        return Counts(sum(each.photos for each in every), sum(each.faces for each in every))

    def stored_recipe(self) -> Recipe | None:
        try:
            with self._file.reading(checked=False) as connection:
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
            notes=(*_checked_now(self._file.size_bytes()), *outgrown(counts.faces)),
            without_face=without_face,
            failed=failed,
            left_out=LeftOut(int(by_quality), int(by_max_faces)),
        )

    def close(self) -> None:
        self._file.close()
        self._nearest = NearestFaces()

    @contextmanager
    def _reading(self) -> Iterator[apsw.Connection]:
        with self._file.reading() as connection:
            self._checked_recipe(connection)
            yield connection

    def _faces(self, where: str, *values: str | int) -> list[StoredFace]:
        with self._reading() as connection:
            found = connection.execute(f"{FACES_OF_PHOTOS} {where}", values)
            faces = list(map(stored_face_of, found))
            ids = {face.photo.photo_id for face in faces}
            regions = hidden_regions(connection, version_of(connection), ids)
        return [with_hidden(face, regions.get(face.photo.photo_id, ())) for face in faces]

    def _rows(self, sql: str, *values: str | int) -> list[Row]:
        with self._reading() as connection:
            return list(connection.execute(sql, values))

    def _checked_recipe(self, connection: apsw.Connection) -> Recipe | None:
        """The stored recipe, if there is one. Raises `RecipeMismatch` if it is another one."""
        stored = _recipe(connection)
        if stored is not None and self._recipe is not None and self._recipe != stored:
            raise recipe_mismatch(self._file.name, stored, self._recipe)
        return stored


def _checked_now(size_bytes: int) -> tuple[str, ...]:
    if size_bytes <= CHECKED_BYTES:
        return ()
    return (
        "all of it was read and checked now; a store of more than "
        f"{CHECKED_BYTES // 2**20} MB is so only by 'facesearch status', 'backup' and "
        "'restore': let one of them run every week",
    )


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
    if row and not all(isinstance(each, str) for each in row):
        # The page of another table: SQLite does not notice.
        raise TypeError("the recipe is no text")
    return Recipe(*row) if row else None
