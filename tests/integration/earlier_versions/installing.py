"""Stores made by facesearch as of two commits, which name their folders.

3036e58 is the last one before moves were recognised, d3807d0 the last one before faces that are
left out were recorded. `faces.db.gz` is a file, `opensearch.json` an index (settings, mapping,
aliases, documents). All hold the same 21 photos with 21 faces: five of the sample's
each of Elton John, Jerry Seinfeld and Mindy Kaling, five of Madonna in the collection "party" with
metadata, and one that is no photo; another is forgotten. They are never made anew: every later
version has to open them.

`6e5db2d` is the last one of format 3: 59 photos without files, of the vectors of
`tests.contract.samples`.
"""

import gzip
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import apsw

from facesearch.faces import Recipe, photo_key
from facesearch.stores.opensearch.index import recipe_alias
from tests.integration.opensearch_server import OpenSearchServer

HERE = Path(__file__).parent
ROOT = "file:///photos-of-an-earlier-version"
VERSIONS = "3036e58", "d3807d0"
METADATA = {"event": "party", "taken by": "Zoë"}
PHOTOS, FACES = 21, 21


def lay_out_photos(sample: Path, folder: Path) -> None:
    """The photos with the sizes and times that the stores know of them."""
    for document in _kept_index(VERSIONS[0])["documents"]:
        content = document["_source"]
        if content["forgotten"]:
            continue
        path = folder / content["photo_id"].removeprefix(f"{ROOT}/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if content["problem"]:
            path.write_bytes(b"\xff\xd8 no photo")
        else:
            shutil.copy(sample / "val" / path.parent.name / path.name, path)
        size, mtime = map(int, content["revision"].split("-"))
        assert path.stat().st_size == size
        os.utime(path, ns=(mtime, mtime))


def install_file(version: str, target: Path, folder: Path, recipe: Recipe) -> str:
    """A version's file store, as if it had been made just now of `folder`; returns its URL."""
    target.write_bytes(gzip.decompress((HERE / version / "faces.db.gz").read_bytes()))
    connection = apsw.Connection(str(target))
    for (photo_id,) in list(connection.execute("SELECT photo_id FROM photos")):
        moved = photo_id.replace(ROOT, folder.as_uri())
        connection.execute(
            "UPDATE photos SET photo_id = ?, key = ?, sequence = ? WHERE photo_id = ?",
            (moved, photo_key(moved), _now(), photo_id),
        )
    connection.execute(
        "UPDATE recipe SET detector = ?, crop = ?, embedder = ?",
        (recipe.detector, recipe.crop, recipe.embedder),
    )
    connection.close()
    return f"sqlite:///{target}"


def install_index(
    version: str, server: OpenSearchServer, index: str, folder: Path, recipe: Recipe
) -> str:
    """The same in OpenSearch."""
    kept = _kept_index(version)
    kept["mappings"]["_meta"]["facesearch"]["recipe"] = {
        "detector": recipe.detector,
        "crop": recipe.crop,
        "embedder": recipe.embedder,
    }
    body = {
        "settings": kept["settings"],
        "mappings": kept["mappings"],
        "aliases": {index: {}, recipe_alias(index, recipe): {}},
    }
    server.request("PUT", f"/{index}-000001", body)
    lines: list[object] = []
    for document in kept["documents"]:
        content = document["_source"]
        if not content["forgotten"]:
            content["photo_id"] = content["photo_id"].replace(ROOT, folder.as_uri())
            content["key"] = photo_key(content["photo_id"])
            content["sequence"] = _now()
        action = {
            "_id": content["key"],
            "version": content["sequence"],
            "version_type": "external_gte",
        }
        lines += [{"index": action}, content]
    data = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
    request = Request(
        f"http://{server.host}/{index}-000001/_bulk?refresh=true",
        data,
        {"Content-Type": "application/x-ndjson"},
        method="POST",
    )
    with urlopen(request, timeout=60) as answer:  # noqa: S310 (our own container)
        assert not json.load(answer)["errors"]
    return f"opensearch://{server.host}/{index}?refresh=true"


def _kept_index(version: str) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads((HERE / version / "opensearch.json").read_text("utf-8"))
    return kept


def _now() -> int:
    return time.time_ns() * 2**23 // 10**9
