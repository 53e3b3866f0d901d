"""The crop keeps the box's own aspect, adds the margin, and stays inside the photo."""

import numpy as np
import pytest
from PIL import Image

from facesearch.crops import CROP_SIDE, crop_face, standardise
from facesearch.faces import BoundingBox


def ramp(width: int, height: int) -> Image.Image:
    """Red grows by one a column, green by one a row."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.arange(width)
    pixels[..., 1] = np.arange(height)[:, None]
    return Image.fromarray(pixels)


def test_crop_adds_a_tenth_on_each_side_and_loses_the_aspect() -> None:
    crop = crop_face(ramp(250, 200), BoundingBox(100, 60, 50, 100))
    assert crop.shape == (CROP_SIDE, CROP_SIDE, 3)
    # 95 to 155 across, 50 to 170 down: columns and rows of the ramp, to half a pixel.
    assert crop[0, 0, 0] == pytest.approx(95, abs=1)
    assert crop[0, -1, 0] == pytest.approx(154, abs=1)
    assert crop[0, 0, 1] == pytest.approx(50, abs=1)
    assert crop[-1, 0, 1] == pytest.approx(169, abs=1)


def test_crop_at_the_edge_is_clipped_to_the_photo() -> None:
    crop = crop_face(ramp(100, 100), BoundingBox(80, -10, 40, 40))
    assert crop[0, 0, 0] == pytest.approx(76, abs=1)
    assert crop[0, -1, 0] == 99
    assert crop[0, 0, 1] == 0
    assert crop[-1, 0, 1] == pytest.approx(33, abs=1)


def test_standardise_gives_each_crop_mean_0_and_deviation_1_of_its_own() -> None:
    random = np.random.default_rng(3)
    dark, light = random.integers(0, 60, (2, 160, 160, 3)).astype(np.uint8)
    result = standardise([dark, light + 150])
    assert result.dtype == np.float32
    assert result.mean(axis=(1, 2, 3)) == pytest.approx([0, 0], abs=1e-4)
    assert result.std(axis=(1, 2, 3)) == pytest.approx([1, 1], abs=1e-4)


def test_standardise_flat_crop_stays_finite() -> None:
    assert np.isfinite(standardise([np.full((160, 160, 3), 9, np.uint8)])).all()
