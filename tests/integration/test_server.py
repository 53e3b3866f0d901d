"""The API over HTTP on one machine: a process as `facesearch serve` runs it."""

import base64
import gzip
import io
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
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
from facesearch.stores.sqlite.backup import back_up
from facesearch.vision.pipeline import FacePipeline
from facesearch_local.server import serve
from facesearch_local.server.application import MAX_BODY_BYTES
from facesearch_local.settings import ServeSettings

SERVE = """
import os, sys
from facesearch_local.server import application, bodies, connections, serve
from facesearch_local.settings import ServeSettings
LIMITS
serve("127.0.0.1", int(sys.argv[1]), ServeSettings.from_env(os.environ))
"""

HASTY = """
connections.HEAD_S = connections.ANSWER_S = bodies.GRACE_S = 2.0
connections.MAX_CONNECTIONS = 40
application.MEMORY_BYTES = 3_000_000
"""
"""The limits of a server, such that a test need not wait for them."""


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
            "POST", f"/v1/search{query}", photo, {"Content-Type": "image/jpeg"}
        )
        return status, body


def start(environ: Mapping[str, str], limits: str = "") -> Server:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE.replace("LIMITS", limits), "0"],
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
    assert stop(running) == (0, "")


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
    body = json.dumps({"photo": base64.b64encode(elton).decode(), "k": 4}).encode()
    status, headers, found = server.request(
        "POST", "/v1/search", body, {"Content-Type": "application/json"}
    )
    assert status == 200
    assert found == server.search(elton, "?k=4")[1]
    assert headers["content-type"] == "application/json"
    assert headers["x-request-id"]


def test_body_sent_in_chunks_is_understood(server: Server, elton: bytes) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    chunks = iter([elton[:1000], elton[1000:]])
    headers = {"Content-Type": "image/jpeg"}
    connection.request("POST", "/v1/search", chunks, headers, encode_chunked=True)
    answer = connection.getresponse()
    assert (answer.status, len(json.loads(answer.read())["results"][0]["matches"])) == (200, 7)
    connection.close()


def test_health_over_http_is_good(server: Server) -> None:
    status, _, body = server.request("GET", "/v1/health")
    assert (status, body["status"]) == (200, "ok")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/search", 405, "method_not_allowed"),
        ("GET", "/nothing/%2e%2e/here?a=%zz", 404, "not_found"),
        ("GET", "/%ff", 404, "not_found"),
        ("POST", "/v1/search", 415, "not_an_image"),
        ("POST", "/v1/search?k=1001", 400, "invalid_request"),
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
    status, headers, body = server.request("POST", "/v1/search", bytes(MAX_BODY_BYTES + 1))
    assert (status, body["code"]) == (413, "request_too_large")
    assert "10 MB" in body["detail"]
    assert body["request_id"] == headers["x-request-id"]
    assert server.request("POST", "/v1/search", bytes(MAX_BODY_BYTES))[0] == 415


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
    connection.request("POST", "/v1/search", buffer.getvalue(), {"Content-Type": "image/png"})
    time.sleep(0.3)
    assert stop(running) == (0, "")
    assert json.loads(connection.getresponse().read())["code"] == "no_face"
    connection.close()


def test_server_ends_soon_and_quietly_whatever_its_clients_do(environ: Mapping[str, str]) -> None:
    running = start(environ, "connections.STOPPING_S = 1")
    asked = b"GET /docs/swagger-ui-bundle.min.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
    body = b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\nabc"
    with ExitStack() as clients:
        for sent in (b"", b"GET / HT", body, asked, asked * 30):
            clients.enter_context(connect(running, sent, 4096))
        time.sleep(0.5)
        begun = time.monotonic()
        assert stop(running) == (0, "")
        assert time.monotonic() - begun < 5


def test_metrics_and_requests_are_not_printed(environ: Mapping[str, str]) -> None:
    running = start(environ)
    for _ in range(120):
        running.request("GET", "/nothing")
    assert stop(running) == (0, "")


def test_server_without_models_does_not_start(environ: Mapping[str, str], tmp_path: Path) -> None:
    script = SERVE.replace("LIMITS", "print('x')")
    ended = subprocess.run(
        [sys.executable, "-c", script, "0"],
        env={**os.environ, **environ, "FACESEARCH_MODELS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout == "x\n"
    assert ModelError.__name__ in ended.stderr


def test_port_in_use_is_named(environ: Mapping[str, str]) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(SettingsError, match=rf"port {taken.getsockname()[1]}.*in use.*--port"),
    ):
        serve("127.0.0.1", taken.getsockname()[1], ServeSettings.from_env(environ))


def test_host_that_does_not_exist_is_named(environ: Mapping[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"cannot listen on nowhere\.invalid"):
        serve("nowhere.invalid", 0, ServeSettings.from_env(environ))


@pytest.fixture(scope="module")
def hasty(environ: Mapping[str, str]) -> Iterator[Server]:
    """A server with small limits."""
    running = start(environ, HASTY)
    yield running
    assert stop(running) == (0, "")


def connect(server: Server, sent: bytes, receive_buffer: int = 0) -> socket.socket:
    """A client that has sent so much."""
    client = socket.socket()
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.connect(("127.0.0.1", server.port))
    client.settimeout(20)
    client.sendall(sent)
    return client


def answer_of(client: socket.socket) -> bytes:
    """All that the server sends until it closes the connection."""
    return b"".join(iter(lambda: client.recv(2**16), b""))


def is_quick(server: Server) -> bool:
    """Whether another client is answered well before any deadline ends."""
    start = time.monotonic()
    status, *_ = server.request("GET", "/v1/health")
    return status == 200 and time.monotonic() - start < 1


def ended(client: socket.socket) -> bool:
    """Whether the server closes the connection: waits until it does, or for long."""
    try:
        while client.recv(2**16):
            pass
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("sent", [b"", b"GET /v1/health HTTP/1.1\r\nX: ", b"POST /v1/sea"])
def test_unfinished_heads_hold_up_nobody_and_have_a_deadline(hasty: Server, sent: bytes) -> None:
    """98 of them stopped the server for everybody."""
    with ExitStack() as clients:
        # More than the server keeps: those that have waited longest make room.
        waiting = [clients.enter_context(connect(hasty, sent)) for _ in range(120)]
        assert is_quick(hasty)
        assert ended(waiting[0])
        assert is_quick(hasty)
        start = time.monotonic()
        assert all(map(ended, waiting))
        assert time.monotonic() - start < 4


def test_head_that_comes_byte_by_byte_has_a_deadline(hasty: Server) -> None:
    """Also one that follows an answered request."""
    with connect(hasty, b"GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") as client:
        assert client.recv(2**16).startswith(b"HTTP/1.1 200")
        start = time.monotonic()
        client.settimeout(0.1)
        with suppress(ConnectionError):
            while time.monotonic() - start < 10:
                client.sendall(b"G")
                with suppress(TimeoutError):
                    if not client.recv(1):
                        break
        assert 1 < time.monotonic() - start < 5


def test_unfinished_bodies_hold_up_nobody_and_have_a_deadline(hasty: Server) -> None:
    head = b"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    head += b"Content-Length: 9000000\r\n\r\nabc"
    with ExitStack() as clients:
        for _ in range(60):  # more than the server keeps
            clients.enter_context(connect(hasty, head))
        assert is_quick(hasty)
    with ExitStack() as clients:
        waiting = [clients.enter_context(connect(hasty, head)) for _ in range(30)]
        assert is_quick(hasty)
        answers = [answer_of(each) for each in waiting]
        assert {each.split(b"\r\n")[0] for each in answers} == {b"HTTP/1.1 408 Request Timeout"}
        assert b"send it with 50 KB a second" in answers[0]


def test_clients_that_read_nothing_hold_up_nobody_and_have_a_deadline(hasty: Server) -> None:
    """One that asks 200 times and reads nothing stopped the server for everybody."""
    asked = b"GET /docs/swagger-ui-bundle.min.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200
    with ExitStack() as clients:
        greedy = [clients.enter_context(connect(hasty, asked, 4096)) for _ in range(4)]
        time.sleep(0.5)
        assert is_quick(hasty)
        time.sleep(3)
        assert is_quick(hasty)
        assert all(map(ended, greedy))


def test_bodies_of_all_requests_together_have_a_limit(hasty: Server) -> None:
    head = b"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2000000\r\n\r\n"
    with connect(hasty, head + bytes(1_900_000)) as one, connect(hasty, head) as other:
        other.sendall(bytes(1_900_000))
        refused, *_ = select.select([one, other], [], [], 10)[0]
        assert b"503 Service Unavailable" in refused.recv(2**16)
        assert is_quick(hasty)
    time.sleep(0.2)
    assert hasty.request("POST", "/v1/search", bytes(2_000_000))[0] == 415


def test_upload_for_which_the_disk_has_no_room_is_to_be_tried_again(
    environ: Mapping[str, str], tmp_path: Path
) -> None:
    full = "import tempfile; tempfile.tempdir = '/nonexistent'"
    running = start({**environ, "FACESEARCH_UPLOADS": str(tmp_path)}, full)
    status, headers, body = running.request("POST", "/v1/uploads/files", bytes(2_000_000))
    assert (status, body["code"], headers["retry-after"]) == (503, "busy", "5")
    assert running.request("POST", "/v1/search", bytes(2_000_000))[0] == 415
    assert stop(running) == (0, "")


def test_more_requests_than_can_wait_are_to_be_tried_again(
    environ: Mapping[str, str], elton: bytes
) -> None:
    running = start(environ, "application.WAITING = 3")

    def search(_: int) -> tuple[int, dict[str, str], dict[str, Any]]:
        return running.request("POST", "/v1/search", elton, {"Content-Type": "image/jpeg"})

    with ThreadPoolExecutor(40) as threads:
        answers = list(threads.map(search, range(40)))
    assert {status for status, *_ in answers} == {200, 503}
    for status, headers, body in answers:
        if status == 503:
            assert (headers["retry-after"], body["code"]) == ("5", "busy")
    assert running.search(elton)[0] == 200
    assert stop(running) == (0, "")


def test_clients_that_leave_cost_no_more_work(environ: Mapping[str, str], elton: bytes) -> None:
    running, _ = serve_with(environ, "--workers=1")
    head = b"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % len(elton)
    assert running.search(elton)[0] == 200
    before = seconds_of(running.process.pid)
    assert running.search(elton)[0] == 200
    one = seconds_of(running.process.pid) - before
    with ExitStack() as clients:
        for _ in range(100):
            clients.enter_context(connect(running, head + elton))
    assert running.search(elton)[0] == 200
    assert seconds_of(running.process.pid) - before < 50 * max(one, 0.01)
    stop(running)


def seconds_of(process: int) -> float:
    """What its processor time adds up to."""
    user, system = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize(
    "path", ["/", "/v1/health", "/v1/photos", "/nothing", "/docs", "/v1/search"]
)
def test_head_answers_as_get_does_without_the_body(server: Server, path: str) -> None:
    asked = "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    heads = []
    for method in ("GET", "HEAD"):
        with connect(server, (asked % (method, path)).encode()) as client:
            answer = answer_of(client)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert bool(body) is (method == "GET")
        varying = (b"date:", b"x-request-id:")
        heads.append([line for line in head.split(b"\r\n") if not line.startswith(varying)])
    assert heads[0] == heads[1]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:8000", 200),
        ("[::1]:8000", 200),
        ("192.168.1.5", 200),
        ("localhost", 200),
        ("LOCALHOST.:80", 200),
        (socket.gethostname(), 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example", 421),
        ("localhost@evil.example", 421),
        ("", 421),
    ],
)
def test_other_names_than_this_machine_s_are_refused(
    server: Server, host: str, status: int
) -> None:
    """A page of another site may have its own name lead to this machine (DNS rebinding)."""
    for path in ("/", "/v1/health", "/v1/photos", "/nothing"):
        answered, _, body = exchange(server, path, {"Host": host})
        assert answered == (404 if path == "/nothing" and status == 200 else status)
        assert (b"--allow-host" in body) is (status == 421)


def exchange(
    server: Server, path: str, headers: Mapping[str, str], method: str = "GET"
) -> tuple[int, dict[str, str], bytes]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    with closing(connection):
        connection.request(method, path, headers=dict(headers))
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, found, answer.read()


@pytest.mark.parametrize(
    "path", ["/", "/page/app.js", "/docs", "/v1/health", "/v1/photos", "/nothing"]
)
@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS"])
def test_every_answer_is_for_our_own_page_only(server: Server, path: str, method: str) -> None:
    _, headers, _ = exchange(server, path, {}, method)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    "sent",
    [
        b"no HTTP at all\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /" + b"a" * 40_000,
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 40_000,
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1e3\r\n\r\n",
        b"POST /nothing HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
    ],
)
def test_what_is_no_http_is_refused_as_all_else_is(server: Server, sent: bytes) -> None:
    with connect(server, sent) as client:
        answer = answer_of(client)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert b"\r\nX-Content-Type-Options: nosniff" in head
    assert json.loads(body)["code"] == "invalid_request"


def test_problem_tells_no_path_of_this_machine(
    environ: Mapping[str, str], tmp_path: Path, elton: bytes
) -> None:
    broken = {**environ, "FACESEARCH_STORE": f"sqlite:///{tmp_path}/faces.db"}
    running = start(broken)
    (tmp_path / "faces.db").write_bytes(b"no database" * 1000)
    for status, answer in (
        (running.request("GET", "/v1/health")[0], running.request("GET", "/v1/health")[2]),
        running.search(elton),
    ):
        assert status >= 500
        assert str(tmp_path) not in json.dumps(answer)
    # The operator's log does.
    assert str(tmp_path) in stop(running)[1]


def serve_with(environ: Mapping[str, str], *options: str) -> tuple[Server, list[str]]:
    """`facesearch serve` with options, and the lines that it printed by when it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "facesearch_local.cli", "serve", "--port=0", *options],
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    lines = [process.stdout.readline().strip()]
    found = re.search(r"listening on http://.*:(\d+)$", lines[0])
    assert found, lines[0] + process.stdout.read()
    return Server(int(found[1]), process), lines


def test_key_is_demanded_for_all_but_what_is_open(environ: Mapping[str, str], elton: bytes) -> None:
    running, _ = serve_with(environ, "--api-key=sesame")
    key = {"X-Api-Key": "sesame"}
    for path in ("/", "/page/app.js", "/docs", "/openapi.json", "/v1/health", "/v1/version"):
        assert exchange(running, path, {})[0] == 200
    for headers in ({}, {"X-Api-Key": "other"}):
        for method, path in (
            ("GET", "/v1/photos"),
            ("POST", "/v1/search"),
            ("GET", "/v1/faces/a-0"),
        ):
            status, found, body = exchange(running, path, headers, method)
            assert (status, json.loads(body)["code"]) == (403, "forbidden")
            assert json.loads(body)["request_id"] == found["x-request-id"]
    assert exchange(running, "/v1/photos", key)[0] == 200
    photo = {**key, "Content-Type": "image/jpeg"}
    assert running.request("POST", "/v1/search", elton, photo)[0] == 200
    assert stop(running) == (0, "")


def test_limited_key_sees_its_collections_only_in_every_process(
    environ: Mapping[str, str], elton: bytes
) -> None:
    keys = ("--api-key=sesame", "--limited-key=partner=nowhere", "--limited-key=partner=elsewhere")
    running, _ = serve_with(environ, "--workers=2", *keys)
    photo = {"Content-Type": "image/jpeg"}
    for key, sees in (("sesame", True), ("partner", False)):
        given = {"X-Api-Key": key}
        for path, name in (("/v1/photos", "photos"), ("/v1/collections", "collections")):
            status, _, body = exchange(running, path, given)
            assert (status, bool(json.loads(body)[name])) == (200, sees)
        with ThreadPoolExecutor(4) as pool:
            found = pool.map(
                lambda given: running.request("POST", "/v1/search", elton, {**photo, **given}),
                [given] * 8,
            )
            for answered, _, answer in found:
                assert answered == 200
                assert any(each["matches"] for each in answer["results"]) is sees
    assert exchange(running, "/v1/photos", {"X-Api-Key": "other"})[0] == 403
    assert exchange(running, "/v1/photos", {})[0] == 403
    assert stop(running) == (0, "")


def test_key_is_made_up_for_the_owner_where_others_are_limited(
    environ: Mapping[str, str],
) -> None:
    running, _ = serve_with(environ, "--limited-key=partner=music")
    assert running.process.stdout is not None
    assert "Callers need this key" in running.process.stdout.readline()
    assert exchange(running, "/v1/photos", {})[0] == 403
    assert exchange(running, "/v1/photos", {"X-Api-Key": "partner"})[0] == 200
    assert stop(running) == (0, "")


@pytest.mark.parametrize("key", ["partner", "=music", "sesame=music", "partner="])
def test_limited_key_that_is_none_is_refused_without_telling_it(
    key: str, environ: Mapping[str, str]
) -> None:
    options = ("--port=0", "--api-key=sesame", f"--limited-key={key}")
    ran = subprocess.run(
        [sys.executable, "-m", "facesearch_local.cli", "serve", *options],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert "sesame" not in ran.stderr
    assert "partner" not in ran.stderr


def test_key_is_made_up_and_printed_where_other_machines_can_ask(
    environ: Mapping[str, str],
) -> None:
    running, _ = serve_with(environ, "--host=0.0.0.0")
    assert running.process.stdout is not None
    line = running.process.stdout.readline().strip()
    made_up = re.fullmatch(r"Callers need this key, in the header X-Api-Key: (\S{32})", line)
    assert made_up
    assert exchange(running, "/v1/photos", {})[0] == 403
    assert exchange(running, "/v1/photos", {"X-Api-Key": made_up[1]})[0] == 200
    assert stop(running) == (0, "")


def test_name_that_is_allowed_is_answered(environ: Mapping[str, str]) -> None:
    running, _ = serve_with(environ, "--allow-host=Faces.Example", "--allow-host=b.example")
    for host in ("faces.example", "B.example:8000"):
        assert exchange(running, "/v1/photos", {"Host": host})[0] == 200
    assert exchange(running, "/v1/photos", {"Host": "c.example"})[0] == 421
    assert stop(running) == (0, "")


def test_searches_at_once_are_as_many_as_there_are_cores_to_use(
    environ: Mapping[str, str],
) -> None:
    script = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from facesearch_local.server import default_workers; print(default_workers())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"


def test_pages_of_allowed_origins_may_use_the_api(environ: Mapping[str, str]) -> None:
    running = start({**environ, "FACESEARCH_CORS_ORIGINS": "https://a.example,https://b.example"})
    asked = {
        "Origin": "https://b.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "X-Api-Key",
    }
    status, headers, _ = exchange(running, "/v1/search", asked, "OPTIONS")
    assert (status, headers["access-control-allow-origin"]) == (200, "https://b.example")
    assert "x-api-key" in headers["access-control-allow-headers"].lower()
    _, headers, _ = exchange(running, "/v1/photos", {"Origin": "https://a.example"})
    assert headers["access-control-allow-origin"] == "https://a.example"
    assert "X-Request-Id" in headers["access-control-expose-headers"]
    _, headers, _ = exchange(running, "/v1/photos", {"Origin": "https://c.example"})
    assert "access-control-allow-origin" not in headers
    stop(running)


def processes_of(server: Server) -> list[int]:
    """Those that answer searches beside the server's own."""
    command = ["pgrep", "-P", str(server.process.pid), "-f", "spawn_main"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return list(map(int, found.stdout.split()))


def search_at_once(server: Server, photo: bytes, count: int) -> list[int]:
    """The statuses of so many searches."""
    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(lambda _: server.search(photo)[0], range(count)))


def is_used(server: Server, process: int, photo: bytes) -> bool:
    """Whether the process gets to answer: it takes a while to start."""
    deadline = time.monotonic() + 60
    idle = seconds_of(process)
    while time.monotonic() < deadline:
        time.sleep(0.5)
        now = seconds_of(process)
        if now == idle:  # it has started
            assert set(search_at_once(server, photo, 8)) == {200}
            return seconds_of(process) > now
        idle = now
    return False


def test_process_that_ends_costs_its_own_request_only(
    environ: Mapping[str, str], elton: bytes
) -> None:
    running, _ = serve_with(environ, "--workers=2")
    (process,) = processes_of(running)
    assert is_used(running, process, elton)
    os.kill(process, signal.SIGTERM)  # the server ends it, nobody else
    assert is_used(running, process, elton)
    os.kill(process, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as thread:
        searching = thread.submit(search_at_once, running, elton, 8)
        time.sleep(2)
        os.kill(process, signal.SIGKILL)
        statuses = searching.result()
    assert sorted(statuses) == [200] * 7 + [500]
    (another,) = processes_of(running)
    assert is_used(running, another, elton)
    # One that ends while it waits costs nothing.
    os.kill(another, signal.SIGKILL)
    time.sleep(0.2)
    assert set(search_at_once(running, elton, 8)) == {200}
    assert processes_of(running) != [another]
    code, printed = stop(running)
    assert (code, printed.count("\n")) == (0, 1)
    assert "request failed: crash a process that worked at it ended" in printed


def test_processes_end_with_the_server_however_it_ends(environ: Mapping[str, str]) -> None:
    running, _ = serve_with(environ, "--workers=3")
    processes = processes_of(running)
    assert len(processes) == 2
    running.process.kill()
    running.process.communicate()
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{each}").exists() for each in processes):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("text", ["%ff", "a%C3", "%ed%a0%80", "%EF%BF%BD"])
def test_text_in_the_address_that_is_no_utf8_is_refused(
    server: Server, elton: bytes, text: str
) -> None:
    """It must not become U+FFFD, another collection's name, which is not told apart on AWS."""
    status, problem = server.search(elton, f"?collection={text}")
    assert (status, problem["code"]) == (400, "invalid_request")
    assert "bytes that are not UTF-8" in problem["detail"]


def test_request_with_two_lengths_is_refused_and_ends_the_connection(
    server: Server, elton: bytes
) -> None:
    """Behind a proxy, the rest of one caller's body might be read as another's request."""
    head = (
        "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(head.encode() + b"0\r\n\r\nGET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while more := connection.recv(65536):
            answer += more
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"a Content-Length and a Transfer-Encoding: send one of them" in answer
    assert answer.count(b"HTTP/1.1 ") == 1


def test_health_tells_when_the_store_has_gone(environ: Mapping[str, str], tmp_path: Path) -> None:
    store = Path(environ["FACESEARCH_STORE"].removeprefix("sqlite:///"))
    copy = tmp_path / "faces.db"
    back_up(store, copy)
    running = start({**environ, "FACESEARCH_STORE": f"sqlite:///{copy}"})
    try:
        assert running.request("GET", "/v1/health")[0] == 200
        copy.rename(tmp_path / "moved.db")
        status, _, body = running.request("GET", "/v1/health")
        assert (status, body["code"]) == (503, "store_not_found")
        (tmp_path / "moved.db").rename(copy)
        assert running.request("GET", "/v1/health")[0] == 200
    finally:
        stop(running)


def test_detail_of_a_wrong_host_names_it(server: Server) -> None:
    _, _, body = exchange(server, "/v1/health", {"Host": "evil.example"})
    detail = json.loads(body)["detail"]
    assert detail.startswith("the request's Host is 'evil.example', no name of this service: use")


def test_compressed_bodies_are_refused_by_name(server: Server, elton: bytes) -> None:
    headers = {"Content-Type": "image/jpeg", "Content-Encoding": "gzip"}
    status, _, body = server.request("POST", "/v1/search", gzip.compress(elton), headers)
    assert (status, body["code"]) == (400, "invalid_request")
    assert "Content-Encoding 'gzip': send it as it is" in body["detail"]
    headers["Content-Encoding"] = "identity"
    assert server.request("POST", "/v1/search", elton, headers)[0] == 200


def test_page_is_opened_in_the_browser_once_it_is_there(models: Path, tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "facesearch_local.cli", "serve", "--port", "0", "--open"),
            *("--host", "0.0.0.0", "--store", f"{tmp_path}/faces.db"),  # noqa: S104
        ],
        env={**os.environ, "FACESEARCH_MODELS": str(models), "BROWSER": f"{browser} %s"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip().rpartition(":")[2]
        deadline = time.monotonic() + 30
        while not (tmp_path / "opened").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.2)
        assert (tmp_path / "opened").read_text() == f"http://127.0.0.1:{port}\n"
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_no_request_makes_the_server_fetch_an_address(server: Server) -> None:
    """Only the command line fetches a photo by its URL, for the one who asks."""
    with socket.create_server(("127.0.0.1", 0)) as trap:
        host = f"127.0.0.1:{trap.getsockname()[1]}"
        for url in (f"http://{host}/a.jpg", f"HTTP://{host}", f"s3://{host}/a.jpg", f"//{host}/a"):
            bodies: list[tuple[str, object]] = [
                *((path, {"photo": url}) for path in ("/v1/search", "/v1/detect")),
                *((path, {"photo": {"url": url}}) for path in ("/v1/search", "/v1/detect")),
                *(("/v1/search", {name: url}) for name in ("face_id", "bucket", "key", "url")),
                ("/v1/search", {"bucket": host, "key": "a.jpg"}),
                ("/v1/search", {"photo": f"data:image/jpeg,{url}"}),
                ("/v1/compare", {"one": {"photo": url}, "other": {"photo": url}}),
                ("/v1/compare", {"one": {"face_id": url}, "other": {"url": url}}),
            ]
            for path, body in bodies:
                sent = json.dumps(body).encode()
                status, _, _ = server.request(
                    "POST", path, sent, {"Content-Type": "application/json"}
                )
                assert 400 <= status < 500, (path, body)
            status, _, _ = server.request(
                "POST", "/v1/search", url.encode(), {"Content-Type": "text/uri-list"}
            )
            assert 400 <= status < 500
        assert select.select([trap], [], [], 0.5)[0] == []
