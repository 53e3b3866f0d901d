"""The README's first command, the first time and again."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.slow
def test_demo_prints_what_the_readme_shows_and_runs_again(tmp_path: Path, sample: Path) -> None:
    demo = ["make", "--silent", "demo", f"DEMO={tmp_path}/demo"]
    for _ in range(2):
        ran = subprocess.run(demo, cwd=ROOT, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        printed = _rows(ran.stdout)
        [shown] = re.findall(r"```text\n93 photos.*?\n(.*?)```", README, re.DOTALL)
        expected = _rows(shown)
        assert len(expected) == 3
        for rank, (photo, distance, verdict) in expected.items():
            there = printed[rank]
            assert there == (photo.replace("…", f"{sample}/train"), there[1], verdict)
            # The kernels of BLAS differ by processor, and round a cut otherwise.
            assert there[1] == pytest.approx(distance, abs=0.01)
    assert (tmp_path / "demo" / "elton_john.png").is_file()


def _rows(text: str) -> dict[int, tuple[str, float, str]]:
    """Photo, distance and verdict by rank."""
    found = re.findall(r"^ +(\d+) +(\S+) +(\d\.\d+) +(.+)$", text, re.MULTILINE)
    return {
        int(rank): (photo, float(distance), verdict) for rank, photo, distance, verdict in found
    }
