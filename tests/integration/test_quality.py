"""The quality of faces on real photos: what changes the picture changes the right number."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from facesearch.vision.pipeline import FacePipeline
from facesearch.vision.quality import FaceQuality, Pose, face_quality

Judge = Callable[[Image.Image], FaceQuality]


def portraits(sample: Path, place: int = 2) -> Iterator[Image.Image]:
    """One photo of each person."""
    for person in sorted((sample / "val").iterdir()):
        with Image.open(sorted(person.iterdir())[place]) as image:
            yield image.convert("RGB")


@pytest.fixture
def judge(pipeline: FacePipeline) -> Judge:
    """The quality of a photo's largest face."""

    def judged(image: Image.Image) -> FaceQuality:
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        photo, faces = pipeline.detect(buffer.getvalue())
        return face_quality(photo, faces[0])

    return judged


def on_grey(image: Image.Image) -> Image.Image:
    """With room to turn."""
    side = int(max(image.size) * 1.6)
    page = Image.new("RGB", (side, side), "grey")
    page.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return page


def pose_of(quality: FaceQuality) -> Pose:
    assert quality.pose is not None
    return quality.pose


def test_blurring_lowers_sharpness(sample: Path, judge: Judge) -> None:
    for image in portraits(sample):
        values = [
            judge(image.filter(ImageFilter.GaussianBlur(radius))).sharpness for radius in (0, 1, 3)
        ]
        assert values[0] > 1.5 * values[1] > 2 * values[2]


def test_darkening_lowers_brightness(sample: Path, judge: Judge) -> None:
    for image in portraits(sample):
        bright, dark = judge(image), judge(ImageEnhance.Brightness(image).enhance(0.5))
        assert dark.brightness == pytest.approx(bright.brightness / 2, rel=0.1)


def test_size_is_in_pixels_of_the_original(sample: Path, judge: Judge) -> None:
    image = next(portraits(sample))
    small = judge(image).size
    assert small == pytest.approx(
        judge(image.resize((image.width * 8, image.height * 8))).size / 8, rel=0.1
    )
    assert 20 < small < min(image.size)


def test_mirroring_turns_the_head_the_other_way(sample: Path, judge: Judge) -> None:
    turned = 0
    for image in (*portraits(sample, 0), *portraits(sample, 1), *portraits(sample, 2)):
        one, other = pose_of(judge(image)), pose_of(judge(ImageOps.mirror(image)))
        if abs(one.yaw) > 8:
            turned += 1
            assert one.yaw * other.yaw < 0
        # The detector places the points of a turned head differently in its mirror image.
        assert one.yaw == pytest.approx(-other.yaw, abs=15)
        assert one.roll == pytest.approx(-other.roll, abs=4)
        assert one.pitch == pytest.approx(other.pitch, abs=8)
    assert turned >= 5, "too few photos show which way the sign goes"


@pytest.mark.parametrize(("angle", "error"), [(-20, 4), (-10, 2), (10, 2), (20, 4)])
def test_turning_the_photo_turns_roll_alone(
    sample: Path, judge: Judge, angle: int, error: int
) -> None:
    for image in portraits(sample):
        page = on_grey(image)
        # Pillow turns anticlockwise.
        turned = page.rotate(-angle, Image.Resampling.BICUBIC, fillcolor="grey")
        before, after = pose_of(judge(page)), pose_of(judge(turned))
        assert after.roll - before.roll == pytest.approx(angle, abs=error)
        assert after.yaw == pytest.approx(before.yaw, abs=5)
