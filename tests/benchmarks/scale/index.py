"""One index of one shape: written, settled, searched, measured."""

import json
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import StoreError, StoreNotFound
from facesearch.faces import EMBEDDING_SIZE, IndexedPhoto, Recipe
from facesearch.stores.opensearch.client import OpenSearchClient
from facesearch.stores.opensearch.documents import document_of, numbers
from facesearch.stores.opensearch.settings import OpenSearchSettings
from facesearch.stores.opensearch.store import OpenSearchStore
from tests.benchmarks.scale.shapes import Shape
from tests.benchmarks.synthetic_faces import synthetic_photos

RECIPE = Recipe("none", "none", "benchmark")
BATCH = 500
WRITERS = 3
K = 20
MERGE_S = 3600
WRITTEN = "scale-written"
CPU_STALE_S = 1.5
"""The engine looks at its processor time once a second only."""


@dataclass(frozen=True, slots=True)
class Written:
    """What writing took. Processor seconds are of the engine, merges included."""

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

    def __init__(self, server: str, name: str, shape: Shape, faces: int) -> None:
        self.name, self.shape, self.faces = name, shape, faces
        store = f"scale-{faces}-{name}"
        self.settings = OpenSearchSettings.from_url(f"{server}/{store}?{shape.options}")
        self.settings = replace(self.settings, replicas=0, timeout_s=60.0, write_timeout_s=120.0)
        self._client = OpenSearchClient(self.settings)
        self._index = f"{store}-000001"

    def exists(self) -> bool:
        try:
            counts = self._client.request("GET", f"/{self._index}/_count")
        except StoreNotFound:
            return False
        return bool(counts["count"] == self.faces)

    def delete(self) -> None:
        ignored = {"ignore_unavailable": "true"}
        self._client.request("DELETE", f"/{self._index}", params=ignored)

    def write(self) -> Written:
        """All faces, by the store's own bulk requests, then whatever merges follow."""
        self.delete()
        self._template()
        engine, client, start = self.engine_cpu_s(), time.process_time(), time.monotonic()
        photos = synthetic_photos(self.faces)
        write = self._write_flat if self.shape.flat else self._write_store
        write(photos)
        client_cpu = time.process_time() - client
        written = time.monotonic()
        self._settle()
        settled = time.monotonic()
        if self.shape.merged:
            params = {"max_num_segments": str(self.shape.merged)}
            self._client.request(
                "POST", f"/{self._index}/_forcemerge", params=params, timeout_s=MERGE_S
            )
        figures = Written(
            faces=self.faces,
            seconds=written - start,
            settle_seconds=settled - written,
            merge_seconds=time.monotonic() - settled,
            engine_cpu_s=self.engine_cpu_s() - engine,
            client_cpu_s=client_cpu,
        )
        # Beside the index, for runs that only search it.
        self._client.request("PUT", f"/{WRITTEN}/_doc/{self._index}", asdict(figures))
        return figures

    def written(self) -> Written | None:
        """What the run that wrote the index measured, if it came to its end."""
        kept = self._client.request("GET", f"/{WRITTEN}/_doc/{self._index}")
        return Written(**kept["_source"]) if kept["found"] else None

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
        nodes = self._client.request("GET", "/_nodes/stats/process")["nodes"]
        return (
            float(sum(each["process"]["cpu"]["total_in_millis"] for each in nodes.values())) / 1e3
        )

    def close(self) -> None:
        self._client.close()

    def _template(self) -> None:
        """Settings that the store does not know go by a template, so that it makes the index."""
        template = {
            "index_patterns": [self._index],
            "priority": 500,
            "template": {"settings": {"index": {"knn": True, **self.shape.index}}},
        }
        self._client.request("PUT", f"/_index_template/{self._index}", template)

    def _write_store(self, photos: Iterator[IndexedPhoto]) -> None:
        with OpenSearchStore(self.settings, RECIPE) as store, ThreadPoolExecutor(WRITERS) as pool:
            # Not one after the other: as many index functions write at once.
            running: deque[Future[list[bool | StoreError]]] = deque()
            done = 0
            while (batch := list(islice(photos, BATCH))) or running:
                if batch:
                    running.append(pool.submit(store.write, batch))
                if not batch or len(running) > WRITERS:
                    results = running.popleft().result()
                    assert all(result is True for result in results), results
                    done += len(results)
                    if done % 50_000 == 0:
                        print(f"  {self.name}: {done:,}", flush=True)

    def _write_flat(self, photos: Iterator[IndexedPhoto]) -> None:
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
        self._client.request(
            "PUT",
            f"/{self._index}",
            {
                "settings": {"index": {"knn": True, "number_of_replicas": 0}},
                "mappings": {"dynamic": "strict", "properties": fields},
            },
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

    def _settle(self) -> None:
        """Refresh and wait until the engine merges no more."""
        self._client.request("POST", f"/{self._index}/_flush", timeout_s=600)
        quiet = 0
        while quiet < 3:
            merges = self._client.request("GET", f"/{self._index}/_stats/merge")
            quiet = quiet + 1 if merges["_all"]["total"]["merges"]["current"] == 0 else 0
            time.sleep(2)
        self._client.request("POST", f"/{self._index}/_refresh", timeout_s=600)


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
