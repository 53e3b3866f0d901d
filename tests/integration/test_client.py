"""The Python client against a running server."""

import asyncio
import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from PIL import Image

from facesearch import __version__
from facesearch_local.client import ApiError, AsyncFaceSearchClient, FaceSearchClient
from search_faces.contract.answers import Collection, StoreRecipe
from search_faces.contract.requests import CompareSide, MatchOptions, SearchOptions
from tests.e2e.page.gateway import KEY, STAGE
from tests.e2e.page.sites import behind_gateway
from tests.integration.serving import serving

ROOT = Path(__file__).parents[2]


@pytest.fixture
def client(served: str) -> Iterator[FaceSearchClient]:
    with FaceSearchClient(served) as client:
        yield client


@pytest.fixture
def reader(models: Path, tmp_path: Path) -> Iterator[FaceSearchClient]:
    """Of a server that takes no photos, and has none."""
    with (
        serving(f"sqlite:///{tmp_path}/faces.db", models, {}) as address,
        FaceSearchClient(address) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def elton(sample: Path) -> Path:
    return sample / "val" / "elton_john" / "elton_john_01.jpg"


@pytest.fixture(scope="module")
def madonna(sample: Path) -> Path:
    return sorted((sample / "val" / "madonna").iterdir())[1]


def test_photo_finds_its_person(client: FaceSearchClient, elton: Path) -> None:
    found = client.search(elton, options=SearchOptions(k=3, include=("boxes", "thumbnails")))
    matches = found.results[0].matches
    assert ["elton_john" in match.photo_id for match in matches] == [True] * 3
    assert all(match.thumbnail for match in matches)
    assert found.photo is not None


def test_options_reach_the_api(client: FaceSearchClient, elton: Path) -> None:
    found = client.search(
        elton.read_bytes(), options=SearchOptions(collection="music", metadata={"number": "1"})
    )
    for match in found.results[0].matches:
        assert (match.collection, match.metadata) == ("music", {"number": "1"})
    assert found.results[0].matches
    assert (
        client.search(elton, options=SearchOptions(min_confidence=0.99, face="all")).results[0].face
        == 0
    )


def test_several_photos_and_faces_are_one_person_s(
    client: FaceSearchClient, elton: Path, madonna: Path
) -> None:
    best = client.search(madonna, options=SearchOptions(k=1)).results[0].matches[0]
    found = client.search(madonna, face_ids=[best.face_id], options=SearchOptions(k=3))
    assert found.photo is None
    assert "madonna" in found.results[0].matches[0].photo_id
    assert client.search(elton, elton, options=SearchOptions(k=1)).results[0].matches


def test_stored_face_is_told_shown_and_searched_with(client: FaceSearchClient, elton: Path) -> None:
    best = client.search(elton, options=SearchOptions(k=1)).results[0].matches[0]
    stored = client.face(best.face_id, include=["thumbnails"])
    assert stored.photo_id == best.photo_id
    with Image.open(io.BytesIO(client.thumbnail(best.face_id))) as picture:
        assert picture.size == (216, 216)
    near = client.matches(best.face_id, MatchOptions(k=2)).results[0].matches
    assert ["elton_john" in match.photo_id for match in near] == [True] * 2


def test_faces_of_a_photo_are_told_with_quality(client: FaceSearchClient, elton: Path) -> None:
    (face,) = client.detect(elton).faces
    assert face.quality.size > 50


def test_two_faces_are_compared(client: FaceSearchClient, elton: Path, madonna: Path) -> None:
    stored = client.search(elton, options=SearchOptions(k=1)).results[0].matches[0].face_id
    assert client.compare(elton, CompareSide(face_id=stored)).same_person is True
    assert client.compare(elton, madonna.read_bytes()).same_person is False


def test_photos_are_listed_over_all_pages(client: FaceSearchClient) -> None:
    listed = list(client.photos(page=4))
    ids = [photo.photo_id for photo in listed]
    assert (len(ids), ids) == (15, sorted(ids))
    assert [each.photo_id for each in client.photos(prefix=ids[3])] == [ids[3]]


def test_collections_health_and_version_are_told(client: FaceSearchClient) -> None:
    assert client.collections() == [Collection("default", 12, 13), Collection("music", 3, 4)]
    health, version = client.health(), client.version()
    assert health.status == "ok"
    assert (version.version, version.commit) == (__version__, "0123abc")
    assert version.store == StoreRecipe(health.recipe, fits=True)


def test_uploaded_photo_is_listed_and_found(models: Path, elton: Path, tmp_path: Path) -> None:
    store, uploads = f"sqlite:///{tmp_path}/faces.db", {"FACESEARCH_UPLOADS": f"{tmp_path}/new"}
    sent: list[float] = []
    with serving(store, models, uploads) as address, FaceSearchClient(address) as client:
        assert client.version().search.uploads is True
        photo_id = client.upload(
            elton,
            collection="wedding",
            metadata={"album": "summer"},
            progress=lambda done, size: sent.append(done / size),
        )
        (photo,) = client.photos()
        assert (photo.photo_id, photo.collection) == (photo_id, "wedding")
        (match,) = (
            client.search(elton, options=SearchOptions(metadata={"album": "summer"}))
            .results[0]
            .matches
        )
        assert (match.photo_id, (match.confidence or 0) > 0.99) == (photo_id, True)
        with pytest.raises(ApiError) as refused:
            client.upload(elton, collection="")
    assert (sent[-1], sent) == (1.0, sorted(sent))
    assert refused.value.status == 400


def test_photos_are_paths_as_text_too(models: Path, elton: Path, tmp_path: Path) -> None:
    store, uploads = f"{tmp_path}/faces.db", {"FACESEARCH_UPLOADS": f"{tmp_path}/new"}
    with serving(store, models, uploads) as address, FaceSearchClient(address) as client:
        photo_id = client.upload(str(elton))
        assert client.search(str(elton)).results[0].matches[0].photo_id == photo_id
        assert client.compare(str(elton), elton).same_person
        assert len(client.detect(str(elton)).faces) == 1


def test_async_client_answers_many_at_once(served: str, elton: Path, madonna: Path) -> None:
    async def ask() -> None:
        async with AsyncFaceSearchClient(served, connections=3) as client:
            options = SearchOptions(k=1)
            found = await asyncio.gather(
                *(client.search(each, options=options) for each in (elton, madonna) * 3)
            )
            people = [each.results[0].matches[0].photo_id.split("/")[-2] for each in found]
            assert people == ["elton_john", "madonna"] * 3
            assert len([photo async for photo in client.photos(page=4)]) == 15
            assert (await client.health()).status == "ok"
            with pytest.raises(ApiError, match="face"):
                await client.face("0" * 32 + "-0")

    asyncio.run(ask())


def test_async_client_has_every_method_of_the_other() -> None:
    def methods(kind: type) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")} - {"photo_page"}

    assert methods(AsyncFaceSearchClient) == methods(FaceSearchClient)


@pytest.mark.parametrize("document", ["README.md", "functions/README.md"])
def test_python_of_the_documents_runs(
    document: str, served: str, elton: Path, tmp_path: Path
) -> None:
    text = (ROOT / document).read_text("utf-8")
    examples = [
        each
        for each in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        if "facesearch_local.client" in each
    ]
    assert examples
    shutil.copy(elton, tmp_path / "friend.jpg")
    for example in examples:
        ended = subprocess.run(
            [sys.executable, "-c", example.replace("http://127.0.0.1:8000", served)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        assert "elton_john" in ended.stdout


def test_upload_where_nobody_may_is_refused(reader: FaceSearchClient, elton: Path) -> None:
    with pytest.raises(ApiError) as refused:
        reader.upload(elton)
    assert (refused.value.status, refused.value.code) == (409, "uploads_off")


def test_refusal_is_an_error_with_everything_that_was_told(client: FaceSearchClient) -> None:
    with pytest.raises(ApiError, match="face") as refused:
        client.face("0" * 32 + "-0")
    assert (refused.value.status, refused.value.code) == (404, "not_found")
    assert refused.value.request_id
    assert refused.value.detail in str(refused.value)


def test_no_server_is_an_error_that_names_the_address() -> None:
    with (
        FaceSearchClient("http://127.0.0.1:1") as client,
        pytest.raises(
            ApiError, match=r"GET http://127\.0\.0\.1:1/v1/health.*unreachable"
        ) as refused,
    ):
        client.health()
    assert refused.value.status == 0


def test_key_opens_the_api_below_its_stage(indexed_file: Path, elton: Path) -> None:
    with behind_gateway(f"sqlite:///{indexed_file}") as root:
        with FaceSearchClient(f"{root}{STAGE}", KEY) as client:
            assert client.search(elton, options=SearchOptions(k=1)).results[0].matches
            assert client.compare(elton, elton).same_person
        with FaceSearchClient(f"{root}{STAGE}/") as client:
            assert client.health().status == "ok"
            with pytest.raises(ApiError) as refused:
                client.collections()
    assert (refused.value.status, refused.value.code) == (403, "forbidden")


class Asked(list[tuple[str, dict[str, str], bytes]]):
    """Paths, headers and bodies that a server was sent."""


@contextmanager
def answering(*answers: tuple[int, dict[str, str], bytes]) -> Iterator[tuple[str, Asked]]:
    """A server that gives these answers one after the other, at any path."""
    asked = Asked()
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            asked.append((self.path, dict(self.headers), self.rfile.read(length)))
            status, headers, body = left.pop(0)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


PROBLEM = {"Content-Type": "application/problem+json", "X-Request-Id": "r-1"}
THROTTLED = json.dumps({"code": "too_many_requests", "detail": "slow down"}).encode()
HEALTHY = (
    200,
    {"Content-Type": "application/json"},
    b'{"status":"ok","recipe":{"name":null,"fingerprint":"a"},"photos":1,"faces":1,"later":true}',
)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client slept, without doing so."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


def test_throttled_request_is_tried_again_as_late_as_told(waits: list[float]) -> None:
    refused = (429, {**PROBLEM, "Retry-After": "7"}, THROTTLED)
    unavailable = (503, PROBLEM, THROTTLED)
    with answering(refused, unavailable, HEALTHY) as (url, asked), FaceSearchClient(url) as client:
        assert client.health().status == "ok"
    assert (len(asked), waits) == (3, [7.0, 4.0])


def test_request_that_stays_throttled_is_an_error(waits: list[float]) -> None:
    refused = (429, {**PROBLEM, "Retry-After": "1"}, THROTTLED)
    with (
        answering(*[refused] * 4) as (url, asked),
        FaceSearchClient(url) as client,
        pytest.raises(ApiError, match="slow down") as error,
    ):
        client.health()
    assert (len(asked), waits) == (4, [1.0] * 3)
    assert (error.value.code, error.value.request_id) == ("too_many_requests", "r-1")


def test_longer_wait_than_anyone_has_is_an_error_at_once(waits: list[float]) -> None:
    refused = (503, {**PROBLEM, "Retry-After": "3600"}, THROTTLED)
    with (
        answering(refused) as (url, _),
        FaceSearchClient(url) as client,
        pytest.raises(ApiError),
    ):
        client.health()
    assert waits == []


def test_answer_of_something_else_is_an_error_that_names_the_address() -> None:
    page = (200, {"Content-Type": "text/html"}, b"<html>")
    with (
        answering(page) as (url, _),
        FaceSearchClient(url) as client,
        pytest.raises(ApiError, match="/v1/health does not answer as this client's API does"),
    ):
        client.health()


def test_key_is_sent_to_the_api_and_not_to_where_the_photo_goes(elton: Path) -> None:
    sent: list[tuple[int, int]] = []
    with answering((204, {}, b"")) as (bucket, stored):
        form = {
            "url": f"{bucket}/photos",
            "fields": {"key": "a.jpg"},
            "photo_id": "s3://b/a.jpg",
            "expires_in": 1,
            "max_bytes": 9,
        }
        answer = (201, {"Content-Type": "application/json"}, json.dumps(form).encode())
        with answering(answer) as (url, asked), FaceSearchClient(f"{url}/live", "secret") as client:
            photo_id = client.upload(
                elton, collection="wedding", progress=lambda done, size: sent.append((done, size))
            )
    ((path, headers, body),) = asked
    assert (photo_id, path, headers["X-Api-Key"]) == ("s3://b/a.jpg", "/live/v1/uploads", "secret")
    assert json.loads(body) == {
        "filename": elton.name,
        "content_type": "image/jpeg",
        "size": elton.stat().st_size,
        "collection": "wedding",
        "sha256": sha256(elton.read_bytes()).hexdigest(),
    }
    ((_, headers, body),) = stored
    assert "X-Api-Key" not in headers
    assert body.index(b'name="key"') < body.index(b'name="file"') < body.index(elton.read_bytes())
    assert sent[-1] == (len(body), len(body))


def test_refusal_of_the_bucket_is_told_in_its_own_words(elton: Path) -> None:
    refusal = b"<Error><Code>EntityTooLarge</Code><Message>Too large</Message></Error>"
    with answering((400, {"Content-Type": "application/xml"}, refusal)) as (bucket, _):
        form = {
            "url": bucket,
            "fields": {},
            "photo_id": "s3://b/a.jpg",
            "expires_in": 1,
            "max_bytes": 9,
        }
        answer = (201, {"Content-Type": "application/json"}, json.dumps(form).encode())
        with (
            answering(answer) as (url, _),
            FaceSearchClient(url) as client,
            pytest.raises(ApiError, match="Too large"),
        ):
            client.upload(elton)
