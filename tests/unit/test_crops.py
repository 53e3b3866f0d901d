"""The aligned crop lands on the landmarks at any size and turn; the box crop keeps its aspect."""

from typing import Literal

import numpy as np
import pytest
from PIL import Image

from facesearch.faces import BoundingBox, DetectedFace, Landmarks, Point
from facesearch.recipes.description import AlignedCut, BoxCut, WholeCut
from facesearch.vision.crops import (
    CROP_SIZE,
    align_face,
    average_face,
    crop_face,
    cut_out,
)
from facesearch.vision.pixels import standardise

MARGINS = (0.3, 0.1)
FRAME = average_face(*MARGINS)
ALIGNED = AlignedCut(template="average-face", margin=MARGINS)
# Where the average face has its landmarks, in a box of 100 × 135 pixels at 70, 40.
AVERAGE = [(97.4, 92.245), (142.6, 92.245), (120.0, 118.84), (100.0, 142.06), (140.0, 142.06)]


def ramp(width: int, height: int) -> Image.Image:
    """Red grows by one a column, green by one a row."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.arange(width)
    pixels[..., 1] = np.arange(height)[:, None]
    return Image.fromarray(pixels)


def landmarks(places: list[tuple[float, float]]) -> Landmarks:
    return Landmarks(*(Point(x, y) for x, y in places))


def test_average_face_is_cut_out_with_its_margins_and_stretched_to_the_square() -> None:
    crop = align_face(ramp(250, 250), landmarks(AVERAGE), FRAME)
    assert crop.shape == (*CROP_SIZE, 3)
    # 15 pixels beside the box, 6.75 above and below: columns and rows of the ramp.
    assert crop[80, 0, 0] == pytest.approx(55, abs=1)
    assert crop[80, -1, 0] == pytest.approx(184, abs=1)
    assert crop[0, 80, 1] == pytest.approx(33, abs=1)
    assert crop[-1, 80, 1] == pytest.approx(181, abs=1)


def test_view_cuts_by_landmarks_or_by_box_and_may_mirror() -> None:
    photo, face = ramp(250, 250), landmarks(AVERAGE)
    # Beside the landmarks, so that each kind of cut shows.
    detected = DetectedFace(BoundingBox(20, 30, 60, 80), face, 1.0)
    aligned, box = align_face(photo, face, FRAME), crop_face(photo, detected.box, *MARGINS)
    assert not np.array_equal(aligned, box)
    mirrored = AlignedCut(template="average-face", margin=MARGINS, mirrored=True)
    for cut, expected in (
        (ALIGNED, aligned),
        (BoxCut(margin=MARGINS), box),
        (mirrored, aligned[:, ::-1]),
    ):
        assert np.array_equal(cut_out(cut, photo, detected, CROP_SIZE), expected)


def test_landmarks_all_on_one_point_leave_the_box_to_cut_by() -> None:
    photo, box = ramp(250, 250), BoundingBox(20, 30, 60, 80)
    detected = DetectedFace(box, landmarks([(50.0, 60.0)] * 5), 1.0)
    found = cut_out(ALIGNED, photo, detected, CROP_SIZE)
    assert np.array_equal(found, crop_face(photo, box, *MARGINS))


@pytest.mark.parametrize("degrees", [-40, 25, 90, 180])
def test_turned_face_is_cut_out_upright(degrees: float) -> None:
    # Smooth, so that drawing the turned photo loses nothing.
    noise = np.random.default_rng(5).integers(0, 256, (10, 10, 3)).astype(np.uint8)
    photo = Image.fromarray(noise).resize((250, 250), Image.Resampling.BICUBIC)
    turn = np.exp(-1j * np.radians(degrees))
    middle = 125 + 125j
    turned = [(complex(x, y) - middle) * turn + middle for x, y in AVERAGE]
    found = align_face(
        photo.rotate(degrees, Image.Resampling.BICUBIC),
        landmarks([(place.real, place.imag) for place in turned]),
        FRAME,
    )
    expected = align_face(photo, landmarks(AVERAGE), FRAME)
    assert np.abs(found.astype(int) - expected).mean() < 1.0


def test_large_face_is_averaged_not_sampled() -> None:
    # Sampling would pick single pixels of the noise; averaging 16 of them leaves a quarter of it.
    noise = np.random.default_rng(6).normal(128, 40, (1000, 1000, 3)).clip(0, 255).astype(np.uint8)
    crop = align_face(
        Image.fromarray(noise), landmarks([(x * 4, y * 4) for x, y in AVERAGE]), FRAME
    )
    assert crop.std() < 20


def test_large_face_is_cut_out_at_the_same_place() -> None:
    large = ramp(250, 250).resize((1000, 1000), Image.Resampling.BILINEAR)
    found = align_face(large, landmarks([(x * 4, y * 4) for x, y in AVERAGE]), FRAME)
    expected = align_face(ramp(250, 250), landmarks(AVERAGE), FRAME)
    assert np.abs(found.astype(int) - expected).max() <= 2


def test_what_lies_outside_the_photo_is_black() -> None:
    photo = Image.new("RGB", (250, 250), "white")
    crop = align_face(photo, landmarks([(x - 120, y) for x, y in AVERAGE]), FRAME)
    assert not crop[:, :70].any()
    assert (crop[:, 90:] == 255).all()


def test_face_outside_the_photo_is_black_at_any_size() -> None:
    photo = Image.new("RGB", (250, 250), "white")
    far = [(x * scale + 900, y * scale) for x, y in AVERAGE for scale in (1, 8)]
    for face in (far[::2], far[1::2]):
        assert not align_face(photo, landmarks(face), FRAME).any()


ARCFACE = [
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
]
"""ArcFace's template; its whole numbers are the middles of pixels."""


def face_at(places: list[tuple[float, float]]) -> DetectedFace:
    return DetectedFace(BoundingBox(10, 10, 90, 90), landmarks(places), 1.0)


def test_face_that_lies_as_arcfaces_template_is_cut_out_as_it_is() -> None:
    photo = ramp(112, 112)
    detected = face_at([(x + 0.5, y + 0.5) for x, y in ARCFACE])
    found = cut_out(AlignedCut(template="arcface"), photo, detected, (112, 112))
    assert np.abs(found.astype(int) - np.asarray(photo)).max() <= 1
    # Twice as large, and moved.
    large = ramp(250, 250).resize((500, 500), Image.Resampling.BILINEAR)
    moved = face_at([(2 * (x + 0.5) + 40, 2 * (y + 0.5) + 20) for x, y in ARCFACE])
    found = cut_out(AlignedCut(template="arcface"), large, moved, (112, 112))
    assert np.abs(found[..., 0].astype(int) - (np.arange(112) + 20)).max() <= 2
    assert np.abs(found[..., 1].astype(int) - (np.arange(112) + 10)[:, None]).max() <= 2


def test_own_template_is_in_pixels_of_the_networks_input() -> None:
    places = tuple((x + 0.5, y + 0.5) for x, y in ARCFACE)
    detected = face_at([(x + 30, y + 7) for x, y in places])
    found = cut_out(AlignedCut(template=places), ramp(200, 200), detected, (112, 112))
    assert found[0, 0, :2].astype(int) == pytest.approx((30, 7), abs=1)
    assert found[-1, -1, :2].astype(int) == pytest.approx((141, 118), abs=1)
    wide = cut_out(AlignedCut(template=places), ramp(200, 200), detected, (96, 112))
    assert wide.shape == (112, 96, 3)


@pytest.mark.parametrize(("resize", "left", "right"), [("stretch", 0, 199), ("crop", 50, 149)])
def test_whole_photo_is_stretched_or_cut_to_the_networks_aspect(
    resize: Literal["stretch", "crop"], left: int, right: int
) -> None:
    photo = ramp(200, 100)
    detected = DetectedFace(BoundingBox(0, 0, 200, 100), landmarks([(100.0, 50.0)] * 5), 1.0)
    found = cut_out(WholeCut(resize=resize), photo, detected, (50, 50))
    assert found.shape == (50, 50, 3)
    assert int(found[25, 0, 0]) == pytest.approx(left, abs=2)
    assert int(found[25, -1, 0]) == pytest.approx(right, abs=2)
    assert int(found[0, 25, 1]) == pytest.approx(0, abs=2)
    assert int(found[-1, 25, 1]) == pytest.approx(99, abs=2)
    mirrored = cut_out(WholeCut(resize=resize, mirrored=True), photo, detected, (50, 50))
    assert np.array_equal(mirrored, found[:, ::-1])


def test_box_crop_adds_a_tenth_on_each_side_and_loses_the_aspect() -> None:
    crop = crop_face(ramp(250, 200), BoundingBox(100, 60, 50, 100))
    assert crop.shape == (*CROP_SIZE, 3)
    # 95 to 155 across, 50 to 170 down: columns and rows of the ramp, to half a pixel.
    assert crop[0, 0, 0] == pytest.approx(95, abs=1)
    assert crop[0, -1, 0] == pytest.approx(154, abs=1)
    assert crop[0, 0, 1] == pytest.approx(50, abs=1)
    assert crop[-1, 0, 1] == pytest.approx(169, abs=1)


def test_box_crop_at_the_edge_is_clipped_to_the_photo() -> None:
    crop = crop_face(ramp(100, 100), BoundingBox(80, -10, 40, 40))
    assert crop[0, 0, 0] == pytest.approx(76, abs=1)
    assert crop[0, -1, 0] == 99
    assert crop[0, 0, 1] == 0
    assert crop[-1, 0, 1] == pytest.approx(33, abs=1)


def test_standardise_gives_each_crop_mean_0_and_deviation_1_of_its_own() -> None:
    random = np.random.default_rng(3)
    dark, light = random.integers(0, 60, (2, 160, 160, 3)).astype(np.uint8)
    result = standardise(np.stack([dark, light + 150]))
    assert result.dtype == np.float32
    assert result.mean(axis=(1, 2, 3)) == pytest.approx([0, 0], abs=1e-4)
    assert result.std(axis=(1, 2, 3)) == pytest.approx([1, 1], abs=1e-4)


def test_standardise_flat_crop_stays_finite() -> None:
    assert np.isfinite(standardise(np.full((1, 160, 160, 3), 9, np.uint8))).all()
