"""`facesearch serve` under load: at 80 % of what it can do, for long, and at 200 %.

Requests come at their times whether earlier ones were answered or not, as they do from many people,
and their latency counts from then. One in ten is an upload: the form, then the photo. Meanwhile
clients send bodies byte by byte, others do not read their answers, and at 200 % some send as many
large photos as they can. At the end every upload that was acknowledged is looked for in the store.
"""

import itertools
import json
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import click
import numpy as np

from facesearch.stores import open_store

UPLOADS = 0.1
"""The share of requests that are uploads."""
CLIENTS = 350
"""As many requests can be on their way: fewer than connections are kept, more than may wait."""
SLOW_CLIENTS = 6
GREEDY_CLIENTS = 8
GREEDY_BYTES = 9_000_000
FAIR = (200, 201, 204)
REFUSED = (429, 503)
BOUNDARY = "load"


@dataclass
class Phase:
    """What became of the requests of one phase, in the order in which they were due."""

    name: str
    rate: float
    seconds: float
    took_s: list[float] = field(default_factory=list)
    """Of requests that were answered with what they asked for, from when they were due."""
    errors: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    without_retry_after: int = 0
    greedy: Counter[str] = field(default_factory=Counter)
    memory_mb: list[float] = field(default_factory=list)
    handles: list[int] = field(default_factory=list)

    def figures(self) -> dict[str, object]:
        third = max(1, len(self.took_s) // 3)
        return {
            "phase": self.name,
            "requests_s": round(self.rate, 1),
            "seconds": self.seconds,
            "answered": len(self.took_s),
            "refused": self.refused,
            "errors": dict(self.errors),
            "greedy": dict(self.greedy),
            "p50_ms": _ms(self.took_s, 50),
            "p95_ms": _ms(self.took_s, 95),
            "p50_ms_first_third": _ms(self.took_s[:third], 50),
            "p50_ms_last_third": _ms(self.took_s[-third:], 50),
            "memory_mb": [round(self.memory_mb[0]), round(self.memory_mb[-1])],
            "handles": [self.handles[0], self.handles[-1]],
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a run."""

    capacity_s: float
    steady: Phase
    overload: Phase
    after_s: float
    """How long after the overload a search waited."""
    uploaded: int
    lost: list[str]


class Client:
    """Sends requests over connections that are kept, one for each thread."""

    def __init__(self, port: int, photos: Sequence[bytes]) -> None:
        self._port = port
        self._photos = photos
        self._kept = threading.local()
        self._connections: list[HTTPConnection] = []
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self.acknowledged: list[str] = []
        """The ids of photos whose upload was."""

    def close(self) -> None:
        """Close the connections, of whichever threads."""
        for connection in self._connections:
            connection.close()

    def keep_usable(self) -> None:
        """Leave out photos in which there is no face."""
        found = [self.search(number)[0] in FAIR for number in range(len(self._photos))]
        self._photos = list(itertools.compress(self._photos, found))

    def search(self, number: int) -> tuple[int, str]:
        """The status, and what `Retry-After` says."""
        photo = self._photos[number % len(self._photos)]
        status, again, _ = self._post("/v1/search", photo, "image/jpeg")
        return status, again

    def upload(self, number: int) -> tuple[int, str]:
        photo = self._photos[number % len(self._photos)]
        name = f"{next(self._numbers)}.jpg"
        asked = {"filename": name, "size": len(photo), "content_type": "image/jpeg"}
        status, again, answer = self._post(
            "/v1/uploads", json.dumps(asked).encode(), "application/json"
        )
        if status not in FAIR:
            return status, again
        form = json.loads(answer)
        parts = [
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in form["fields"].items()
        ]
        parts.append(
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
        )
        body = "".join(parts).encode() + photo + f"\r\n--{BOUNDARY}--\r\n".encode()
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        status, again, _ = self._post(f"/{form['url'].lstrip('/')}", body, kind)
        if status in FAIR:
            with self._lock:
                self.acknowledged.append(form["photo_id"])
        return status, again

    def _post(self, path: str, body: bytes, kind: str) -> tuple[int, str, bytes]:
        if not hasattr(self._kept, "connection"):
            self._kept.connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
            self._connections.append(self._kept.connection)
        connection: HTTPConnection = self._kept.connection
        for attempt in (1, 2):
            try:
                connection.request("POST", path, body, {"Content-Type": kind})
                answer = connection.getresponse()
                return answer.status, answer.getheader("Retry-After", ""), answer.read()
            except (HTTPException, ConnectionError):
                # The server may close a connection that was idle, as we send: once is no fault.
                connection.close()
                if attempt == 2:
                    raise
        raise AssertionError


def run(photos: Sequence[bytes], seconds: float, overload_s: float, share: float) -> Report:
    """Serve an empty store, measure what it can do, and put it under load."""
    with tempfile.TemporaryDirectory() as folder:
        store = f"sqlite:///{folder}/faces.db"
        with (
            _served(store, Path(folder) / "uploads") as (port, process),
            closing(Client(port, photos)) as client,
        ):
            client.keep_usable()
            # One photo first: searches have a store then.
            client.upload(0)
            _closed_loop(client, min(4.0, seconds))
            capacity = _closed_loop(client, min(10.0, seconds))
            steady = Phase("steady", share * capacity, seconds)
            overload = Phase("overload", 2 * capacity, overload_s)
            with _slow_clients(port):
                _open_loop(client, steady, process)
            with _slow_clients(port), _greedy_clients(port, overload):
                _open_loop(client, overload, process)
            after_s = _until_served(client)
        with open_store(store, None) as opened:
            stored = {listed.photo.photo_id for listed in opened.photos()}
    lost = [photo_id for photo_id in client.acknowledged if photo_id not in stored]
    return Report(capacity, steady, overload, after_s, len(client.acknowledged), lost)


def _ms(took_s: Sequence[float], share: int) -> float:
    return round(1000 * float(np.percentile(took_s, share)), 1) if took_s else float("nan")


@contextmanager
def _served(store: str, uploads: Path) -> Iterator[tuple[int, int]]:
    """A server; yields its port and its process."""
    command = [sys.executable, "-m", "facesearch_local.cli", "serve", "--store", store]
    command += ["--uploads", str(uploads), "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            for line in server.stdout:
                if found := re.search(r":(\d+)$", line.strip()):
                    yield int(found[1]), server.pid
                    break
        finally:
            server.terminate()


def _one(client: Client, number: int) -> tuple[int, str]:
    uploads = number % round(1 / UPLOADS) == 0
    return client.upload(number) if uploads else client.search(number)


def _closed_loop(client: Client, seconds: float) -> float:
    """Requests a second of as many clients as the server has something to do for."""
    end = time.monotonic() + seconds

    def work(first: int) -> int:
        for number in itertools.count(first * 7):
            if time.monotonic() > end:
                return number - first * 7
            _one(client, number)
        raise AssertionError

    with ThreadPoolExecutor(4) as threads:
        return sum(threads.map(work, range(4))) / seconds


def _open_loop(client: Client, phase: Phase, process: int) -> None:
    """Send requests when they are due, and fill in what became of them."""
    start = time.monotonic()
    took: dict[int, float] = {}

    def work(number: int) -> None:
        due = start + number / phase.rate
        try:
            status, again = _one(client, number)
        except (HTTPException, OSError) as error:
            phase.errors[type(error).__name__] += 1
            return
        if status in FAIR:
            took[number] = time.monotonic() - due
        elif status in REFUSED:
            phase.refused += 1
            phase.without_retry_after += not again
        else:
            phase.errors[str(status)] += 1

    with ThreadPoolExecutor(CLIENTS) as threads:
        for number in range(round(phase.rate * phase.seconds)):
            time.sleep(max(0.0, start + number / phase.rate - time.monotonic()))
            threads.submit(work, number)
            if number % max(1, round(phase.rate)) == 0:
                memory, handles = _held(process)
                phase.memory_mb.append(memory)
                phase.handles.append(handles)
    memory, handles = _held(process)
    phase.memory_mb.append(memory)
    phase.handles.append(handles)
    phase.took_s = [took[number] for number in sorted(took)]


def _held(process: int) -> tuple[float, int]:
    """The resident memory in MB, and the open files, of the server and its workers."""
    listing = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    memory, handles = 0.0, 0
    for each in (str(process), *listing):
        place = Path("/proc") / each
        memory += int((place / "status").read_text().partition("VmRSS:")[2].split()[0]) / 1024
        handles += len(list((place / "fd").iterdir()))
    return memory, handles


def _until_served(client: Client) -> float:
    """How long until a search is answered with matches."""
    start = time.monotonic()
    while client.search(0)[0] not in FAIR:
        time.sleep(0.05)
    return time.monotonic() - start


@contextmanager
def _slow_clients(port: int) -> Iterator[None]:
    """Some send a body byte by byte; others ask for much and read nothing of it."""
    ending = threading.Event()
    head = b"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n"
    page = b"GET /v1/openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

    def trickle(number: int) -> None:
        while not ending.is_set():
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(head if number % 2 else 20 * page)
                while not ending.wait(0.2):
                    if number % 2:
                        connection.sendall(b"x")

    with ThreadPoolExecutor(SLOW_CLIENTS) as threads:
        for number in range(SLOW_CLIENTS):
            threads.submit(trickle, number)
        try:
            yield
        finally:
            ending.set()


@contextmanager
def _greedy_clients(port: int, phase: Phase) -> Iterator[None]:
    """They send the largest bodies, one after another, as fast as they can."""
    ending = threading.Event()
    body = bytes(GREEDY_BYTES)

    def grab(_: int) -> None:
        while not ending.is_set():
            with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
                try:
                    connection.request("POST", "/v1/search", body)
                    outcome = str(connection.getresponse().status)
                except (HTTPException, OSError) as error:
                    outcome = type(error).__name__
            phase.greedy[outcome] += 1

    with ThreadPoolExecutor(GREEDY_CLIENTS) as threads:
        for number in range(GREEDY_CLIENTS):
            threads.submit(grab, number)
        try:
            yield
        finally:
            ending.set()


@click.command(epilog="Example: python -m tests.benchmarks.load LFW --seconds 600")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--seconds", default=60.0, show_default=True, help="Of steady load.")
@click.option("--overload", default=20.0, show_default=True, help="Seconds of twice too much.")
@click.option("--share", default=0.8, show_default=True, help="Of what the server can do.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(folder: Path, seconds: float, overload: float, share: float, as_json: bool) -> None:
    """Upload photos of FOLDER to a server with an empty store, and search with them."""
    paths = sorted(folder.rglob("*.jpg"))
    photos = [path.read_bytes() for path in paths[:: max(1, len(paths) // 50)][:50]]
    report = run(photos, seconds, overload, share)
    phases = [report.steady.figures(), report.overload.figures()]
    rest: dict[str, object] = {
        "capacity_s": round(report.capacity_s, 1),
        "after_overload_s": round(report.after_s, 2),
        "uploads_acknowledged": report.uploaded,
        "uploads_lost": len(report.lost),
    }
    if as_json:
        click.echo(json.dumps({**rest, "phases": phases}))
        return
    for figures in (rest, *phases):
        click.echo("\n".join(f"{name:22}{value}" for name, value in figures.items()) + "\n")


if __name__ == "__main__":
    main()
