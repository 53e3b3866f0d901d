"""How fast the OpenSearch store writes and searches, and how much of the exact answer it finds.

Faces come from a store that `facesearch index` filled (--faces-of), or are made up: 5,000 people
with a few faces each. Needs an OpenSearch to spare: `docker run -p 9200:9200 …`, see the README.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from facesearch.faces import (
    BoundingBox,
    DetectedFace,
    EmbeddedFace,
    IndexedPhoto,
    Landmarks,
    Photo,
    Point,
    Recipe,
)
from facesearch.planning.hnsw import hnsw_for
from facesearch.stores import open_store
from facesearch.stores.opensearch.client import OpenSearchClient
from facesearch.stores.opensearch.settings import OpenSearchSettings
from facesearch.stores.opensearch.store import OpenSearchStore

RECIPE = Recipe("none", "none", "benchmark")
BATCH = 500
K = 20
MERGE_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class Searched:
    """`recall` is of the exact 20 nearest; times are whole calls of `FaceStore.search`, in ms."""

    ef_search: int
    recall: float
    worst: float
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class IndexFigures:
    """`written_per_s` is photos, in batches of 500, each durable before the next."""

    photos: int
    faces: int
    queries: int
    written_per_s: float
    index_mb: float
    searched: list[Searched]
    in_collection: Searched


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default="opensearch://localhost:9200", help="its URL")
    parser.add_argument("--options", default="", help="of the index, such as m=32&compression=4x")
    parser.add_argument("--faces-of", metavar="URL", help="a store to copy (default: made up)")
    parser.add_argument("--queries", type=int, default=1000, help="stored faces to search with")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    url = f"{arguments.server}/facesearch-benchmark?{arguments.options}"
    settings = OpenSearchSettings.from_url(url)
    photos = _stored(arguments.faces_of) if arguments.faces_of else _made_up()
    with _scratch(settings):
        figures = measure(settings, photos, arguments.queries)
    if arguments.json:
        print(json.dumps(asdict(figures)))
    else:
        _print(figures)


def measure(
    settings: OpenSearchSettings, photos: Sequence[IndexedPhoto], queries: int
) -> IndexFigures:
    embeddings = np.stack([face.embedding for photo in photos for face in photo.faces])
    first = np.array([photo.photo.collection == "0" for photo in photos for _ in photo.faces])
    chosen = np.random.default_rng(1).choice(len(embeddings), queries, replace=False)
    with OpenSearchStore(settings, RECIPE) as store:
        start = time.perf_counter()
        for place in range(0, len(photos), BATCH):
            store.write(photos[place : place + BATCH])
        written = len(photos) / (time.perf_counter() - start)
    _merge(settings)
    default = settings.ef_search or hnsw_for(len(embeddings)).ef_search
    efs = sorted({100, 200, 400, 800, default})
    searched = [_search(settings, ef, embeddings, embeddings[chosen], None) for ef in efs]
    in_collection = _search(settings, default, embeddings[first], embeddings[chosen], "0")
    return IndexFigures(
        photos=len(photos),
        faces=len(embeddings),
        queries=queries,
        written_per_s=written,
        index_mb=_index_mb(settings),
        searched=searched,
        in_collection=in_collection,
    )


def _search(
    settings: OpenSearchSettings,
    ef_search: int,
    embeddings: NDArray[np.float32],
    queries: NDArray[np.float32],
    collection: str | None,
) -> Searched:
    times, recalls = [], []
    with OpenSearchStore(replace(settings, ef_search=ef_search), RECIPE) as store:
        store.search(queries[0], K)
        for query in queries:
            start = time.perf_counter()
            matches = store.search(query, K, collection=collection)
            times.append(time.perf_counter() - start)
            exact = np.partition(np.linalg.norm(embeddings - query, axis=1), K - 1)[K - 1]
            # By distance, so that of equal faces any will do.
            recalls.append(sum(match.distance <= exact + 1e-5 for match in matches) / K)
    p50, p95 = np.quantile(times, [0.5, 0.95]) * 1e3
    return Searched(ef_search, float(np.mean(recalls)), min(recalls), float(p50), float(p95))


def _stored(url: str) -> list[IndexedPhoto]:
    """Its photos with faces, in two collections."""
    with open_store(url, None) as store:
        groups = groupby(store.faces(), key=lambda stored: stored.photo)
        return [
            IndexedPhoto(
                replace(photo, collection=str(number % 2)), tuple(each.face for each in faces)
            )
            for number, (photo, faces) in enumerate(groups)
        ]


def _made_up(people: int = 5000, most: int = 5) -> list[IndexedPhoto]:
    random = np.random.default_rng(0)
    photos = []
    for person, centre in enumerate(random.standard_normal((people, 128))):
        for number in range(random.integers(1, most + 1)):
            near = centre + 0.6 * random.standard_normal(128)
            embedding = (near / np.linalg.norm(near)).astype(np.float32)
            photos.append(_photo(f"s3://photos/{person}/{number}.jpg", embedding))
    return photos


def _photo(photo_id: str, embedding: NDArray[np.float32]) -> IndexedPhoto:
    point = Point(80.5, 80.25)
    landmarks = Landmarks(point, point, point, point, point)
    face = DetectedFace(BoundingBox(60.5, 60.25, 120.5, 140.25), landmarks, 0.998)
    photo = Photo(photo_id, 1, width=250, height=250, collection=photo_id[-5])
    return IndexedPhoto(photo, (EmbeddedFace(face, embedding),))


def _merge(settings: OpenSearchSettings) -> None:
    """Into one segment: the least recall, as more of them are searched one by one."""
    client = OpenSearchClient(settings)
    try:
        path = f"/{settings.index}/_forcemerge"
        params = {"max_num_segments": "1"}
        client.request("POST", path, params=params, timeout_s=MERGE_TIMEOUT_S)
    finally:
        client.close()


def _index_mb(settings: OpenSearchSettings) -> float:
    client = OpenSearchClient(settings)
    try:
        stats = client.request("GET", f"/{settings.index}/_stats/store")
    finally:
        client.close()
    return float(stats["_all"]["primaries"]["store"]["size_in_bytes"]) / 1e6


@contextmanager
def _scratch(settings: OpenSearchSettings) -> Iterator[None]:
    """The benchmark's index is not there before, and is not afterwards."""
    client = OpenSearchClient(settings)
    try:
        client.request("DELETE", f"/{settings.index}-000001", params={"ignore_unavailable": "true"})
        yield
    finally:
        client.request("DELETE", f"/{settings.index}-000001", params={"ignore_unavailable": "true"})
        client.close()


def _print(figures: IndexFigures) -> None:
    print(
        f"{figures.photos:,} photos with {figures.faces:,} faces: "
        f"{figures.written_per_s:,.0f} photos/s written, index {figures.index_mb:.1f} MB"
    )
    print(f"{'ef_search':>12}{'recall@20':>12}{'worst':>8}{'p50 ms':>9}{'p95 ms':>9}")
    for row in figures.searched:
        _print_row(str(row.ef_search), row)
    _print_row("half of all", figures.in_collection)


def _print_row(name: str, row: Searched) -> None:
    print(f"{name:>12}{row.recall:>12.4f}{row.worst:>8.2f}{row.p50_ms:>9.1f}{row.p95_ms:>9.1f}")


if __name__ == "__main__":
    main()
