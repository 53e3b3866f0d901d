"""Upgrade a store's SQLite file in place to another recipe, photo by photo.

The new faces are collected in a file beside the store, which does not change until all are there.
Then one transaction replaces the old faces: a reader sees the store before it or after it.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Self

import apsw

from facesearch.closeable import Closeable
from facesearch.errors import SettingsError, StoreError
from facesearch.faces import Photo, Recipe, Removal
from facesearch.stores.rebuilding import RebuildProgress, Rebuilt, Reembed
from facesearch.stores.sqlite.changes import write_recipe
from facesearch.stores.sqlite.file import SqliteFile
from facesearch.stores.sqlite.integrity import count_all, count_collections
from facesearch.stores.sqlite.schema import (
    SCHEMA_VERSION,
    TABLES,
    create_tables,
    version_of,
)
from facesearch.stores.sqlite.stamps import stamp_all
from facesearch.stores.sqlite.store import SqliteStore, path_of_url

EMBEDDED_AT_ONCE = 200

_LACKING = """
SELECT 1 FROM main.photos p
    WHERE NOT EXISTS (SELECT 1 FROM other.photos o WHERE (o.key, o.sequence) = (p.key, p.sequence))
    AND NOT EXISTS
        (SELECT 1 FROM other.forgotten f WHERE f.key = p.key AND f.sequence >= p.sequence)
"""
_TOO_MANY = """
SELECT photo_id, sequence FROM other.photos WHERE key NOT IN (SELECT key FROM main.photos)
"""
_FORGOTTEN = """
SELECT key, max(sequence)
    FROM (SELECT * FROM main.forgotten UNION ALL SELECT * FROM other.forgotten) GROUP BY key
"""
_TAKEN_OVER = """
INSERT INTO main.recipe SELECT * FROM other.recipe;
INSERT INTO main.photos SELECT * FROM other.photos;
INSERT INTO main.photo_metadata SELECT * FROM other.photo_metadata;
INSERT INTO main.faces SELECT * FROM other.faces;
INSERT INTO main.embeddings (rowid, collection, embedding)
    SELECT rowid, collection, embedding FROM other.embeddings ORDER BY rowid;
"""


class SqliteRebuild(Closeable):
    """The `StoreRebuild` of an SQLite store."""

    def __init__(self, path: Path, recipe: Recipe) -> None:
        self._path = path.absolute()
        self._recipe = recipe
        self._file = SqliteFile(self._path)
        self._building = path.with_name(f"{path.name}.upgrade-{recipe.fingerprint}").absolute()

    @classmethod
    def from_url(cls, url: str, recipe: Recipe) -> Self:
        """Raises `SettingsError`."""
        path = path_of_url(url)
        if path is None:
            raise SettingsError("a store in memory is not upgraded: name a file")
        return cls(path, recipe)

    def run(self, reembed: Reembed, progress: RebuildProgress) -> Rebuilt | None:
        with SqliteStore(self._path, None) as old, SqliteStore(self._building, self._recipe) as new:
            total = old.counts().photos
            recipe = old.stored_recipe()
            if recipe is None:
                return None
            if recipe == self._recipe:
                return self._converted(total)
            self._begin()
            while True:
                done = 0
                for photos in _batches(listed.photo for listed in old.photos()):
                    known = new.sequences([photo.photo_id for photo in photos])
                    left = [each for each in photos if known.get(each.photo_id) != each.sequence]
                    if left:
                        reembed(left, new)
                    done += len(photos)
                    progress(min(done, total), total)
                if self._put_in_place(new):
                    break
            photos_now = old.counts().photos
        for name in (self._building.name, f"{self._building.name}-wal"):
            self._building.with_name(name).unlink(missing_ok=True)
        return Rebuilt(f"recipe {recipe.fingerprint}", str(self._path), photos_now)

    def _converted(self, photos: int) -> Rebuilt | None:
        """Give a store of this recipe this version's format, which writing to it does."""
        with self._file.reading() as connection:
            version = version_of(connection)
        if version == SCHEMA_VERSION:
            return None
        with self._file.writing(self._recipe.dimension):
            return Rebuilt(f"format {version}", str(self._path), photos)

    def drop_old(self) -> list[str]:
        """Do nothing: the upgrade keeps no old store."""
        return []

    def close(self) -> None:
        self._file.close()

    def _begin(self) -> None:
        """Create the file for the new faces, unless an earlier run did."""
        file = SqliteFile(self._building)
        with file.writing(self._recipe.dimension) as connection:
            if connection.execute("SELECT 1 FROM recipe").fetchone() is None:
                write_recipe(connection, self._recipe)
        file.close()

    def _put_in_place(self, new: SqliteStore) -> bool:
        """Replace the old faces. Returns False if the store changed and needs another pass."""
        with self._file.writing_from(self._building) as connection:
            too_many = [Removal(*row) for row in connection.execute(_TOO_MANY)]
            if not too_many and connection.execute(_LACKING).fetchone() is None:
                _take_over(connection, self._recipe.dimension)
                return True
        for result in new.write(too_many):
            if isinstance(result, StoreError):
                raise result
        return False


def _take_over(connection: apsw.Connection, dimension: int) -> None:
    forgotten = list(connection.execute(_FORGOTTEN))
    has_hidden = version_of(connection) >= 5
    hidden = list(connection.execute("SELECT * FROM main.hidden")) if has_hidden else []
    for table in TABLES:
        connection.execute(f"DROP TABLE IF EXISTS main.{table}")
    create_tables(connection, dimension)
    connection.execute(_TAKEN_OVER)
    connection.executemany("INSERT INTO main.forgotten VALUES (?, ?)", forgotten)
    connection.executemany("INSERT INTO main.hidden VALUES (?, ?, ?, ?, ?)", hidden)
    count_all(connection, dimension)
    count_collections(connection)
    stamp_all(connection)


def _batches(photos: Iterable[Photo]) -> Iterator[list[Photo]]:
    remaining = iter(photos)
    while batch := list(islice(remaining, EMBEDDED_AT_ONCE)):
        yield batch
