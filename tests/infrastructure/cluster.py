"""What a store asks of a cluster, noted by a server that answers as an empty cluster would."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import numpy as np

from facesearch.errors import StoreNotFound
from facesearch.faces import EMBEDDING_SIZE, IndexedPhoto, Photo, Recipe, Removal
from facesearch.hidden import Region
from facesearch.stores import FaceStore, open_store

RECIPE = Recipe("detector", "crop", "embedder")
Asked = tuple[str, str]
"""A request's method and path."""


def asked_by_writes() -> list[Asked]:
    """The requests of the index function's store, the first one's included."""
    with _noted() as (store, requests):
        store.write([IndexedPhoto(Photo("s3://photos/a.jpg", 1)), Removal("s3://photos/b.jpg", 2)])
    return requests


def asked_by_searches() -> list[Asked]:
    """The requests of the search function's store, before there is an index and after."""
    with _noted() as (store, requests):
        with suppress(StoreNotFound):
            _search_in_every_way(store)
        of_nothing = list(requests)
        store.write([IndexedPhoto(Photo("s3://photos/a.jpg", 1))])
        requests.clear()
        _search_in_every_way(store)
    return [*of_nothing, *requests]


def _search_in_every_way(store: FaceStore) -> None:
    """What the API's paths ask of a store."""
    embedding = np.zeros(EMBEDDING_SIZE, np.float32)
    embedding[0] = 1
    store.search(embedding, 20, collection="default", metadata={"album": "summer"})
    store.search(embedding, 20)
    store.face("0123456789abcdef0123456789abcdef-0")
    store.photo("s3://photos/a.jpg")
    store.hidden_regions(["s3://photos/a.jpg"])
    store.counts()
    store.collections()
    store.stored_recipe()
    list(store.photos(limit=10))


def asked_by_hiding() -> list[Asked]:
    """The requests of the search function's store when a person hides a face."""
    with _noted() as (store, requests):
        store.write([IndexedPhoto(Photo("s3://photos/a.jpg", 1))])
        requests.clear()
        store.hide("s3://photos/a.jpg", Region(0.1, 0.1, 0.2, 0.2))
    return requests


@contextmanager
def _noted() -> Iterator[tuple[FaceStore, list[Asked]]]:
    """A store, and its requests in their order."""
    requests: list[Asked] = []

    class Cluster(BaseHTTPRequestHandler):
        index: ClassVar[dict[str, Any]] = {}

        def do_GET(self) -> None:
            self._note()
            if self.path.endswith("/_mapping"):
                self._answer(200 if self.index else 404, self.index or _MISSING)
            else:
                self._answer(404, {"found": False})

        def do_PUT(self) -> None:
            body = json.loads(self._note())
            if "/_doc/" in self.path:
                self._answer(201, {"result": "created"})
                return
            self.index[self.path.strip("/")] = {"mappings": body["mappings"]}
            self._answer(200, {"acknowledged": True})

        def do_POST(self) -> None:
            lines = self._note().splitlines()
            if not self.index:
                self._answer(404, _MISSING)
            elif "_bulk" in self.path:
                items = [{"index": {"status": 201}} for _ in lines[::2]]
                self._answer(200, {"errors": False, "items": items})
            elif "_mget" in self.path:
                asked = json.loads(b"".join(lines))["docs"]
                self._answer(
                    200, {"docs": [{"_id": each["_id"], "found": False} for each in asked]}
                )
            else:
                self._answer(200, _NOTHING_FOUND)

        def _note(self) -> bytes:
            requests.append((self.command, self.path.partition("?")[0]))
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def _answer(self, status: int, body: Mapping[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Cluster) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with open_store(f"opensearch://127.0.0.1:{server.server_port}/faces", RECIPE) as store:
            yield store, requests
        server.shutdown()


_MISSING = {"error": {"type": "index_not_found_exception"}, "status": 404}
_NOTHING_FOUND = {
    "_shards": {"total": 1, "failed": 0},
    "hits": {"total": {"value": 0}, "hits": []},
    "aggregations": {
        "faces": {"doc_count": 0},
        "collections": {"buckets": []},
        # So that searches ask which.
        "hidden": {"doc_count": 1},
    },
}
