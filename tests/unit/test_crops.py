"""The aligned crop lands on the landmarks at any size and turn; the box crop keeps its aspect."""

import numpy as np
import pytest
from PIL import Image

from facesearch.faces import BoundingBox, DetectedFace, Landmarks, Point
from facesearch.vision.crops import (
    CROP_SIDE,
    VIEWS,
    FaceView,
    align_face,
    crop_face,
    crop_recipe,
    standardise,
)

MARGINS = (0.3, 0.1)
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
    crop = align_face(ramp(250, 250), landmarks(AVERAGE), *MARGINS)
    assert crop.shape == (CROP_SIDE, CROP_SIDE, 3)
    # 15 pixels beside the box, 6.75 above and below: columns and rows of the ramp.
    assert crop[80, 0, 0] == pytest.approx(55, abs=1)
    assert crop[80, -1, 0] == pytest.approx(184, abs=1)
    assert crop[0, 80, 1] == pytest.approx(33, abs=1)
    assert crop[-1, 80, 1] == pytest.approx(181, abs=1)


def test_view_cuts_by_landmarks_or_by_box_and_may_mirror() -> None:
    photo, face = ramp(250, 250), landmarks(AVERAGE)
    # Beside the landmarks, so that each kind of cut shows.
    detected = DetectedFace(BoundingBox(20, 30, 60, 80), face, 1.0)
    aligned, box = align_face(photo, face, *MARGINS), crop_face(photo, detected.box, *MARGINS)
    assert not np.array_equal(aligned, box)
    assert np.array_equal(FaceView(*MARGINS).cut(photo, detected), aligned)
    assert np.array_equal(FaceView(*MARGINS, aligned=False).cut(photo, detected), box)
    assert np.array_equal(FaceView(*MARGINS, mirrored=True).cut(photo, detected), aligned[:, ::-1])


def test_landmarks_all_on_one_point_leave_the_box_to_cut_by() -> None:
    photo, box = ramp(250, 250), BoundingBox(20, 30, 60, 80)
    detected = DetectedFace(box, landmarks([(50.0, 60.0)] * 5), 1.0)
    assert np.array_equal(FaceView(*MARGINS).cut(photo, detected), crop_face(photo, box, *MARGINS))


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
        *MARGINS,
    )
    expected = align_face(photo, landmarks(AVERAGE), *MARGINS)
    assert np.abs(found.astype(int) - expected).mean() < 1.0


def test_large_face_is_averaged_not_sampled() -> None:
    # Sampling would pick single pixels of the noise; averaging 16 of them leaves a quarter of it.
    noise = np.random.default_rng(6).normal(128, 40, (1000, 1000, 3)).clip(0, 255).astype(np.uint8)
    crop = align_face(
        Image.fromarray(noise), landmarks([(x * 4, y * 4) for x, y in AVERAGE]), *MARGINS
    )
    assert crop.std() < 20


def test_large_face_is_cut_out_at_the_same_place() -> None:
    large = ramp(250, 250).resize((1000, 1000), Image.Resampling.BILINEAR)
    found = align_face(large, landmarks([(x * 4, y * 4) for x, y in AVERAGE]), *MARGINS)
    expected = align_face(ramp(250, 250), landmarks(AVERAGE), *MARGINS)
    assert np.abs(found.astype(int) - expected).max() <= 2


def test_what_lies_outside_the_photo_is_black() -> None:
    photo = Image.new("RGB", (250, 250), "white")
    crop = align_face(photo, landmarks([(x - 120, y) for x, y in AVERAGE]), *MARGINS)
    assert not crop[:, :70].any()
    assert (crop[:, 90:] == 255).all()


def test_face_outside_the_photo_is_black_at_any_size() -> None:
    photo = Image.new("RGB", (250, 250), "white")
    far = [(x * scale + 900, y * scale) for x, y in AVERAGE for scale in (1, 8)]
    for face in (far[::2], far[1::2]):
        assert not align_face(photo, landmarks(face), *MARGINS).any()


def test_each_view_has_its_own_recipe() -> None:
    views = (
        *VIEWS,
        FaceView(0.3, 0.1, mirrored=True),
        FaceView(0.3, 0.1, aligned=False),
        FaceView(0.1, 0.3),
    )
    assert len({crop_recipe([view]) for view in views}) == len(views)


def test_box_crop_adds_a_tenth_on_each_side_and_loses_the_aspect() -> None:
    crop = crop_face(ramp(250, 200), BoundingBox(100, 60, 50, 100))
    assert crop.shape == (CROP_SIDE, CROP_SIDE, 3)
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
    result = standardise([dark, light + 150])
    assert result.dtype == np.float32
    assert result.mean(axis=(1, 2, 3)) == pytest.approx([0, 0], abs=1e-4)
    assert result.std(axis=(1, 2, 3)) == pytest.approx([1, 1], abs=1e-4)


def test_standardise_flat_crop_stays_finite() -> None:
    assert np.isfinite(standardise([np.full((160, 160, 3), 9, np.uint8)])).all()
