"""A real OpenSearch in a container for the tests: started if there is none, removed at the end."""

import fcntl
import json
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest

from tests.conftest import missing

IMAGE = "opensearchproject/opensearch:3.5.0"
SHARED = "facesearch-test-opensearch-with-repository"
SNAPSHOTS = "/usr/share/opensearch/data/snapshots"
"""Where the cluster may keep snapshots, inside of the container."""
SETTINGS = {"rest.action.multi.allow_explicit_index": "false"}
"""The stack's domain has the same."""
IN_MEMORY = ("--tmpfs", "/usr/share/opensearch/data:uid=1000,size=2g")
"""For `own_server`: its data goes with it when it is killed, and waits for no disk."""
START_S = 120.0


class OpenSearchServer:
    """A container and the port on this machine that it answers on."""

    def __init__(self, container: str) -> None:
        self.container = container
        self.port = _port(container)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def kill(self) -> None:
        """As a power cut would; the data stays."""
        _docker("kill", self.container)

    def start_again(self) -> None:
        _docker("start", self.container)
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while True:
            try:
                self.request("GET", "/_cluster/health?wait_for_status=yellow&timeout=5s")
            except (URLError, OSError) as error:
                if time.monotonic() > deadline:
                    log = _docker("logs", "--tail", "20", self.container)
                    raise TimeoutError(f"OpenSearch did not start: {log}") from error
                time.sleep(0.2)
            else:
                return

    def request(self, method: str, path: str, body: object = None) -> object:
        """Straight to the engine, past the code under test."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = Request(f"http://{self.host}{path}", data, headers, method=method)
        with urlopen(request, timeout=60) as response:  # noqa: S310 (our own container)
            answer: object = json.load(response)
        return answer


def docker_works() -> bool:
    try:
        _docker("image", "inspect", IMAGE)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return False
    return True


@contextmanager
def shared_server() -> Iterator[OpenSearchServer]:
    """The one server of all test processes: the first starts it, the last removes it."""
    folder = Path(tempfile.gettempdir())
    with _locked(folder / f"{SHARED}.start"):
        users = (folder / f"{SHARED}.users").open("w")
        fcntl.flock(users, fcntl.LOCK_SH)
        if not _docker("ps", "--filter", f"name=^{SHARED}$", "--quiet"):
            _start(SHARED)
    try:
        server = OpenSearchServer(SHARED)
        server.wait_until_ready()
        yield server
    finally:
        with _locked(folder / f"{SHARED}.start"), users:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                _remove(SHARED)


@contextmanager
def own_server(name: str, *options: str) -> Iterator[OpenSearchServer]:
    """A server for tests that kill it, or that need `options` of `docker run`."""
    _start(name, *options)
    try:
        server = OpenSearchServer(name)
        server.wait_until_ready()
        yield server
    finally:
        _remove(name)


@pytest.fixture(scope="session", name="opensearch_server")
def opensearch_server_fixture() -> Iterator[OpenSearchServer]:
    if not docker_works():
        missing(f"Docker with the image {IMAGE} is not here")
    with shared_server() as server:
        yield server


@pytest.fixture(name="index")
def index_fixture(opensearch_server: OpenSearchServer) -> Iterator[str]:
    """The name of a store that is not there yet; whatever becomes of it goes at the end."""
    name = f"test-{uuid4().hex[:12]}"
    yield name
    opensearch_server.request("DELETE", f"/{name}-*?expand_wildcards=all")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _start(name: str, *options: str) -> None:
    _remove(name)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]  # fixed, so that it survives a restart
    _docker(
        *("run", "--detach", "--name", name, "--publish", f"127.0.0.1:{port}:9200"),
        *("--env", "discovery.type=single-node", "--env", "DISABLE_SECURITY_PLUGIN=true"),
        *(each for setting in SETTINGS.items() for each in ("--env", "=".join(setting))),
        *("--env", f"path.repo={SNAPSHOTS}"),
        *("--env", "OPENSEARCH_JAVA_OPTS=-Xms512m -Xmx512m"),
        *options,
        IMAGE,
    )


def _remove(name: str) -> None:
    _docker("rm", "--force", "--volumes", name)


def _port(container: str) -> int:
    return int(_docker("port", container, "9200/tcp").splitlines()[0].rpartition(":")[2])


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()
