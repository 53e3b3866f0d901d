"""The API's client, and files of all kinds, through the deployed API."""

import gzip
import io
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from PIL import Image

from facesearch_local.client import ApiError, FaceSearchClient
from facesearch_local.openapi.document import FILE
from search_faces.contract.requests import CompareSide, SearchOptions
from tests.e2e.events import created
from tests.e2e.stack.config import Running
from tests.e2e.stack.tools import python_tool
from tests.e2e.system import RunningSystem, wait_for
from tests.events.loading import load

pytestmark = pytest.mark.slow

PEOPLE = ("elton_john", "madonna")


@pytest.fixture(scope="module")
def url(system: RunningSystem, sample: Path) -> Iterator[str]:
    """Of the API over two photos of two people each."""
    system.clear()
    for person in PEOPLE:
        for place, path in enumerate(sorted((sample / "train" / person).iterdir())[1:3]):
            system.put(f"{person}/{place}.jpg", path.read_bytes())
    system.wait_until_idle()
    with pytest.MonkeyPatch.context() as patching:
        patching.setenv("REQUESTS_CA_BUNDLE", system.certificate)
        yield system.api_url
    system.clear()


def test_client_reads_searches_and_compares(url: str, sample: Path, system: RunningSystem) -> None:
    photo = sample / "val" / "elton_john" / "elton_john_01.jpg"
    with FaceSearchClient(url, system.api_key, timeout_s=120) as client:
        ids = [each.photo_id for each in client.photos(page=3)]
        assert ids == [
            f"s3://{system.bucket}/{person}/{place}.jpg" for person in PEOPLE for place in (0, 1)
        ]
        assert sum(each.photos for each in client.collections()) == 4
        found = client.search(
            photo, options=SearchOptions(k=2, include=("boxes", "thumbnails", "photo_urls"))
        )
        matches = found.results[0].matches
        assert {match.photo_id for match in matches} == set(ids[:2])
        assert all(match.thumbnail and match.photo_url for match in matches)
        face_id = matches[0].face_id
        assert client.face(face_id).photo_id == matches[0].photo_id
        (nearest, *_) = client.matches(face_id).results[0].matches
        assert nearest.face_id == matches[1].face_id
        with Image.open(io.BytesIO(client.thumbnail(face_id))) as picture:
            assert picture.format == "JPEG"
        stored = CompareSide(s3_key="madonna/0.jpg")
        assert client.compare(CompareSide(face_id=face_id), stored).same_person is False
        assert client.detect(photo).faces
        assert client.version().store.fits is True
        with pytest.raises(ApiError) as missing:
            client.compare(CompareSide(s3_key="nobody.jpg"), stored)
        assert (missing.value.status, missing.value.code) == (404, "not_found")


def test_files_arrive_as_they_are_compressed_or_not(url: str) -> None:
    answer = requests.get(
        f"{url}/openapi.json", headers={"Accept-Encoding": "identity"}, timeout=60
    )
    assert answer.content == FILE.read_bytes()
    small = requests.get(
        f"{url}/docs/swagger-ui-bundle.min.js",
        headers={"Accept-Encoding": "gzip"},
        timeout=60,
        stream=True,
    )
    assert small.headers["Content-Encoding"] == "gzip"
    assert b"SwaggerUIBundle" in gzip.decompress(small.raw.read(decode_content=False))
    page = requests.get(f"{url}/docs", timeout=60)
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    again = requests.get(f"{url}/docs", headers={"If-None-Match": page.headers["ETag"]}, timeout=60)
    assert (again.status_code, again.content) == (304, b"")


def sam(
    system: RunningSystem, log: Path, subcommand: str, *arguments: str
) -> "subprocess.Popen[bytes]":
    """SAM on the stack's template, in an environment with the credentials and nothing else."""
    aws = Running.load(system.config.running_file).aws
    variables = {name: os.environ[name] for name in ("HOME", "PATH")}
    variables |= {name: aws[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    folder = system.config.folder
    command = [
        *(str(python_tool("sam") / "sam"), "local", subcommand, *arguments, "--skip-pull-image"),
        f"--template={folder / 'cdk.out' / 'sam.template.json'}",
        f"--region={system.config.region}",
        f"--layer-cache-basedir={folder / 'sam-layers'}",
    ]
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            env={**variables, "SAM_CLI_TELEMETRY": "0"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def test_sam_runs_both_functions_of_the_deployed_template(
    url: str, system: RunningSystem, sample: Path, tmp_path: Path
) -> None:
    del url  # for what it puts into the index
    photo = sample / "train/elton_john/elton_john_08.jpg"
    event = tmp_path / "event.json"
    (record,) = load("sqs_batch")["Records"]
    body = created(system.bucket, "by-sam.jpg")
    event.write_text(json.dumps({"Records": [{**record, "body": body}]}))
    said = tmp_path / "sam.log"
    with system.indexing_paused():
        system.put("by-sam.jpg", photo.read_bytes())
        invoked = sam(system, said, "invoke", "index_faces", f"--event={event}")
        assert invoked.wait(300) == 0, said.read_text()
        assert '"batchItemFailures":[]' in said.read_text().replace(" ", "")
        indexed = system.keys()
    assert "by-sam.jpg" in indexed

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serving = sam(system, said, "start-api", f"--port={port}", "--warm-containers=LAZY")
    try:
        search = f"http://127.0.0.1:{port}/v1/search"
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/"), "SAM's API")
        media = {"Content-Type": "image/jpeg"}
        answer = requests.post(search, photo.read_bytes(), headers=media, timeout=120)
        (result,) = answer.json()["results"]
        assert result["matches"][0]["photo_id"] == f"s3://{system.bucket}/by-sam.jpg"
    finally:
        # It removes its containers then. SIGINT may be ignored by what is run in the background.
        serving.terminate()
        serving.wait(60)


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=120).ok
    except requests.ConnectionError:
        return False
