"""A worker of `facesearch index` stays within 700 MB, whatever the photos."""

import subprocess
import sys
from pathlib import Path

import pytest

from facesearch.vision.formats import format_of

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


# Runs its arguments as a command; prints the peak memory, in KB, of its largest process.
MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_mb(folder: Path, store: Path) -> float:
    """With one worker. A process starts with its parent's peak, so the parent must be small."""
    options = ["--quiet", "--workers", "1", "--store", f"sqlite:///{store}"]
    command = [sys.executable, "-m", "facesearch_local.cli", "index", *options, str(folder)]
    ended = subprocess.run(
        [sys.executable, "-c", MEASURE, *command], capture_output=True, text=True, check=True
    )
    return int(ended.stdout) / 1024


@pytest.mark.parametrize(("kind", "channels"), [("PNG", 4), ("JPEG", 3), ("AVIF", 3), ("WEBP", 3)])
def test_index_the_largest_photo_of_a_format_stays_within_the_limit(
    kind: str, channels: int, tmp_path: Path, models: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    make_photo(photos / f"largest.{kind.lower()}", kind, format_of(kind).max_pixels, channels)
    assert peak_mb(photos, tmp_path / "faces.db") <= LIMIT_MB


def test_index_many_large_photos_stays_within_the_limit(tmp_path: Path, models: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    make_photo(photos / "0.jpg", "JPEG", 12_000_000, 3)
    for number in range(1, 24):
        (photos / f"{number}.jpg").hardlink_to(photos / "0.jpg")
    assert peak_mb(photos, tmp_path / "faces.db") <= LIMIT_MB
