"""Where the page is served from: real processes, with the sample's photos in their index."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_GATEWAY = "tests.e2e.page.gateway"


def index_sample(folder: Path, store: str) -> None:
    _facesearch("index", "--store", store, str(folder))


def forget_all(store: str) -> None:
    _facesearch("forget", "--store", store, "--collection", "default", "--yes")


def _facesearch(*arguments: str) -> None:
    command = [sys.executable, "-m", "facesearch_local.cli", *arguments]
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def serving(*options: str, environ: Mapping[str, str] | None = None) -> Iterator[str]:
    """`facesearch serve` with these options; yields its address."""
    command = [sys.executable, "-m", "facesearch_local.cli", "serve", "--port=0", *options]
    with _running(command, environ) as url:
        yield f"{url}/"


@contextmanager
def behind_gateway(store: str, code: Path | None = None) -> Iterator[str]:
    """The function, of this code, below a stage's path, with a key demanded as API Gateway does."""
    environ = {"FACESEARCH_STORE": store, **({"PYTHONPATH": str(code)} if code else {})}
    with _running([sys.executable, "-m", _GATEWAY], environ) as url:
        yield url


@contextmanager
def _running(command: list[str], environ: Mapping[str, str] | None = None) -> Iterator[str]:
    process = subprocess.Popen(
        command,
        env={**os.environ, "FACESEARCH_THREADS": "1", **(environ or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.search(r"listening on (http://\S+)$", line.strip())
        assert found, line + process.stdout.read()
        yield found[1]
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
