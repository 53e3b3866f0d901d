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
        printed = [" ".join(line.split()) for line in ran.stdout.splitlines()]
        [shown] = re.findall(r"```text\n93 photos.*?\n(.*?)```", README, re.DOTALL)
        for line in shown.replace("…", f"{sample}/train").splitlines():
            assert " ".join(line.split()) in printed
    assert (tmp_path / "demo" / "elton_john.png").is_file()
