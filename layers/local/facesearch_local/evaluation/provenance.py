"""What a report was made with, so that its figures can be made again."""

import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from facesearch import __version__


@dataclass(frozen=True, slots=True)
class Provenance:
    """`commit` is empty outside a checkout; `+` marks one with changes."""

    command: str
    facesearch: str
    commit: str
    python: str
    numpy: str
    onnxruntime: str
    system: str
    cpu: str
    cores: int


def provenance(command: Sequence[str]) -> Provenance:
    """Of this process, which was started by this command line."""
    return Provenance(
        command=shlex.join(command),
        facesearch=__version__,
        commit=_commit(),
        python=platform.python_version(),
        numpy=version("numpy"),
        onnxruntime=version("onnxruntime"),
        system=f"{platform.system()} {platform.machine()}",
        cpu=_cpu(),
        cores=_cores(),
    )


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu() -> str:
    try:
        match = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        match = None
    return match[1] if match else platform.processor() or "unknown"


def _commit() -> str:
    git = shutil.which("git")
    if git is None:
        return ""
    described = subprocess.run(  # noqa: S603 (arguments are constants)
        [git, "-C", Path(__file__).parent, "describe", "--always", "--exclude=*", "--dirty=+"],
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip()
