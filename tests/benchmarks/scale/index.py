"""One index of one shape: written, settled, searched, measured."""

import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import islice
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import StoreError, StoreNotFound
from facesearch.faces import EMBEDDING_SIZE, IndexedPhoto, Recipe
from facesearch.stores.opensearch.client import OpenSearchClient
from facesearch.stores.opensearch.documents import document_of, numbers
from facesearch.stores.opensearch.index import index_name, recipe_alias
from facesearch.stores.opensearch.settings import OpenSearchSettings
from facesearch.stores.opensearch.store import OpenSearchStore
from tests.benchmarks.scale.shapes import Shape
from tests.benchmarks.synthetic_faces import ExtendedFaces, SyntheticFaces, synthetic_photos

RECIPE = Recipe("none", "none", "benchmark")
BATCH = 500
WRITERS = 3
K = 20
MERGE_S = 3600
QUIET_LOOKS = 3
WRITTEN, UNFINISHED = "scale-written", "scale-unfinished"
"""Indexes of figures."""
KEEP_FACES = 10_000
CPU_STALE_S = 1.5
"""The engine looks at its processor time once a second only."""


@dataclass(frozen=True, slots=True)
class Written:
    """What writing took, over all runs that it was made in.

    Processor seconds are of the engine, merges included, and of the client.
    """

    faces: int
    seconds: float
    settle_seconds: float
    merge_seconds: float
    engine_cpu_s: float
    client_cpu_s: float


@dataclass(frozen=True, slots=True)
class Stored:
    """What an index takes on disk, bytes a face, and of that what searches walk in memory."""

    segments: int
    disk_bytes: float
    vector_bytes: float
    graph_bytes: float


class ShapedIndex:
    """The index of a shape with so many faces on a server. It may be there already."""

    def __init__(
        self, server: str, name: str, shape: Shape, faces: int, earlier: Sequence[int] = ()
    ) -> None:
        """`earlier`: the index of the last of these sizes, which grew through the others, is the
        start of this one, and is kept.
        """
        self.name, self.shape, self.faces = name, shape, faces
        self._earlier = earlier
        store = f"scale-{faces}-{name}"
        self.settings = OpenSearchSettings.from_url(f"{server}/{store}?{shape.options}")
        self.settings = replace(self.settings, replicas=0, timeout_s=60.0, write_timeout_s=120.0)
        self._client = OpenSearchClient(self.settings)
        self._index = index_name(store, 1)

    @property
    def stream(self) -> SyntheticFaces | ExtendedFaces:
        """The faces that it holds."""
        if self._earlier:
            return ExtendedFaces(*self._earlier, self.faces)
        return SyntheticFaces(self.faces)

    @property
    def faces_in_shard(self) -> int:
        return ceil(self.faces / self.settings.shape.shards)

    @property
    def _extended(self) -> int:
        return self._earlier[-1] if self._earlier else 0

    def exists(self) -> bool:
        return self._count(self._index) == self.faces

    def write(self) -> Written:
        """All faces, by the store's own bulk requests, then whatever merges follow.

        A run that was ended goes on where it was. An index that is whole is written anew.
        """
        figures = self._kept(UNFINISHED)
        if figures is None:
            self._begin()
            figures = Written(self._extended, 0.0, 0.0, 0.0, 0.0, 0.0)
            self._keep(UNFINISHED, figures)
        else:
            print(f"  {self.name}: going on after {figures.faces:,} faces", flush=True)
        write = self._write_flat if self.shape.flat else self._write_store
        figures = write(synthetic_photos(self.stream, figures.faces), figures)
        self._report("written", figures.seconds, figures)
        figures = self._timed(figures, "settle_seconds", self._settle)
        if self.shape.merged:
            figures = self._timed(figures, "merge_seconds", self._merge)
        # Of an extension, what came to it.
        figures = replace(figures, faces=figures.faces - self._extended)
        self._keep(WRITTEN, figures)
        self._forget(UNFINISHED)
        return figures

    def written(self) -> Written | None:
        """What the runs that wrote the index measured, if they came to its end."""
        return self._kept(WRITTEN)

    def searcher(self, ef_search: int) -> "Searcher":
        settings = replace(self.settings, ef_search=ef_search)
        return Searcher(settings, self._index if self.shape.flat else "")

    def set(self, settings: dict[str, Any]) -> None:
        self._client.request("PUT", f"/{self._index}/_settings", {"index": settings})

    def stored(self) -> Stored:
        stats = self._client.request(
            "GET",
            f"/{self._index}/_stats/store,segments",
            params={"include_segment_file_sizes": "true"},
        )["_all"]["primaries"]
        files = {
            name: each["size_in_bytes"] for name, each in stats["segments"]["file_sizes"].items()
        }
        return Stored(
            segments=stats["segments"]["count"],
            disk_bytes=stats["store"]["size_in_bytes"] / self.faces,
            vector_bytes=sum(files.get(each, 0) for each in ("vec", "veq")) / self.faces,
            graph_bytes=files.get("vex", 0) / self.faces,
        )

    def engine_cpu_s(self) -> float:
        """Processor seconds of the whole engine since it started."""
        time.sleep(CPU_STALE_S)
        return self._engine_cpu_s()

    def close(self) -> None:
        self._client.close()

    def _engine_cpu_s(self) -> float:
        nodes = self._client.request("GET", "/_nodes/stats/process")["nodes"]
        return (
            float(sum(each["process"]["cpu"]["total_in_millis"] for each in nodes.values())) / 1e3
        )

    def _begin(self) -> None:
        """Nothing of an earlier index, or what it is to extend."""
        earlier = index_name(f"scale-{self._extended}-{self.name}", 1)
        if self._extended and self._count(earlier) != self._extended:
            raise SystemExit(f"there is no index of {self._extended:,} faces in shape {self.name}")
        ignored = {"ignore_unavailable": "true"}
        self._client.request("DELETE", f"/{self._index}", params=ignored)
        self._forget(WRITTEN)
        self._template()
        if not self._extended:
            return
        # Its files are linked, not copied.
        self._client.request("PUT", f"/{earlier}/_settings", {"index.blocks.write": True})
        store = self.settings.index
        self._client.request(
            *("POST", f"/{earlier}/_clone/{self._index}"),
            {
                "settings": {"index.blocks.write": None},
                "aliases": {store: {}, recipe_alias(store, RECIPE): {}},
            },
            params={"wait_for_active_shards": "1", "timeout": "300s"},
            timeout_s=300,
        )
        self._client.request("PUT", f"/{earlier}/_settings", {"index.blocks.write": None})

    def _count(self, index: str) -> int:
        try:
            return int(self._client.request("GET", f"/{index}/_count")["count"])
        except StoreNotFound:
            return 0

    def _kept(self, place: str) -> Written | None:
        """Figures are kept beside the index, for other runs."""
        try:
            kept = self._client.request("GET", f"/{place}/_doc/{self._index}")
        except StoreNotFound:
            return None
        return Written(**kept["_source"]) if kept["found"] else None

    def _keep(self, place: str, figures: Written) -> None:
        self._client.request("PUT", f"/{place}/_doc/{self._index}", asdict(figures))

    def _forget(self, place: str) -> None:
        if self._kept(place):
            self._client.request("DELETE", f"/{place}/_doc/{self._index}")

    def _timed(self, figures: Written, stage: str, work: Callable[[], None]) -> Written:
        engine, start = self.engine_cpu_s(), time.monotonic()
        work()
        took = time.monotonic() - start
        cpu = figures.engine_cpu_s + self.engine_cpu_s() - engine
        figures = Written(**{**asdict(figures), stage: took, "engine_cpu_s": cpu})
        self._report(stage.removesuffix("_seconds"), took, figures)
        return figures

    def _report(self, stage: str, seconds: float, figures: Written) -> None:
        print(
            f"  {self.name}, {stage}: {seconds:,.0f} s; processor until here: "
            f"engine {figures.engine_cpu_s:,.0f} s, client {figures.client_cpu_s:,.0f} s",
            flush=True,
        )

    def _template(self) -> None:
        """Settings that the store does not know go by a template, so that it makes the index."""
        template = {
            "index_patterns": [self._index],
            "priority": 500,
            "template": {"settings": {"index": {"knn": True, **self.shape.index}}},
        }
        self._client.request("PUT", f"/_index_template/{self._index}", template)

    def _write_store(self, photos: Iterator[IndexedPhoto], before: Written) -> Written:
        watch = _Watch(self._engine_cpu_s, before)
        with OpenSearchStore(self.settings, RECIPE) as store, ThreadPoolExecutor(WRITERS) as pool:
            # Not one after the other: as many index functions write at once.
            running: deque[Future[list[bool | StoreError]]] = deque()
            while (batch := list(islice(photos, BATCH))) or running:
                if batch:
                    running.append(pool.submit(store.write, batch))
                if not batch or len(running) > WRITERS:
                    results = running.popleft().result()
                    assert all(result is True for result in results), results
                    figures = watch.after(len(results))
                    if figures.faces % KEEP_FACES == 0:
                        self._keep(UNFINISHED, figures)
                        print(f"  {self.name}: {figures.faces:,}", flush=True)
        time.sleep(CPU_STALE_S)
        figures = watch.after(0)
        self._keep(UNFINISHED, figures)
        return figures

    def _write_flat(self, photos: Iterator[IndexedPhoto], before: Written) -> Written:
        """The same fields, with those of the photo's one face beside them."""
        vector = {
            "type": "knn_vector",
            "dimension": EMBEDDING_SIZE,
            "method": {
                "name": "hnsw",
                "engine": "lucene",
                "space_type": "l2",
                "parameters": {
                    "m": self.settings.shape.m,
                    "ef_construction": self.settings.shape.ef_construction,
                },
            },
        }
        keyword = {"type": "keyword"}
        number = {"type": "double", "index": False, "doc_values": False}
        fields = {
            **dict.fromkeys(("key", "photo_id", "revision", "collection", "problem"), keyword),
            **dict.fromkeys(("box", "landmarks", "width", "height", "sequence"), number),
            "forgotten": {"type": "boolean"},
            "metadata": {"type": "object", "enabled": False},
            "metadata_entries": keyword,
            "detection_score": {"type": "double"},
            "embedding": vector,
        }
        watch = _Watch(self._engine_cpu_s, before)
        self._client.request(
            "PUT",
            f"/{self._index}",
            {
                "settings": {"index": {"knn": True, "number_of_replicas": 0}},
                "mappings": {"dynamic": "strict", "properties": fields},
            },
            ignore_error="resource_already_exists_exception",
        )
        while batch := list(islice(photos, BATCH)):
            lines = []
            for photo in batch:
                key, _, content = document_of(photo)
                (face,) = content.pop("faces")
                lines += [{"index": {"_id": f"{key}-0"}}, {**content, **face}]
            body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
            answer = self._client.attempt(
                *("POST", f"/{self._index}/_bulk", body, {}),
                timeout_s=120,
                content_type="application/x-ndjson",
            )
            assert not answer["errors"]
            watch.after(len(batch))
        time.sleep(CPU_STALE_S)
        return watch.after(0)

    def _merge(self) -> None:
        params = {"max_num_segments": str(self.shape.merged)}
        path = f"/{self._index}/_forcemerge"
        self._client.request("POST", path, params=params, timeout_s=MERGE_S)

    def _settle(self) -> None:
        """Wait until the engine merges no more.

        It is made to write and open what it has, again and again: that begins merges, and what they
        replaced is deleted only then.
        """
        quiet = 0
        while quiet < QUIET_LOOKS:
            self._client.request("POST", f"/{self._index}/_flush", timeout_s=600)
            self._client.request("POST", f"/{self._index}/_refresh", timeout_s=600)
            merges = self._client.request("GET", f"/{self._index}/_stats/merge")
            quiet = quiet + 1 if merges["_all"]["total"]["merges"]["current"] == 0 else 0
            time.sleep(2)


class _Watch:
    """What writing has taken after so many faces, `before` included."""

    def __init__(self, engine_cpu_s: Callable[[], float], before: Written) -> None:
        self._engine_cpu_s = engine_cpu_s
        self._before, self._faces = before, before.faces
        self._start = time.monotonic(), engine_cpu_s(), time.process_time()

    def after(self, more: int) -> Written:
        self._faces += more
        start, engine, client = self._start
        before = self._before
        return replace(
            before,
            faces=self._faces,
            seconds=before.seconds + time.monotonic() - start,
            engine_cpu_s=before.engine_cpu_s + self._engine_cpu_s() - engine,
            client_cpu_s=before.client_cpu_s + time.process_time() - client,
        )


class Searcher:
    """Searches an index as `FaceStore.search` does, and tells the distances found."""

    def __init__(self, settings: OpenSearchSettings, flat_index: str) -> None:
        self._flat_index = flat_index
        self._store = OpenSearchStore(settings, RECIPE)
        self._client = OpenSearchClient(settings)
        self._ef = settings.ef_search

    def __call__(self, query: NDArray[np.float32]) -> Sequence[float]:
        if not self._flat_index:
            return [match.distance for match in self._store.search(query, K)]
        answer = self._client.request(
            "POST",
            f"/{self._flat_index}/_search",
            {
                "size": K + 1,
                "query": {"knn": {"embedding": {"vector": numbers(query), "k": self._ef}}},
                "sort": [{"_score": "desc"}, {"key": "asc"}],
            },
        )
        vectors = np.array([hit["_source"]["embedding"] for hit in answer["hits"]["hits"]])
        distances = np.sort(np.linalg.norm(vectors.astype(np.float32) - query, axis=1))
        return [float(each) for each in distances[:K]]

    def close(self) -> None:
        self._store.close()
        self._client.close()
