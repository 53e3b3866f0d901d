"""`facesearch serve` under load.

Its latency counts from when requests are due. Meanwhile clients send bodies byte by byte, others do
not read their answers, and in the overload some send as many large photos as they can. At the end
every upload that was acknowledged is looked for in the store.
"""

import re
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from facesearch.stores import open_store
from tests.benchmarks.load.client import Client
from tests.benchmarks.load.phases import (
    Phase,
    Report,
    closed_loop,
    held_by,
    open_loop,
    until_served,
)

CLIENTS = 350
"""As many requests can be on their way: fewer than connections are kept, more than may wait."""
SLOW_CLIENTS = 6
GREEDY_CLIENTS = 8
GREEDY_BYTES = 9_000_000
LOOK_S = 1.0
MEASURED_S = 30.0


def run(photos: Sequence[bytes], seconds: float, overload_s: float, share: float) -> Report:
    """Serve an empty store, measure what it can do, and put it under load."""
    with tempfile.TemporaryDirectory() as folder:
        store = f"sqlite:///{folder}/faces.db"
        with (
            _served(store, Path(folder) / "uploads") as (port, process),
            closing(Client(partial(_connect, port), photos)) as client,
        ):
            client.choose_searched()
            # One photo first: searches have a store then.
            client.upload()
            closed_loop(client, min(4.0, seconds))
            measured_s = min(MEASURED_S, seconds)
            capacity = closed_loop(client, measured_s) / measured_s
            steady = Phase("steady", share * capacity, seconds)
            overload = Phase("overload", 2 * capacity, overload_s)
            held = partial(held_by, process)
            with _slow_clients(port):
                open_loop(client, steady, CLIENTS, held, LOOK_S)
            with _slow_clients(port), _greedy_clients(port, overload):
                open_loop(client, overload, CLIENTS, held, LOOK_S)
            after_s = until_served(client)
        with open_store(store, None) as opened:
            stored = {listed.photo.photo_id for listed in opened.photos()}
    lost = [photo_id for photo_id in client.acknowledged if photo_id not in stored]
    return Report(capacity, steady, overload, after_s, len(client.acknowledged), lost)


def _connect(port: int) -> HTTPConnection:
    return HTTPConnection("127.0.0.1", port, timeout=60)


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


@contextmanager
def _slow_clients(port: int) -> Iterator[None]:
    """Some send a body byte by byte; others ask for much and read nothing of it."""
    head = b"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n"
    page = b"GET /v1/openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

    def trickle(number: int, ending: threading.Event) -> None:
        while not ending.is_set():
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(head if number % 2 else 20 * page)
                while not ending.wait(0.2):
                    if number % 2:
                        connection.sendall(b"x")

    with _working(SLOW_CLIENTS, trickle):
        yield


@contextmanager
def _greedy_clients(port: int, phase: Phase) -> Iterator[None]:
    """They send the largest bodies, one after another, as fast as they can."""
    body = bytes(GREEDY_BYTES)

    def grab(_: int, ending: threading.Event) -> None:
        while not ending.is_set():
            with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
                try:
                    connection.request("POST", "/v1/search", body)
                    outcome = str(connection.getresponse().status)
                except (HTTPException, OSError) as error:
                    outcome = type(error).__name__
            phase.greedy[outcome] += 1

    with _working(GREEDY_CLIENTS, grab):
        yield


@contextmanager
def _working(clients: int, work: Callable[[int, threading.Event], None]) -> Iterator[None]:
    """So many clients at once, each told its number and when to end."""
    ending = threading.Event()
    with ThreadPoolExecutor(clients) as threads:
        for number in range(clients):
            threads.submit(work, number, ending)
        try:
            yield
        finally:
            ending.set()
