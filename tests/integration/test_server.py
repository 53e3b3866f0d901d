"""The API over HTTP on one machine: a process as `facesearch serve` runs it."""

import base64
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from facesearch.errors import ModelError, SettingsError
from facesearch.indexing import PhotoToIndex, index_photos
from facesearch.photos.reading import PhotoContent
from facesearch.stores import open_store
from facesearch.vision.pipeline import FacePipeline
from facesearch_local.server import MAX_BODY_BYTES, Gateway, proxy_event, serve
from tests.events.loading import load

SERVE = """
import os, sys
from facesearch_local.server import serve
serve("127.0.0.1", int(sys.argv[1]), os.environ)
"""


@dataclass(frozen=True)
class Server:
    """A running server; `process` is its own."""

    port: int
    process: subprocess.Popen[str]

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, dict[str, str], dict[str, Any]]:
        """Status, headers (names in lower case) and the JSON body."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, found, json.loads(answer.read())
        finally:
            connection.close()

    def search(self, photo: bytes, query: str = "") -> tuple[int, dict[str, Any]]:
        status, _, body = self.request(
            "POST", f"/search{query}", photo, {"Content-Type": "image/jpeg"}
        )
        return status, body


def start(environ: Mapping[str, str]) -> Server:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, "0"],
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"listening on http://127\.0\.0\.1:(\d+)$", line.strip())
    assert found, line + process.stdout.read()
    return Server(int(found[1]), process)


def stop(server: Server, number: int = signal.SIGTERM) -> tuple[int, str]:
    """The process's exit code, and what it printed since it started listening."""
    server.process.send_signal(number)
    printed, _ = server.process.communicate(timeout=30)
    return server.process.returncode, printed


@pytest.fixture(scope="module")
def environ(
    models: Path, pipeline: FacePipeline, sample: Path, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, str]:
    """Settings of a server with five photos of Elton John and one of Madonna."""
    url = f"sqlite:///{tmp_path_factory.mktemp('served')}/faces.db"
    train = sample / "train"
    paths = [
        *sorted((train / "elton_john").iterdir())[:5],
        sorted((train / "madonna").iterdir())[0],
    ]
    photos = {path.as_uri(): path for path in paths}

    def read(photo_id: str) -> PhotoContent:
        return PhotoContent(photos[photo_id].read_bytes(), "1")

    with open_store(url, pipeline.recipe) as store:
        index_photos([PhotoToIndex(photo, 1) for photo in photos], read, pipeline, store)
    return {
        "FACESEARCH_MODELS": str(models),
        "FACESEARCH_STORE": url,
        "FACESEARCH_THREADS": "1",
    }


@pytest.fixture(scope="module")
def server(environ: Mapping[str, str]) -> Iterator[Server]:
    running = start(environ)
    yield running
    stop(running)


@pytest.fixture(scope="module")
def elton(sample: Path) -> bytes:
    return (sample / "val" / "elton_john" / "elton_john_01.jpg").read_bytes()


def test_search_over_http_finds_the_person(server: Server, elton: bytes) -> None:
    status, found = server.search(elton, "?k=4")
    assert status == 200
    assert ["elton_john" in match["photo_id"] for match in found["results"][0]["matches"]] == [
        True
    ] * 4


def test_json_body_over_http_is_understood(server: Server, elton: bytes) -> None:
    body = json.dumps({"image": base64.b64encode(elton).decode(), "k": 4}).encode()
    status, headers, found = server.request(
        "POST", "/search", body, {"Content-Type": "application/json"}
    )
    assert status == 200
    assert found == server.search(elton, "?k=4")[1]
    assert headers["content-type"] == "application/json"
    assert headers["x-request-id"]


def test_body_sent_in_chunks_is_understood(server: Server, elton: bytes) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    chunks = iter([elton[:1000], elton[1000:]])
    headers = {"Content-Type": "image/jpeg"}
    connection.request("POST", "/search", chunks, headers, encode_chunked=True)
    answer = connection.getresponse()
    assert (answer.status, len(json.loads(answer.read())["results"][0]["matches"])) == (200, 6)
    connection.close()


def test_health_over_http_is_good(server: Server) -> None:
    status, _, body = server.request("GET", "/health")
    assert (status, body["status"], body["photos"]) == (200, "ok", 6)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/search", 405, "method_not_allowed"),
        ("GET", "/nothing/%2e%2e/here?a=%zz", 404, "not_found"),
        ("GET", "/%ff", 404, "not_found"),
        ("POST", "/search", 415, "not_an_image"),
        ("POST", "/search?k=1001", 400, "invalid_request"),
    ],
)
def test_problem_over_http_has_its_status_and_request_id(
    server: Server, method: str, path: str, status: int, code: str
) -> None:
    answered, headers, body = server.request(method, path)
    assert (answered, body["code"], body["status"]) == (status, code, status)
    assert headers["content-type"] == "application/problem+json"
    assert body["request_id"] == headers["x-request-id"]


def test_body_beyond_the_gateway_s_limit_is_refused_with_the_limit(server: Server) -> None:
    status, headers, body = server.request("POST", "/search", bytes(MAX_BODY_BYTES + 1))
    assert (status, body["code"]) == (413, "request_too_large")
    assert "10 MB" in body["detail"]
    assert body["request_id"] == headers["x-request-id"]
    assert server.request("POST", "/search", bytes(MAX_BODY_BYTES))[0] == 415


def test_concurrent_searches_get_each_its_own_answer(server: Server, elton: bytes) -> None:
    answers: dict[int, int] = {}

    def ask(k: int) -> None:
        answers[k] = len(server.search(elton, f"?k={k}")[1]["results"][0]["matches"])

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {k: k for k in range(1, 7)}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_server_quietly_and_with_success(
    environ: Mapping[str, str], number: int
) -> None:
    running = start(environ)
    assert stop(running, number) == (0, "")
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", running.port)) != 0


def test_request_in_hand_is_answered_before_the_server_ends(environ: Mapping[str, str]) -> None:
    running = start(environ)
    buffer = io.BytesIO()
    # It takes a while to decode.
    Image.new("RGB", (7000, 7000)).save(buffer, "PNG")
    connection = HTTPConnection("127.0.0.1", running.port, timeout=60)
    connection.request("POST", "/search", buffer.getvalue(), {"Content-Type": "image/png"})
    time.sleep(0.3)
    assert stop(running) == (0, "")
    assert json.loads(connection.getresponse().read())["code"] == "no_face"
    connection.close()


def test_metrics_and_requests_are_not_printed(environ: Mapping[str, str]) -> None:
    running = start(environ)
    for _ in range(120):
        running.request("GET", "/nothing")
    assert stop(running) == (0, "")


def test_server_without_models_does_not_start(environ: Mapping[str, str], tmp_path: Path) -> None:
    script = SERVE.replace("serve(", "print('x'); serve(")
    ended = subprocess.run(
        [sys.executable, "-c", script, "0"],
        env={**os.environ, **environ, "FACESEARCH_MODELS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout == "x\n"
    assert ModelError.__name__ in ended.stderr


def test_port_in_use_is_named(environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(SettingsError, match=rf"port {taken.getsockname()[1]}.*in use.*--port"),
    ):
        serve("127.0.0.1", taken.getsockname()[1], environ)


def test_host_that_does_not_exist_is_named(
    environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))
    with pytest.raises(SettingsError, match=r"cannot listen on nowhere\.invalid"):
        serve("nowhere.invalid", 0, environ)


def wsgi(body: bytes = b"", **changes: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/search",
        "QUERY_STRING": "k=5&tag=a&tag=b&empty=",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "image/jpeg",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_USER_AGENT": "curl/8.9.1",
        "HTTP_X_API_KEY": "k",
        "wsgi.input": io.BytesIO(body),
        **changes,
    }


def test_event_has_the_fields_of_api_gateway_s() -> None:
    real = load("api_gateway_rest_search")
    event = proxy_event(wsgi(), b"hello", "r-1")
    assert set(event) == set(real)
    assert set(event["requestContext"]) <= set(real["requestContext"])
    assert event["body"] == real["body"]
    assert event["isBase64Encoded"] is True
    assert event["headers"]["X-Api-Key"] == "k"
    assert event["headers"]["Content-Type"] == "image/jpeg"
    assert event["queryStringParameters"] == {"k": "5", "tag": "b", "empty": ""}
    assert event["multiValueQueryStringParameters"]["tag"] == ["a", "b"]


def test_event_without_body_or_query_has_none() -> None:
    event = proxy_event(wsgi(QUERY_STRING=""), b"", "r-1")
    assert (event["body"], event["isBase64Encoded"]) == (None, False)
    assert event["queryStringParameters"] is event["multiValueQueryStringParameters"] is None


def test_path_of_the_event_is_unicode() -> None:
    event = proxy_event(wsgi(PATH_INFO="/Zoë".encode().decode("latin-1")), b"", "r-1")
    assert (event["path"], event["pathParameters"]) == ("/Zoë", {"proxy": "Zoë"})


def test_binary_answer_is_decoded_and_every_header_kept() -> None:
    response = {
        "statusCode": 200,
        "isBase64Encoded": True,
        "body": base64.b64encode(b"\x89PNG\x00").decode(),
        "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]},
    }
    started: list[tuple[str, list[tuple[str, str]]]] = []
    gateway = Gateway(lambda *_: response)
    body = gateway(wsgi(), lambda *answer: started.append(answer))  # type: ignore[arg-type]
    assert b"".join(body) == b"\x89PNG\x00"
    assert started == [
        ("200 OK", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Content-Length", "5")])
    ]
