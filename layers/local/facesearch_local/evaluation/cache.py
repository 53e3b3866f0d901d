"""Vectors kept on disk, a file for each system's recipe, so that no photo is embedded twice."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facesearch.closeable import Closeable
from facesearch.errors import StoreDamaged
from facesearch.files import create_private_file, make_private_folder
from facesearch_local.library.walk import PhotoFile

_SCHEMA = """
CREATE TABLE IF NOT EXISTS recipe (text TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS photos (
    key TEXT PRIMARY KEY,  -- path and revision
    vector BLOB,           -- float32, little endian; NULL: no face was found
    ms REAL NOT NULL       -- of one core
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, eq=False)
class CachedVector:
    """A photo's vector, None where no face was found, and what it cost of one core."""

    vector: NDArray[np.float32] | None
    ms: float


class EmbeddingCache(Closeable):
    """Written after every chunk of photos: what is in it survives an interruption."""

    def __init__(self, folder: Path, recipe: str) -> None:
        """Raises `StoreDamaged`, naming the file."""
        self._file = folder / f"{sha256(recipe.encode()).hexdigest()[:16]}.sqlite"
        with self._named():
            make_private_folder(folder)
            create_private_file(self._file, exist_ok=True)
            self._database = sqlite3.connect(self._file, timeout=30)
            self._database.executescript(_SCHEMA)
            with self._database:
                self._database.execute("INSERT OR IGNORE INTO recipe VALUES (?)", (recipe,))

    def read(self, files: Iterable[PhotoFile]) -> dict[PhotoFile, CachedVector]:
        """What is known of these; a file that changed since is not."""
        with self._named():
            rows = self._database.execute("SELECT key, vector, ms FROM photos")
            known = {key: (vector, ms) for key, vector, ms in rows}
        rows_by_file = {file: known.get(_key(file)) for file in files}
        return {file: _cached(*row) for file, row in rows_by_file.items() if row is not None}

    def write(self, vectors: Sequence[tuple[PhotoFile, CachedVector]]) -> None:
        rows = [
            (_key(file), None if each.vector is None else each.vector.tobytes(), each.ms)
            for file, each in vectors
        ]
        with self._named(), self._database:
            self._database.executemany("INSERT OR REPLACE INTO photos VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreDamaged(
                f"the cache {self._file} cannot be used ({error}): remove it, or name another "
                "folder with --cache"
            ) from error


def _key(file: PhotoFile) -> str:
    return f"{file.photo_id} {file.revision}"


def _cached(vector: bytes | None, ms: float) -> CachedVector:
    return CachedVector(None if vector is None else np.frombuffer(vector, np.float32), ms)
