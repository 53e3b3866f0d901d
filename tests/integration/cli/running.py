"""What the tests of the command line share besides fixtures."""

import ctypes
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Cli = Callable[..., "Ran"]
Start = Callable[..., "subprocess.Popen[str]"]


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def without_override() -> None:
    """In a child, before its program runs: let root meet file permissions like anybody else."""
    libc = ctypes.CDLL(None, use_errno=True)
    drop_from_bounding_set, dac_override, dac_read_search = 24, 1, 2
    for capability in (dac_override, dac_read_search):
        if libc.prctl(drop_from_bounding_set, capability, 0, 0, 0) != 0:
            os._exit(99)
