"""A worker of `facesearch index` stays within 700 MB, whatever the photos."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from facesearch.images import MAX_PIXELS

pytestmark = pytest.mark.slow

LIMIT_MB = 700


# Saves coarse noise: PATH FORMAT SIDE CHANNELS.
MAKE = """
import sys
import numpy as np
from PIL import Image
path, kind, side, channels = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
random = np.random.default_rng(5)
coarse = random.integers(0, 256, (side // 8, side // 8, channels), np.uint8)
options = {"WEBP": {"method": 0}, "AVIF": {"speed": 10}, "JPEG": {"quality": 95}}.get(kind, {})
Image.fromarray(coarse).resize((side, side), Image.Resampling.NEAREST).save(path, kind, **options)
"""


def make_photo(path: Path, kind: str, pixels: int, channels: int) -> None:
    """In a process of its own: the memory of this one would count as its children's."""
    side = int(pixels**0.5) // 8 * 8
    arguments = [str(path), kind, str(side), str(channels)]
    subprocess.run([sys.executable, "-c", MAKE, *arguments], check=True)


def peak_mb(folder: Path, store: Path) -> float:
    """Of the largest process of the command, with one worker."""
    options = ["--quiet", "--workers", "1", "--store", f"sqlite:///{store}"]
    process = subprocess.Popen([sys.executable, "-m", "facesearch.cli", "index", *options, folder])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss / 1024


@pytest.mark.parametrize(("kind", "channels"), [("PNG", 4), ("JPEG", 3), ("AVIF", 3), ("WEBP", 3)])
def test_index_the_largest_photo_of_a_format_stays_within_the_limit(
    kind: str, channels: int, tmp_path: Path, models: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    make_photo(photos / f"largest.{kind.lower()}", kind, MAX_PIXELS[kind], channels)
    assert peak_mb(photos, tmp_path / "faces.db") <= LIMIT_MB


def test_index_many_large_photos_stays_within_the_limit(tmp_path: Path, models: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    make_photo(photos / "0.jpg", "JPEG", 12_000_000, 3)
    for number in range(1, 24):
        (photos / f"{number}.jpg").hardlink_to(photos / "0.jpg")
    assert peak_mb(photos, tmp_path / "faces.db") <= LIMIT_MB
