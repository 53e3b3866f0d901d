"""Every format a camera, phone or browser makes is decoded upright; every bad file is named."""

import contextlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from facesearch.errors import DamagedImage, ImageTooLarge, NotAnImage
from facesearch.vision.images import WORKING_SIDE, decode_image

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def photo(sample: Path) -> Image.Image:
    path = sorted((sample / "val" / "elton_john").glob("*.jpg"))[0]
    with Image.open(path) as image:
        return image.convert("RGB").resize((240, 160))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def difference(one: Pixels, other: Pixels) -> float:
    return float(np.abs(one.astype(float) - other.astype(float)).mean())


def quadrants() -> Pixels:
    """Red, green, blue and white, 96 pixels across and 64 down."""
    pixels = np.full((64, 96, 3), 240, np.uint8)
    pixels[:32, :48] = (250, 20, 20)
    pixels[:32, 48:] = (20, 250, 20)
    pixels[32:, :48] = (20, 20, 250)
    return pixels


@pytest.mark.parametrize(
    ("kind", "tolerance"),
    [("JPEG", 6), ("PNG", 0), ("WEBP", 6), ("BMP", 0), ("TIFF", 0), ("GIF", 12), ("AVIF", 8)],
)
def test_decode_each_format_gives_the_same_photo(
    photo: Image.Image, kind: str, tolerance: float
) -> None:
    decoded = decode_image(encoded(photo, kind))
    assert (decoded.width, decoded.height) == (240, 160)
    assert decoded.image.mode == "RGB"
    assert difference(decoded.rgb(), np.asarray(photo)) <= tolerance


def test_decode_heic_gives_the_photo() -> None:
    # The installed library only decodes HEIC: this file was written once, by an encoder.
    decoded = decode_image((Path(__file__).parent / "data" / "quadrants.heic").read_bytes())
    assert (decoded.width, decoded.height) == (96, 64)
    assert difference(decoded.rgb(), quadrants()) < 12


def test_decode_transparent_png_lays_it_on_white() -> None:
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert (decode_image(encoded(image, "PNG")).rgb() == 255).all()


def test_decode_palette_with_transparency_lays_it_on_white() -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    assert (decode_image(encoded(image, "PNG", transparency=1)).rgb() == 255).all()
    assert tuple(decode_image(encoded(image, "PNG")).rgb()[0, 0]) == (10, 20, 30)


def test_decode_16_bit_grey_keeps_the_shades(photo: Image.Image) -> None:
    grey = np.asarray(photo.convert("L"))
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    for kind in ("PNG", "TIFF"):
        assert difference(decode_image(encoded(deep, kind)).rgb()[..., 0], grey) <= 1


def test_decode_16_bit_colour_png_keeps_the_colours() -> None:
    # Pillow does not write 16-bit RGB: one row of a PNG by hand.
    row = b"\0" + b"".join(struct.pack(">H", value * 257) for value in (200, 100, 50) * 3)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", 3, 1, 16, 2, 0, 0, 0)
    png = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(row))
        + chunk(b"IEND", b"")
    )
    assert tuple(decode_image(png).rgb()[0, 1]) == (200, 100, 50)


def test_decode_cmyk_jpeg_gives_its_colours(photo: Image.Image) -> None:
    decoded = decode_image(encoded(photo.convert("CMYK"), "JPEG", quality=95))
    assert difference(decoded.rgb(), np.asarray(photo)) <= 8


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_decode_turned_by_exif_stands_upright(kind: str, orientation: int) -> None:
    upright = quadrants()
    # The stored picture that EXIF's number turns into the upright one.
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(np.ascontiguousarray(stored)), kind, exif=exif)
    decoded = decode_image(data)
    assert (decoded.width, decoded.height) == (96, 64)
    assert difference(decoded.rgb(), upright) < 12


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_decode_large_photo_is_reduced_and_remembers_its_size(
    photo: Image.Image, kind: str
) -> None:
    large = photo.resize((4000, 3000))
    decoded = decode_image(encoded(large, kind))
    assert (decoded.width, decoded.height) == (4000, 3000)
    assert WORKING_SIDE <= decoded.image.width < 2 * WORKING_SIDE
    assert decoded.scale == pytest.approx((4000 / decoded.image.width,) * 2, rel=0.01)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK", "1", "I;16"])
def test_decode_large_photo_of_each_mode_is_the_small_one(mode: str) -> None:
    quarters = Image.fromarray(quadrants()).resize((3840, 2571), Image.Resampling.NEAREST)
    if mode == "I;16":
        large = Image.fromarray(np.asarray(quarters.convert("L")).astype(np.uint16) * 257)
    else:
        large = quarters.convert(mode)
    decoded = decode_image(encoded(large, "TIFF"))
    assert decoded.image.size == (1280, 857)
    expected = quarters.convert(
        "1" if mode == "1" else "L" if mode in ("L", "LA", "I;16") else "RGB"
    )
    small = np.asarray(expected.convert("RGB").reduce(3))
    assert difference(decoded.rgb(), small) < 4


def test_decode_sideways_photo_of_odd_size_scales_by_axis() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    decoded = decode_image(encoded(Image.new("RGB", (4001, 2999)), "JPEG", exif=exif))
    assert (decoded.width, decoded.height) == (2999, 4001)
    across, down = decoded.scale
    assert decoded.image.width * across == pytest.approx(2999)
    assert decoded.image.height * down == pytest.approx(4001)


def test_decode_animation_takes_the_first_frame() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert tuple(decode_image(data).rgb()[0, 0]) == (255, 0, 0)


def test_decode_damaged_exif_keeps_the_pixels(photo: Image.Image) -> None:
    data = encoded(photo, "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff garbage")
    assert decode_image(data).width == 240


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", NotAnImage),
        (b"just text, whatever its name", NotAnImage),
        (b"%PDF-1.7 \n", NotAnImage),
        (b"\xff\xd8\xff", NotAnImage),
    ],
)
def test_decode_what_is_no_image_raises(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        decode_image(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_decode_truncated_image_raises_and_never_crashes(
    photo: Image.Image, kind: str, share: float
) -> None:
    data = encoded(photo, kind)
    with pytest.raises((DamagedImage, NotAnImage)):
        decode_image(data[: int(len(data) * share)])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_decode_flipped_bytes_gives_a_photo_or_a_known_error(photo: Image.Image, kind: str) -> None:
    random = np.random.default_rng(7)
    data = np.frombuffer(encoded(photo, kind), np.uint8)
    for _ in range(40):
        hurt = data.copy()
        hurt[random.integers(0, len(hurt), 12)] = random.integers(0, 256, 12)
        with contextlib.suppress(DamagedImage, NotAnImage, ImageTooLarge):
            assert decode_image(hurt.tobytes()).image.mode == "RGB"


def test_decode_bomb_is_refused_before_its_pixels_are_made() -> None:
    # 900 megapixels of nothing: 30,000 × 30,000, one bit each, 110 kB.
    bomb = encoded(Image.new("1", (30_000, 30_000)), "PNG")
    with pytest.raises(ImageTooLarge, match="30000×30000 pixels, the limit for PNG is 80,000,000"):
        decode_image(bomb)
