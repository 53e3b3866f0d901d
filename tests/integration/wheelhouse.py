"""The pinned packages for an image's Python, and a server of links to them on loopback."""

import shutil
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHON = "3.13"


class Unavailable(Exception):
    """What is missing, for people."""


class _QuietFiles(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def download_wheels(folder: Path) -> None:
    """Fill the folder with the pinned packages for Linux and `PYTHON`. Raises `Unavailable`."""
    uv = shutil.which("uv", path=sysconfig.get_path("scripts")) or shutil.which("uv")
    if uv is None:
        raise Unavailable("there is no uv: the image's packages are not known here")
    # pip takes the markers in the pins for this Python's, whatever it downloads for.
    pins = folder / "pins.txt"
    resolved: list[str | Path] = [uv, "pip", "compile", "--quiet", "--no-deps", "--generate-hashes"]
    resolved += [f"--python-version={PYTHON}", f"--output-file={pins}", ROOT / "requirements.txt"]
    command: list[str | Path] = [sys.executable, "-m", "pip", "download", "--quiet"]
    command += ["--require-hashes", "--no-deps"]
    command += ["--only-binary=:all:", f"--python-version={PYTHON}", "--implementation=cp"]
    command += [f"--platform=manylinux_2_{glibc}_x86_64" for glibc in (17, 24, 27, 28)]
    command += ["--platform=manylinux2014_x86_64", "--dest", folder, "-r", pins]
    for each in (resolved, command):
        ended = subprocess.run(list(map(str, each)), capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            raise Unavailable(f"the pinned packages cannot be downloaded: {ended.stderr[-300:]}")


@contextmanager
def links(folder: Path) -> Iterator[str]:
    """The address of a page of links to the folder's files, for pip's --find-links."""
    handler = partial(_QuietFiles, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
