"""The API's client, and files of all kinds, through API Gateway as SAM plays it."""

import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from PIL import Image

from facesearch_local.client import ApiError, FaceSearchClient
from facesearch_local.openapi.document import FILE
from search_faces.contract.requests import CompareSide, SearchOptions
from tests.e2e.stack.running import ADDRESS
from tests.e2e.system import RunningSystem

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
    yield f"http://{ADDRESS}:{system.config.api_port}"
    system.clear()


def test_client_reads_searches_and_compares(url: str, sample: Path, system: RunningSystem) -> None:
    photo = sample / "val" / "elton_john" / "elton_john_01.jpg"
    with FaceSearchClient(url, timeout_s=120) as client:
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
