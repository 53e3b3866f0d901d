"""How fast the SQLite store searches and writes, beside numpy's brute force in the same run.

The faces are made up, as near to one another as LFW's (`synthetic_faces`), or another store's.
Every search is timed in turns with the others: the ratios say more than the milliseconds.
"""

import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from unittest.mock import patch

import click
import numpy as np
from numpy.typing import NDArray

from facesearch.faces import Embedding, IndexedPhoto, Recipe
from facesearch.stores.sqlite import nearest
from facesearch.stores.sqlite.store import SqliteStore
from tests.benchmarks.synthetic_faces import SyntheticFaces, synthetic_photo

RECIPE = Recipe("none", "none", "made-up embeddings")
BATCH = 500
K = 20
WARM_UP = 4
FIRST = 40
"""By then, the codes of four million faces have been read."""


@dataclass(frozen=True)
class StoreFigures:
    """`…_ms` are medians, of the processor's time; writes are photos a second.

    `scan` compares every face in the file, as a program's first searches do; `ratio` is a search by
    numpy's brute force of all, `ratio_to_scan` by the scan. `first_ms` is the slowest of the
    first, which read the codes, `after_write_ms` one after another program wrote a photo.
    """

    faces: int
    search_ms: float
    p95_ms: float
    numpy_ms: float
    ratio: float
    scan_ms: float
    ratio_to_scan: float
    first_ms: float
    after_write_ms: float
    collection_ms: float
    metadata_ms: float
    score_ms: float
    collections_ms: float
    written_per_s: float
    rewritten_per_s: float
    bytes_per_face: float
    peak_mb: float
    different_from_brute_force: int


@click.command(
    epilog="Example: python -m tests.benchmarks.bench_sqlite_store --faces 1000000 --queries 30"
)
@click.option("--faces", default=13_233, show_default=True, help="One a photo; LFW has 13,233.")
@click.option("--of", "source", help="Take the faces of this SQLite store instead.")
@click.option("--queries", default=60, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(faces: int, source: str | None, queries: int, as_json: bool) -> None:
    """Fill a store in a temporary folder, and search it."""
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder) / "faces.db", faces, queries, source)
    if as_json:
        click.echo(json.dumps(asdict(figures)))
        return
    for name, figure in asdict(figures).items():
        click.echo(
            f"{name:28}{figure:12.2f}" if isinstance(figure, float) else f"{name:28}{figure}"
        )


def measure(path: Path, faces: int, queries: int, source: str | None = None) -> StoreFigures:
    if source is None:
        made = SyntheticFaces(faces)
        embeddings = np.concatenate([block.embeddings for block in made])
        probes = made.probes(queries).embeddings
    else:
        with SqliteStore.from_url(source, None) as store:
            embeddings = np.array([stored.face.embedding for stored in store.faces()])
        noise = np.random.default_rng(1).standard_normal((queries, embeddings.shape[1]))
        near = embeddings[:: max(1, len(embeddings) // queries)][:queries] + 0.03 * noise
        probes = np.asarray(near / np.linalg.norm(near, axis=1, keepdims=True), np.float32)
    recipe = replace(RECIPE, dimension=embeddings.shape[1])
    with (
        SqliteStore(path, recipe) as store,
        SqliteStore(path, recipe) as other,
        SqliteStore(path, recipe) as scanning,
    ):
        written_per_s = _write(store, _photos(embeddings, 1))
        few = embeddings[: 20 * BATCH]
        rewritten_per_s = _write(store, _photos(few, 2))
        first_ms = max(_cpu_ms(lambda: store.search(probes[0], K)) for _ in range(FIRST))

        def after_write(query: Embedding) -> Callable[[], object]:
            other.write(list(_photos(few[:1], 3)))
            return lambda: store.search(query, K)

        took = _times_ms(
            {
                "search": lambda query: lambda: store.search(query, K),
                "numpy": lambda query: lambda: _brute_force(embeddings, query),
                "collection": lambda query: lambda: store.search(query, K, collection="1"),
                "metadata": lambda query: lambda: store.search(query, K, metadata={"tenth": "3"}),
                "score": lambda query: lambda: store.search(query, K, min_detection_score=0.95),
                "collections": lambda _: store.collections,
                "scan": lambda query: lambda: _scan(scanning, query),
            },
            probes,
        ) | _times_ms({"after_write": after_write}, probes)
        different = sum(_differs(store, embeddings, query) for query in probes)
    middle = {name: float(np.median(each)) for name, each in took.items()}
    return StoreFigures(
        faces=len(embeddings),
        search_ms=middle["search"],
        p95_ms=float(np.quantile(took["search"], 0.95)),
        numpy_ms=middle["numpy"],
        ratio=middle["search"] / middle["numpy"],
        scan_ms=middle["scan"],
        ratio_to_scan=middle["search"] / middle["scan"],
        first_ms=first_ms,
        after_write_ms=middle["after_write"],
        collection_ms=middle["collection"],
        metadata_ms=middle["metadata"],
        score_ms=middle["score"],
        collections_ms=middle["collections"],
        written_per_s=written_per_s,
        rewritten_per_s=rewritten_per_s,
        bytes_per_face=path.stat().st_size / len(embeddings),
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        different_from_brute_force=different,
    )


def _photos(embeddings: NDArray[np.float32], sequence: int) -> Iterable[IndexedPhoto]:
    """Photos of two collections, each tenth with the same metadata."""
    for number, embedding in enumerate(embeddings):
        indexed = synthetic_photo(number, number, embedding)
        filed = replace(
            indexed.photo,
            sequence=sequence,
            collection=str(number % 2),
            metadata={"tenth": str(number % 10)},
        )
        yield IndexedPhoto(filed, indexed.faces)


def _write(store: SqliteStore, photos: Iterable[IndexedPhoto]) -> float:
    """Photos a second, in batches each of which is on the disk before the next."""
    remaining, written, took = iter(photos), 0, 0.0
    while batch := list(islice(remaining, BATCH)):
        start = time.perf_counter()
        store.write(batch)
        took += time.perf_counter() - start
        written += len(batch)
    return written / took


def _scan(store: SqliteStore, query: Embedding) -> object:
    with patch.object(nearest, "CODES_BYTES", -1):
        return store.search(query, K)


def _brute_force(embeddings: NDArray[np.float32], query: Embedding) -> NDArray[np.int64]:
    distances = np.linalg.norm(embeddings - query, axis=1)
    found = np.argpartition(distances, K)[:K]
    return found[np.argsort(distances[found])]


def _differs(store: SqliteStore, embeddings: NDArray[np.float32], query: Embedding) -> bool:
    """Whether a search differs from the brute force, but in the order of equal distances."""
    found = [
        int(match.stored.photo.photo_id[:-4].rpartition("/")[2]) for match in store.search(query, K)
    ]
    distances = np.linalg.norm(embeddings.astype(np.float64) - query, axis=1)
    expected = np.sort(distances)[:K]
    return len(set(found)) != K or not np.allclose(distances[found], expected, rtol=0, atol=2e-7)


def _times_ms(
    searches: Mapping[str, Callable[[Embedding], Callable[[], object]]],
    queries: NDArray[np.float32],
) -> dict[str, list[float]]:
    """What each takes for each query, in turns; what comes before its inner call does not count."""
    took: dict[str, list[float]] = {name: [] for name in searches}
    for turn, query in enumerate([*queries[:WARM_UP], *queries]):
        for name, prepare in searches.items():
            spent = _cpu_ms(prepare(query))
            if turn >= WARM_UP:
                took[name].append(spent)
    return took


def _cpu_ms(work: Callable[[], object]) -> float:
    start = time.thread_time()
    work()
    return 1000 * (time.thread_time() - start)


if __name__ == "__main__":
    main()
