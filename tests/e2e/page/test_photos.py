"""The ways a photo gets in, and what becomes of it before it is sent."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import FilePayload, expect

from tests.e2e.page.conftest import Visit
from tests.e2e.page.visitor import Visitor

pytestmark = pytest.mark.slow

Encode = Callable[..., bytes]


def encoded(photo: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    data = io.BytesIO()
    photo.save(data, kind, **options)
    return data.getvalue()


# DevTools do not tell what a request's blob holds.
RECORD = """() => {
  const fetched = fetch;
  window.fetch = (url, options) => {
    if (options?.body) window.sent = options.body;
    return fetched(url, options);
  };
}"""
SENT = """async () => {
  while (!window.sent) await new Promise((resume) => setTimeout(resume, 10));
  const reader = new FileReader();
  reader.readAsDataURL(window.sent);
  await new Promise((resume) => { reader.onload = resume; });
  return reader.result.split(",")[1];
}"""


def sent(
    visitor: Visitor, data: bytes, name: str = "photo.jpg", media: str = "image/jpeg"
) -> bytes:
    """What the service gets of a photo that is dropped."""
    visitor.run(RECORD)
    visitor.run("window.sent = null")
    visitor.drop(data, name, media)
    return base64.b64decode(visitor.run(SENT))


def test_photo_is_pasted(served: str, visit: Visit, elton: bytes) -> None:
    visitor = visit(served)
    with Image.open(io.BytesIO(elton)) as photo:
        visitor.paste(encoded(photo, "PNG"))
    assert visitor.names()[0].startswith("elton_john")


def test_photo_is_chosen_from_a_folder(served: str, visit: Visit, sample: Path) -> None:
    visitor = visit(served)
    visitor.choose(sample / "val/madonna/madonna_02.jpg")
    assert visitor.names()[0].startswith("madonna")


def test_photo_is_taken_with_the_camera(served: str, visit: Visit) -> None:
    visitor = visit(served)
    visitor.page.get_by_role("button", name="Take a photo").click()
    shutter = visitor.page.get_by_role("button", name="Take the photo")
    expect(shutter).to_be_enabled()
    shutter.click()
    # Chromium's camera shows a pattern without anybody in it.
    expect(visitor.title).to_have_text("No face found")
    assert visitor.run("document.getElementById('camera').srcObject.active") is False
    assert visitor.refused == ["422 /v1/search"]
    visitor.refused.clear()


def test_phone_offers_its_own_camera(served: str, visit: Visit, elton: bytes) -> None:
    visitor = visit(served, has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    expect(visitor.page.locator("#capture")).to_have_attribute("capture", "user")
    taken: FilePayload = {"name": "image.jpg", "mimeType": "image/jpeg", "buffer": elton}
    visitor.page.locator("#capture").set_input_files(taken)
    assert visitor.names()[0].startswith("elton_john")


def test_any_face_of_a_photo_can_be_chosen(served: str, visit: Visit, two_people: bytes) -> None:
    visitor = visit(served)
    visitor.drop(two_people)
    assert visitor.names()[0].startswith("elton_john")
    faces = visitor.page.get_by_role("group", name="Faces in your photo").get_by_role("button")
    expect(faces).to_have_count(2)
    expect(faces.nth(0)).to_have_attribute("aria-pressed", "true")
    marks = visitor.page.locator("#outlines span")
    boxes = [mark.bounding_box() for mark in marks.all()]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[0]["x"] + boxes[0]["width"] < boxes[1]["x"]
    visitor.page.get_by_role("button", name="Face 2 of 2").click()
    expect(visitor.cards.first.locator(".name")).to_contain_text("madonna")
    expect(faces.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(faces.nth(1)).to_be_focused()


def test_large_photos_are_sent_upright_and_small(served: str, visit: Visit) -> None:
    # A dark left half with a bright upper corner: every turn and mirroring differs.
    upright = np.full((1500, 2000, 3), 90, dtype=np.uint8)
    upright[:, :1000] = 30
    upright[:500, :500] = 220
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }
    visitor = visit(served)
    visitor.page.wait_for_load_state("networkidle")
    # Nobody has to look for faces in this.
    visitor.context.set_offline(True)
    for orientation, pixels in stored.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        got = sent(visitor, encoded(Image.fromarray(pixels), exif=exif))
        with Image.open(io.BytesIO(got)) as photo:
            assert photo.format == "JPEG"
            assert photo.getexif().get(0x0112, 1) == 1
            width, height = photo.size
            assert 960 <= width <= 1280
            assert height == pytest.approx(width * 3 / 4, abs=1)
            seen = np.asarray(photo.resize((4, 3), Image.Resampling.BOX).convert("L"), dtype=int)
        expected = np.array([[220, 30, 90, 90]] + 2 * [[30, 30, 90, 90]])
        assert np.abs(seen - expected).max() < 8, f"orientation {orientation}"


def test_small_photo_is_sent_as_it_is(served: str, visit: Visit, elton: bytes) -> None:
    assert sent(visit(served), elton) == elton


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_other_formats_are_found_too(served: str, visit: Visit, elton: bytes, kind: str) -> None:
    visitor = visit(served)
    with Image.open(io.BytesIO(elton)) as photo:
        data = encoded(photo.resize((1400, 1400)), kind, compression="tiff_deflate")
    got = sent(visitor, data, f"photo.{kind.lower()}", f"image/{kind.lower()}")
    with Image.open(io.BytesIO(got)) as photo:
        # Chromium does not read TIFF: the service does.
        assert (photo.format, max(photo.size)) == (
            ("TIFF", 1400) if kind == "TIFF" else ("JPEG", 1280)
        )
    assert visitor.names()[0].startswith("elton_john")
    # What Chromium does not read, the service shows.
    shown = visitor.page.locator("#shown")
    expect(shown).to_be_visible()
    assert visitor.run("document.getElementById('shown').naturalWidth") >= 1280


def test_transparent_picture_is_sent_on_white(served: str, visit: Visit) -> None:
    visitor = visit(served)
    got = sent(visitor, encoded(Image.new("RGBA", (1400, 40)), "PNG"), "a.png", "image/png")
    with Image.open(io.BytesIO(got)) as photo:
        assert json.dumps(photo.getextrema()) == "[[255, 255], [255, 255], [255, 255]]"
    expect(visitor.title).to_have_text("No face found")
    visitor.refused.clear()
