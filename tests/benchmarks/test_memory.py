"""A process that embeds holds no more than it needs, whatever photos it has seen."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_networks_share_what_memory_they_need(sample: Path) -> None:
    """Some 0.65 of what they keep with ONNX Runtime's defaults."""

    def held_mb(*arguments: str) -> float:
        command = [sys.executable, "-m", "tests.benchmarks.memory_probe", str(sample / "train")]
        return float(subprocess.check_output([*command, *arguments], text=True))

    assert held_mb() < 0.8 * held_mb("apart")
