"""The study on the sample's photos: what it adds to `facesearch evaluate`."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def run_study(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tests.evaluation.study", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_variants_halves_and_misses_are_in_the_report(sample: Path, tmp_path: Path) -> None:
    report = tmp_path / "MINE.md"
    ended = run_study(
        *(sample / "train", "--system", "facenet", "--system", "facenet+box-30", "--json"),
        *("--cache", tmp_path / "cache", "--output", report),
    )
    assert ended.returncode == 0, ended.stderr
    facenet, variant = json.loads(ended.stdout)["systems"]
    assert (facenet["system"], variant["system"]) == ("facenet", "facenet+box-30")
    assert sum(half["queries"] for half in facenet["halves"]) == 93
    # The ten people of LFW are not here.
    assert facenet["ten_queries"] is None
    text = report.read_text()
    assert re.search(r"By mAP@20 the first half \(\d+ queries\) chooses facenet", text)
    for said in ("Where facenet fails", "| ten queries |", "What these figures cannot show"):
        assert said in text
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert any("worst_queries" in picture for picture in pictures)
    for picture in pictures:
        with Image.open(report.parent / picture) as image:
            assert min(image.size) >= 100


def test_unknown_system_is_named(sample: Path) -> None:
    ended = run_study(sample / "train", "--system", "peer:nobody")
    assert ended.returncode == 2
    assert "There is no system 'peer:nobody': use one of whole-image" in ended.stderr
