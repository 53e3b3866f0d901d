"""A function that was frozen: the other end of its connections is gone when it goes on."""

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest

from facesearch.errors import StoreUnavailable
from facesearch.stores.opensearch.client import MOST_IDLE_S, OpenSearchClient
from facesearch.stores.opensearch.settings import OpenSearchSettings

ANSWER = json.dumps({"ok": True}).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


@dataclass
class Server:
    """It answers one request on each connection. Then it does to the connection what `then` says.

    "close": it closes it, as servers do with idle ones. "reset": it answers the next request with
    a reset. "forget": it says nothing more, like a load balancer that has forgotten it.
    """

    then: str
    port: int = 0
    connections: list[socket.socket] = field(default_factory=list)

    def serve(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._answer, args=[connection], daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        # The test may have closed it meanwhile.
        with suppress(OSError):
            self._answer_once(connection)

    def _answer_once(self, connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(HEAD % len(ANSWER) + ANSWER)
        if self.then == "close":
            connection.close()
        if self.then == "reset" and connection.recv(65536):
            # Close with a reset, not with a farewell.
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            connection.close()


@contextmanager
def running(then: str) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(then, listening.getsockname()[1])
        threading.Thread(target=server.serve, args=[listening], daemon=True).start()
        try:
            yield server
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            for connection in server.connections:
                connection.close()


class Frozen:
    """A clock that goes on while the function stands still."""

    now = 1e9

    def __call__(self) -> float:
        return self.now


def client_of(server: Server, clock: Frozen) -> OpenSearchClient:
    url = f"opensearch://127.0.0.1:{server.port}/faces?timeout=5"
    return OpenSearchClient(OpenSearchSettings.from_url(url), clock=clock)


@pytest.mark.parametrize("then", ["close", "reset", "forget"])
def test_first_request_after_a_thaw_is_answered(then: str) -> None:
    clock = Frozen()
    with running(then) as server:
        client = client_of(server, clock)
        assert client.request("GET", "/faces/_mapping") == {"ok": True}
        clock.now += MOST_IDLE_S + 1
        assert client.request("GET", "/faces/_mapping") == {"ok": True}
        assert len(server.connections) == 2
        client.close()


@pytest.mark.parametrize("then", ["close", "reset"])
def test_connection_that_ended_while_it_was_idle_for_a_moment_is_made_again(then: str) -> None:
    with running(then) as server:
        client = client_of(server, Frozen())
        for _ in range(3):
            assert client.request("GET", "/faces/_mapping") == {"ok": True}
        client.close()


def test_connection_that_is_in_use_is_kept() -> None:
    clock = Frozen()
    with running("forget") as server:
        url = f"opensearch://127.0.0.1:{server.port}/faces?timeout=0.2"
        client = OpenSearchClient(OpenSearchSettings.from_url(url), clock=clock)
        assert client.request("GET", "/faces/_mapping") == {"ok": True}
        clock.now += MOST_IDLE_S - 1
        # This server says nothing more on it: the request shows that it went there.
        assert client.request("GET", "/faces/_mapping") == {"ok": True}
        assert len(server.connections) == 2
        client.close()


def test_forgotten_connection_would_wait_for_the_time_out() -> None:
    with running("forget") as server:
        url = f"opensearch://127.0.0.1:{server.port}/faces?timeout=4"
        client = OpenSearchClient(OpenSearchSettings.from_url(url), clock=Frozen())
        assert client.request("GET", "/faces/_mapping") == {"ok": True}
        with pytest.raises(StoreUnavailable, match="in time"):
            client.request("GET", "/faces/_mapping")
        client.close()
