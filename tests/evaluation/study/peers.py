"""Other people's systems, each in a process of a Python that has it: peer_worker.py does the work.

Their packages and ours cannot share one Python: facenet-pytorch needs NumPy 1, for example.
"""

import json
import struct
import subprocess
import sys
import weakref
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import FacesearchError, ImageError, ModelError
from facesearch.vision.images import decode_image
from facesearch_local.evaluation.system import Embedded

WORKER = Path(__file__).with_name("peer_worker.py")
DESCRIBED_S = 120
"""The slowest thing is the first import of TensorFlow."""


class PeerSystem:
    """Raises `ModelError` at once, with the reason, when it cannot run in this `python`."""

    def __init__(self, name: str, python: Path | None) -> None:
        self.name = f"peer:{name}"
        self.other_processes_s = 0.0
        self._command = [str(python or sys.executable), str(WORKER), name]
        self.recipe = f"{self.name}: {self._described()}"

    def embed(self, photos: Sequence[bytes]) -> list[Embedded]:
        return [self._embed(photo) for photo in photos]

    def _described(self) -> str:
        try:
            ended = subprocess.run(
                [*self._command, "--describe"],
                capture_output=True,
                text=True,
                timeout=DESCRIBED_S,
                check=True,
            )
            said: dict[str, str] = json.loads(ended.stdout)
        except OSError as error:
            raise ModelError(f"{self._command[0]} cannot be run: {error.strerror}") from error
        except (subprocess.SubprocessError, ValueError) as error:
            raise ModelError(f"{self._command[0]} cannot tell about it: {error}") from error
        if "error" in said:
            raise ModelError(said["error"])
        return said["recipe"]

    def _embed(self, photo: bytes) -> Embedded:
        try:
            rgb = decode_image(photo).rgb()
        except ImageError as error:
            return error
        said = self._ask(rgb)
        self.other_processes_s += said["seconds"]
        if "error" in said:
            return FacesearchError(f"{self.name} failed: {said['error']}")
        return None if said["vector"] is None else np.array(said["vector"], np.float32)

    def _ask(self, rgb: NDArray[np.uint8]) -> dict[str, Any]:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(struct.pack("<II", *rgb.shape[:2]) + rgb.tobytes())
            process.stdin.flush()
            said: dict[str, Any] = json.loads(process.stdout.readline())
        except (OSError, ValueError) as error:
            command = " ".join(self._command)
            raise ModelError(
                f"{self.name} died (exit code {process.wait()}): run '{command}' to see why"
            ) from error
        return said

    @cached_property
    def _process(self) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        weakref.finalize(self, _end, process)
        return process


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.communicate()
