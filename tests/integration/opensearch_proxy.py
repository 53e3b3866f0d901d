"""A way to the real OpenSearch that can be encrypted, watched, and made to fail."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def size(self) -> int:
        return len(self.body)


@dataclass(frozen=True, slots=True)
class ProxyAnswer:
    """An answer given in place of OpenSearch's."""

    status: int
    body: bytes = b"{}"
    content_type: str = "application/json"


@dataclass(slots=True)
class Proxy:
    """`answers` are given to requests whose path contains `where`, one each; the rest go on.

    `drops_parameters`: POST requests lose their query on the way, as signed ones may.
    """

    behind: str
    port: int = 0
    where: str = ""
    answers: list[ProxyAnswer] = field(default_factory=list)
    drops_parameters: bool = False
    seen: list[Seen] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextmanager
def running_proxy(behind: str, certificate: Path | None = None) -> Iterator[Proxy]:
    """`behind` is host and port; `certificate` (PEM with its key) makes it speak TLS."""
    proxy = Proxy(behind)

    class Handler(_Handler):
        state = proxy

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        # The handshake is done by the thread that serves the connection, which may fail alone.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    proxy.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: Proxy
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:  # the client went away, as one that refuses the certificate does
            self.close_connection = True

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.state.seen.append(Seen(self.command, self.path, headers, body))
        if self.state.answers and self.state.where in self.path:
            answer = self.state.answers.pop(0)
        else:
            answer = self._passed_on(headers, body)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def _passed_on(self, headers: dict[str, str], body: bytes) -> ProxyAnswer:
        connection = HTTPConnection(self.state.behind, timeout=60)
        try:
            wanted = {"Content-Type": headers.get("content-type", "application/json")}
            lost = self.state.drops_parameters and self.command == "POST"
            path = self.path.partition("?")[0] if lost else self.path
            connection.request(self.command, path, body, wanted)
            response = connection.getresponse()
            kind = response.headers.get("Content-Type", "")
            return ProxyAnswer(response.status, response.read(), kind)
        finally:
            connection.close()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve  # noqa: N815

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""
