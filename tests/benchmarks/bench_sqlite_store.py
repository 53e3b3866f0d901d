"""How fast the SQLite store searches and writes, beside numpy's brute force in the same run."""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facesearch.faces import (
    BoundingBox,
    DetectedFace,
    EmbeddedFace,
    Embedding,
    IndexedPhoto,
    Landmarks,
    Photo,
    Point,
    Recipe,
)
from facesearch.stores.sqlite.store import SqliteStore

RECIPE = Recipe("none", "none", "random unit vectors")
BATCH = 500
K = 20
ROUNDS = 100


@dataclass(frozen=True)
class StoreFigures:
    """`…_ms` is the first decile, `ratio` the search by numpy's; writes are photos a second."""

    faces: int
    search_ms: float
    numpy_ms: float
    ratio: float
    search_collection_ms: float
    search_metadata_ms: float
    written_per_s: float
    rewritten_per_s: float
    file_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=13_233, help="one a photo (LFW has 13,233)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder) / "faces.db", arguments.faces)
    if arguments.json:
        print(json.dumps(asdict(figures)))
    else:
        for name, figure in asdict(figures).items():
            print(f"{name:22}{figure:10.2f}" if isinstance(figure, float) else f"{name:22}{figure}")


def measure(path: Path, count: int) -> StoreFigures:
    embeddings = _unit_vectors(count, seed=1)
    with SqliteStore(path, RECIPE) as store:
        written = _write(store, embeddings, sequence=1)
        rewritten = _write(store, embeddings, sequence=2)
        search_ms, numpy_ms, collection_ms, metadata_ms = _times_ms(
            [
                lambda query: store.search(query, K),
                lambda query: _brute_force(embeddings, query),
                lambda query: store.search(query, K, collection="1"),
                lambda query: store.search(query, K, metadata={"tenth": "3"}),
            ],
            _unit_vectors(ROUNDS, seed=2),
        )
    return StoreFigures(
        faces=count,
        search_ms=search_ms,
        numpy_ms=numpy_ms,
        ratio=search_ms / numpy_ms,
        search_collection_ms=collection_ms,
        search_metadata_ms=metadata_ms,
        written_per_s=written,
        rewritten_per_s=rewritten,
        file_mb=path.stat().st_size / 1e6,
    )


def _write(store: SqliteStore, embeddings: NDArray[np.float32], sequence: int) -> float:
    """Photos a second, in batches each of which is on the disk before the next."""
    photos = [_photo(number, sequence, each) for number, each in enumerate(embeddings)]
    start = time.perf_counter()
    for first in range(0, len(photos), BATCH):
        store.write(photos[first : first + BATCH])
    return len(photos) / (time.perf_counter() - start)


def _photo(number: int, sequence: int, embedding: Embedding) -> IndexedPhoto:
    point = Point(80.0, 80.0)
    landmarks = Landmarks(point, point, point, point, point)
    face = DetectedFace(BoundingBox(60.0, 60.0, 120.0, 140.0), landmarks, 0.99)
    photo = Photo(
        f"s3://photos/{number:08}.jpg",
        sequence,
        revision="0123456789abcdef",
        width=250,
        height=250,
        collection=str(number % 2),
        metadata={"tenth": str(number % 10)},
    )
    return IndexedPhoto(photo, (EmbeddedFace(face, embedding),))


def _brute_force(embeddings: NDArray[np.float32], query: Embedding) -> NDArray[np.int64]:
    distances = np.linalg.norm(embeddings - query, axis=1)
    nearest = np.argpartition(distances, K)[:K]
    return nearest[np.argsort(distances[nearest])]


def _times_ms(
    searches: Sequence[Callable[[Embedding], object]], queries: NDArray[np.float32]
) -> list[float]:
    """The first decile of each, taken in turns: what else the machine does matters least so."""
    times = np.zeros((len(searches), len(queries)))
    for column, query in enumerate(queries):
        for row, search in enumerate(searches):
            start = time.perf_counter()
            search(query)
            times[row, column] = time.perf_counter() - start
    deciles: list[float] = (np.quantile(times, 0.1, axis=1) * 1e3).tolist()
    return deciles


def _unit_vectors(count: int, seed: int) -> NDArray[np.float32]:
    vectors = np.random.default_rng(seed).standard_normal((count, 128))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


if __name__ == "__main__":
    main()
