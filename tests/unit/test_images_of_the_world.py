"""Files as phones, cameras and programs write them: what every viewer shows is read."""

import contextlib
import io
import struct
import warnings
import zlib
from pathlib import Path
from random import Random
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFile
from PIL.PngImagePlugin import PngInfo

from facesearch.errors import DamagedImage, ImageTooLarge, NotAnImage
from facesearch.vision.formats import (
    DIB,
    EXTENSIONS,
    FORMATS,
    UNREAD,
    UNREAD_EXTENSIONS,
    UnreadFormat,
)
from facesearch.vision.images import decode_image
from tests.fuzz.hostile_images import png, png_chunk, tiff

Pixels = NDArray[np.uint8]
DATA = Path(__file__).parent / "data"
JPEG_END = b"\xff\xd9"


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


def shows(data: bytes, photo: Image.Image, tolerance: float = 6) -> bool:
    decoded = decode_image(data)
    assert (decoded.width, decoded.height) == photo.size
    return difference(decoded.rgb(), np.asarray(photo)) <= tolerance


@pytest.mark.parametrize("compression", ["tiff_lzw", "group4"])
def test_what_libraries_print_of_a_photo_is_not_seen(
    photo: Image.Image, compression: str, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = encoded(
        photo.convert("1") if compression == "group4" else photo, "TIFF", compression=compression
    )
    damaged = whole[: len(whole) // 2] + bytes(64) + whole[len(whole) // 2 + 64 :]
    with contextlib.suppress(OSError), Image.open(io.BytesIO(damaged)) as image:
        image.load()
    assert capfd.readouterr().err  # by libtiff, past Python
    with contextlib.suppress(DamagedImage):
        decode_image(damaged)
    assert capfd.readouterr() == ("", "")


# Multi-picture JPEGs.


def test_first_of_several_pictures_is_read(photo: Image.Image) -> None:
    others = [photo.rotate(180), photo.resize((120, 80))]
    data = encoded(photo, "MPO", save_all=True, append_images=others, quality=95)
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.format == "MPO"
    assert shows(data, photo)


def test_damaged_index_of_pictures_does_not_matter(photo: Image.Image) -> None:
    data = encoded(photo, "MPO", save_all=True, append_images=[photo], quality=95)
    place = data.index(b"MPF\0") + 8
    for changed in (b"\xff" * 12, bytes(12), b"\x01\x02" * 6):
        assert shows(data[:place] + changed + data[place + len(changed) :], photo)


@pytest.mark.parametrize("trailer", [b"\0" * 100, b"ftypmp42" * 50, JPEG_END, b"\xff\xd8\xff\xe0"])
def test_what_follows_the_picture_does_not_matter(photo: Image.Image, trailer: bytes) -> None:
    """Motion photos and gain maps lie behind the end marker."""
    decoded = decode_image(encoded(photo, "JPEG", quality=95) + trailer)
    assert decoded.note == ""
    assert difference(decoded.rgb(), np.asarray(photo)) <= 6


# Files that end early.


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_without_its_end_marker_is_read_and_says_so(
    photo: Image.Image, progressive: bool
) -> None:
    data = encoded(photo, "JPEG", quality=95, progressive=progressive)
    assert data.endswith(JPEG_END)
    decoded = decode_image(data[:-2])
    assert difference(decoded.rgb(), np.asarray(photo)) <= 6
    assert decoded.note.startswith("the file ends early")
    assert decode_image(data).note == ""


def test_jpeg_that_lacks_a_few_rows_is_read_and_tells_how_many(photo: Image.Image) -> None:
    large = photo.resize((1200, 800))
    data = encoded(large, "JPEG", quality=95)
    decoded = decode_image(data[: -len(data) // 100])
    assert "at most its lowest" in decoded.note
    assert difference(decoded.rgb()[:700], np.asarray(large)[:700]) <= 6


def test_jpeg_that_lacks_more_is_damaged(photo: Image.Image) -> None:
    data = encoded(photo.resize((1200, 800)), "JPEG", quality=95)
    for share in (0.1, 0.5, 0.9):
        with pytest.raises(DamagedImage, match="the image is damaged"):
            decode_image(data[: int(len(data) * (1 - share))])


def test_progressive_jpeg_that_lacks_details_is_read(photo: Image.Image) -> None:
    data = encoded(photo, "JPEG", quality=95, progressive=True)
    last = data.rindex(b"\xff\xda")
    decoded = decode_image(data[: (last + len(data)) // 2])
    assert "details" in decoded.note
    assert difference(decoded.rgb(), np.asarray(photo)) <= 6


def test_progressive_jpeg_that_lacks_a_scan_is_damaged(photo: Image.Image) -> None:
    data = encoded(photo, "JPEG", quality=95, progressive=True)
    with pytest.raises(DamagedImage, match="ends early"):
        decode_image(data[: data.rindex(b"\xff\xda")])


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("restarts", [0, 1])
def test_jpeg_that_was_cut_and_given_an_end_marker_is_damaged(
    photo: Image.Image, mode: str, share: float, restarts: int
) -> None:
    large = photo.resize((1200, 800)).convert(mode)
    data = encoded(large, "JPEG", quality=95, restart_marker_rows=restarts)
    with pytest.raises(DamagedImage, match=r"its lowest \d+% are missing"):
        decode_image(data[: int(len(data) * share)] + JPEG_END)


def test_progressive_jpeg_that_was_cut_and_given_an_end_marker_is_not_read_in_silence(
    photo: Image.Image,
) -> None:
    thumbnail = encoded(photo.resize((60, 40)), "JPEG")
    data = encoded(photo, "JPEG", quality=95, progressive=True, comment=thumbnail)
    first, last = data.index(b"\xff\xda", len(thumbnail)), data.rindex(b"\xff\xda")
    with pytest.raises(DamagedImage, match="ends early"):
        decode_image(data[: first + 200] + JPEG_END)
    assert "details" in decode_image(data[:last] + JPEG_END).note
    assert decode_image(data).note == ""


def test_progressive_jpeg_that_was_cut_in_its_last_scan_lacks_details_only(
    photo: Image.Image,
) -> None:
    data = encoded(photo, "JPEG", quality=95, progressive=True)
    last = data.rindex(b"\xff\xda")
    assert shows(data[: (last + len(data)) // 2] + JPEG_END, photo)


def damaged(data: bytes, kind: str, seed: int) -> bytes:
    """A JPEG with damage somewhere in the middle of its picture."""
    random = Random(seed)  # noqa: S311 (not for secrets)
    place = random.randrange(len(data) // 3, len(data) * 2 // 3)
    length = random.choice([256, 1024, 4096])
    noise = random.randbytes(length).replace(b"\xff", b"\xfe")
    return {
        "zeros": data[:place] + bytes(length) + data[place + length :],
        "noise": data[:place] + noise + data[place + length :],
        "missing": data[:place] + data[place + length :],
        "twice": data[: place + length] + data[place:],
    }[kind]


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
@pytest.mark.parametrize("kind", ["zeros", "noise", "missing", "twice"])
def test_jpeg_that_is_damaged_in_the_middle_says_so(
    photo: Image.Image, kind: str, subsampling: str
) -> None:
    """Not always: data may fit by chance."""
    data = encoded(photo.resize((1200, 800)), "JPEG", quality=90, subsampling=subsampling)
    assert decode_image(data).note == ""
    told = 0
    for seed in range(10):
        try:
            told += decode_image(damaged(data, kind, seed)).note != ""
        except DamagedImage:
            told += 1
    assert told >= 8


def test_jpeg_without_one_of_its_restart_markers_says_so(photo: Image.Image) -> None:
    data = encoded(photo.resize((1200, 800)), "JPEG", quality=90, restart_marker_rows=1)
    assert decode_image(data).note == ""
    place = data.index(b"\xff\xd3", len(data) // 3)
    decoded = decode_image(data[:place] + data[place + 2 :])
    assert "does not fit its size" in decoded.note


@pytest.mark.parametrize("fill", [b"\xff", b"\0", b"\xff\xff\xff\xff", bytes(4)])
@pytest.mark.parametrize("size", [(8, 8), (17, 33), (240, 160), (1200, 807), (3000, 16)])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_whole_jpeg_has_no_note(
    photo: Image.Image, mode: str, size: tuple[int, int], fill: bytes
) -> None:
    """Also with fill bytes before its end marker, and black or white below."""
    picture = photo.resize(size)
    data = encoded(picture.convert(mode), "JPEG")
    assert data.endswith(JPEG_END)
    assert decode_image(data[:-2] + fill + JPEG_END).note == ""
    for colour in ("black", "white"):
        picture.paste(colour, (0, size[1] // 2, *size))
        assert decode_image(encoded(picture.convert(mode), "JPEG", optimize=True)).note == ""


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("trailer", [b"", b"video" * 100])
def test_photo_that_is_grey_below_is_read(
    photo: Image.Image, mode: str, progressive: bool, trailer: bytes
) -> None:
    """Of the same grey that decoders put in place of what is missing."""
    grey = 128 if mode != "CMYK" else 127
    large = photo.resize((1200, 800)).convert(mode)
    large.paste((grey,) * len(large.getbands()), (0, 200, 1200, 800))
    decoded = decode_image(encoded(large, "JPEG", quality=95, progressive=progressive) + trailer)
    assert (decoded.height, decoded.note) == (800, "")


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_other_formats_without_their_end_are_read(photo: Image.Image, kind: str) -> None:
    data = encoded(photo, kind)
    cut = data[: data.rindex(b"IEND") - 4] if kind == "PNG" else data[:-1]
    assert shows(cut, photo, tolerance=12)


TAILS: dict[str, tuple[str, dict[str, object], tuple[int, ...]]] = {
    "GIF": ("GIF", {"interlace": 0}, (3, 25, 200)),
    "interlaced GIF": ("GIF", {"interlace": 1}, (3, 25, 200)),
    "BMP": ("BMP", {}, (1, 25, 2000)),
    "TIFF": ("TIFF", {}, (1, 25, 2000)),
    "WEBP": ("WEBP", {}, (1,)),
    "lossless WEBP": ("WEBP", {"lossless": True}, (1,)),
    "PNG": ("PNG", {}, (25, 60, 200)),
}
"""Kinds of files, and how many of their last bytes may be missing."""


@pytest.mark.parametrize("name", TAILS)
def test_file_that_lacks_a_few_bytes_at_its_end_is_read_and_says_so(
    photo: Image.Image, name: str
) -> None:
    kind, options, lengths = TAILS[name]
    data = encoded(photo, kind, **options)
    assert decode_image(data).note == ""
    for missing in lengths:
        assert "ends early" in decode_image(data[:-missing]).note
        assert shows(data[:-missing], photo, tolerance=12)


@pytest.mark.parametrize("name", TAILS)
def test_file_that_lacks_a_tenth_at_its_end_is_damaged(photo: Image.Image, name: str) -> None:
    kind, options, _ = TAILS[name]
    data = encoded(photo, kind, **options)
    with pytest.raises(DamagedImage):
        decode_image(data[: len(data) * 9 // 10])


@pytest.mark.parametrize("missing", [*range(1, 40), 60, 100, 150])
def test_tiff_that_is_cut_in_its_tags_is_not_of_an_unknown_kind(
    photo: Image.Image, missing: int
) -> None:
    picture = Image.fromarray(np.asarray(photo.resize((500, 500))))
    data = encoded(picture, "TIFF", compression="tiff_lzw")
    assert int.from_bytes(data[4:8], "little") > len(data) // 2
    with contextlib.suppress(DamagedImage):
        assert shows(data[:-missing], picture)


# EXIF and other blocks beside the picture.

EXIF_CUTS = [b"", b"II", b"II*\0", b"II*\0\x08", b"MM\0*\0\0\0", b"II*\0\xff\xff\xff\x7f", b"junk"]


@pytest.mark.parametrize("exif", EXIF_CUTS)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_that_is_cut_does_not_matter(photo: Image.Image, kind: str, exif: bytes) -> None:
    prefix = b"Exif\0\0" if kind == "JPEG" else b""
    # With a density Pillow does not read EXIF for one as it opens the file, but later.
    options = {"dpi": (72, 72), "quality": 95} if kind == "JPEG" else {"lossless": True}
    assert shows(encoded(photo, kind, exif=prefix + exif, **options), photo)


@pytest.mark.parametrize(
    "orientation",
    [struct.pack("<HHIf", 0x112, 11, 1, float("inf")), b"\x12\x01\x03\0" + b"\xff" * 8],
)
def test_orientation_that_is_no_number_counts_as_upright(
    photo: Image.Image, orientation: bytes
) -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + orientation + bytes(4)
    assert shows(encoded(photo, "JPEG", exif=exif, quality=95, dpi=(72, 72)), photo)


@pytest.mark.parametrize(
    ("marker", "whole"),
    [
        (0xE0, b"JFIF\0\x01\x01\x01\0\x48\0\x48\0\0"),
        (0xE0, b"JFXX\0\x10"),
        (0xE1, b"Exif\0\0II*\0\x08\0\0\0"),
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>"),
        (0xE2, b"ICC_PROFILE\0\x01\x01profile"),
        (0xE2, b"MPF\0II*\0\x08\0\0\0"),
        (0xE2, b"FPXR\0\0\0"),
        (0xED, b"Photoshop 3.0\x008BIM\x03\xed\0\0\0\0\0\x10\0\x48"),
        (0xEE, b"Adobe\0\x64\0\0\0\0\x01"),
        (0xFE, b"comment"),
    ],
)
def test_segment_that_is_cut_in_its_header_does_not_matter(
    photo: Image.Image, marker: int, whole: bytes
) -> None:
    """Each of those that programs know, cut anywhere, before or in place of a whole one."""
    data = encoded(photo, "JPEG", quality=95)
    for length in range(len(whole)):
        cut = struct.pack(">BBH", 0xFF, marker, length + 2) + whole[:length]
        assert shows(data[:2] + cut + data[2:], photo)
        assert shows(data[:2] + cut + data[20:], photo)


@pytest.mark.parametrize("between", [b"\xff\xff\xff", b"\0\0\0", b"\xff\0", b"\xff\xd0"])
def test_what_stands_between_segments_does_not_matter(photo: Image.Image, between: bytes) -> None:
    data = encoded(photo, "JPEG", quality=95)
    first = 20
    assert shows(data[:first] + between + data[first:], photo)


def png_of(photo: Image.Image, extra: bytes) -> bytes:
    pixels = np.asarray(photo)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    return png(photo.width, photo.height, 8, 2, rows, extra)


@pytest.mark.parametrize(
    "extra",
    [
        png_chunk(b"tEXt", b"comment\0" + b"x" * 3_000_000),
        png_chunk(b"zTXt", b"comment\0\0" + zlib.compress(bytes(3_000_000))),
        png_chunk(b"iTXt", b"comment\0\x01\0\0\0" + zlib.compress(bytes(3_000_000))),
        png_chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(3_000_000))),
        png_chunk(b"iCCP", b"profile\0\0not compressed"),
        png_chunk(b"tIME", b"\x07\xe8\x01\x01\0\0\0")[:-4] + b"\0\0\0\0",
        png_chunk(b"tEXt", b"comment\0text")[:-4] + b"crc!",
        png_chunk(b"eXIf", b"II*\0")[:-4] + b"crc!",
        png_chunk(b"abCd", b"unknown"),
        png_chunk(b"tRNS", b""),
        png_chunk(b"tRNS", b"\0\0\0"),
    ],
    ids=[
        "long text",
        "packed text",
        "international text",
        "profile",
        "no profile",
        "time",
        "crc",
        "exif crc",
        "unknown",
        "no transparency",
        "short transparency",
    ],
)
def test_png_is_read_whatever_is_beside_its_picture(photo: Image.Image, extra: bytes) -> None:
    assert shows(png_of(photo, extra), photo, tolerance=0)


def turning_texts() -> dict[str, PngInfo]:
    """How programs that know no eXIf write that a photo is to be turned by a quarter."""
    exif = Image.Exif()
    exif[0x0112] = 6
    block = exif.tobytes()
    hexadecimal = f"\nexif\n{len(block):8}\n{block.hex()}\n"
    xmp = '<rdf:Description tiff:Orientation="6"/>'
    texts = {name: PngInfo() for name in ("exif", "packed exif", "xmp", "packed xmp")}
    texts["exif"].add_text("Raw profile type exif", hexadecimal)
    texts["packed exif"].add_text("Raw profile type exif", hexadecimal, zip=True)
    texts["xmp"].add_itxt("XML:com.adobe.xmp", xmp)
    texts["packed xmp"].add_itxt("XML:com.adobe.xmp", xmp, zip=True)
    return texts


@pytest.mark.parametrize("name", turning_texts())
def test_png_is_turned_as_its_texts_tell(photo: Image.Image, name: str) -> None:
    decoded = decode_image(encoded(photo, "PNG", pnginfo=turning_texts()[name]))
    assert (decoded.width, decoded.height) == (photo.height, photo.width)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["Raw profile type exif", "XML:com.adobe.xmp"])
def test_png_whose_turning_text_is_large_is_read(
    photo: Image.Image, name: str, packed: bool
) -> None:
    for add in (PngInfo.add_text, PngInfo.add_itxt):
        info = PngInfo()
        add(info, name, "0" * 3_000_000, zip=packed)
        assert shows(encoded(photo, "PNG", pnginfo=info), photo, tolerance=0)


def test_png_with_hundreds_of_turning_texts_is_read(photo: Image.Image) -> None:
    body = b"Raw profile type exif\0\0" + zlib.compress(bytes(500_000))
    assert shows(png_of(photo, png_chunk(b"zTXt", body) * 300), photo, tolerance=0)


def test_png_whose_picture_is_damaged_is_damaged(photo: Image.Image) -> None:
    data = png_of(photo, b"")
    place = data.index(b"IDAT") + 20
    with pytest.raises(DamagedImage):
        decode_image(data[:place] + b"\xff" * 8 + data[place + 8 :])


# Pixels that mean something else than they seem to.


def bmp(photo: Image.Image, masks: tuple[int, ...], bits: int, alpha: int) -> bytes:
    """With bit fields (compression 3), and a header of version 4."""
    pixels = np.asarray(photo)[::-1].astype(np.uint32)
    if bits == 32:
        shifts = [(mask & -mask).bit_length() - 1 for mask in masks[:3]]
        values = np.bitwise_or.reduce([pixels[..., each] << shifts[each] for each in range(3)])
        opaque = np.uint32(alpha << 24 if len(masks) == 4 else 0)
        body = bytes((values | opaque).astype("<u4").tobytes())
    else:
        red, green, blue = (pixels[..., each] >> 3 for each in range(3))
        green = pixels[..., 1] >> 2
        body = bytes((red << 11 | green << 5 | blue).astype("<u2").tobytes())
    fields = struct.pack("<4I", *masks, *([0] * (4 - len(masks))))
    info = struct.pack(
        "<IiiHHIIiiII", 108, photo.width, photo.height, 1, bits, 3, len(body), 0, 0, 0, 0
    )
    header = info + fields + bytes(108 - len(info) - len(fields))
    start = 14 + len(header)
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + header + body


RGBA_MASKS = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)


@pytest.mark.parametrize(
    ("masks", "bits", "tolerance"),
    [
        (RGBA_MASKS, 32, 0),
        ((0xFF0000, 0xFF00, 0xFF), 32, 0),
        ((0xFF000000, 0xFF0000, 0xFF00), 32, 0),
        ((0xF800, 0x7E0, 0x1F), 16, 6),
    ],
)
def test_bmp_of_bit_fields_is_read(
    photo: Image.Image, masks: tuple[int, ...], bits: int, tolerance: float
) -> None:
    assert shows(bmp(photo, masks, bits, alpha=255), photo, tolerance)


def test_bmp_whose_alpha_is_0_everywhere_is_opaque(photo: Image.Image) -> None:
    assert shows(bmp(photo, RGBA_MASKS, 32, alpha=0), photo, tolerance=0)


def test_bmp_without_the_head_of_its_file_is_read(photo: Image.Image) -> None:
    head = 14
    assert shows(encoded(photo, "BMP")[head:], photo)
    assert shows(bmp(photo, RGBA_MASKS, 32, alpha=0)[head:], photo)


def test_grey_of_floats_up_to_1_keeps_its_shades(photo: Image.Image) -> None:
    grey = np.asarray(photo.convert("L"))
    for peak in (1.0, 255.0, 65535.0):
        values = Image.fromarray(grey.astype(np.float32) / 255 * peak)
        assert difference(decode_image(encoded(values, "TIFF")).rgb()[..., 0], grey) <= 1


def test_grey_of_floats_that_goes_a_little_beyond_1_keeps_its_shades(photo: Image.Image) -> None:
    shades = np.asarray(photo.convert("L"))
    floats = shades.astype(np.float32) / 255
    floats[0, 0] = 1.02
    decoded = decode_image(encoded(Image.fromarray(floats), "TIFF")).rgb()[..., 0]
    assert np.abs(decoded.astype(float) - shades).mean() <= 1


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf"), 1e30, 300.0, 5.0])
@pytest.mark.parametrize("peak", [1.0, 255.0, 65535.0])
def test_a_few_odd_floats_leave_the_others_their_shades(
    photo: Image.Image, odd: float, peak: float
) -> None:
    shades = np.asarray(photo.convert("L"))
    floats = shades.astype(np.float32) / 255 * peak
    floats[0, :5] = odd
    decoded = decode_image(encoded(Image.fromarray(floats), "TIFF")).rgb()[..., 0]
    assert difference(decoded, shades) <= 1


def samples_tiff(
    photo: Image.Image, body: bytes, bits: list[int], photometric: int = 1, **more: int
) -> bytes:
    """Without compression."""
    planes = more.get("planes", 1)
    size = len(body) // len(bits) if planes == 2 else len(body)
    strips = range(8, 8 + len(body), size)
    return tiff(
        {
            256: (4, [photo.width]),
            257: (4, [photo.height]),
            258: (3, bits),
            259: (3, [1]),
            262: (3, [photometric]),
            273: (4, list(strips)),
            277: (3, [len(bits)]),
            278: (4, [photo.height]),
            279: (4, [size] * len(strips)),
            284: (3, [planes]),
            339: (3, [more.get("sample_format", 1)] * len(bits)),
        },
        body,
    )


@pytest.mark.parametrize("bits", [8, 16, 17, 24, 31, 32])
def test_tiff_of_whole_numbers_of_32_bits_keeps_its_shades(photo: Image.Image, bits: int) -> None:
    shades = np.asarray(photo.convert("L"))
    values = (shades / 255 * (2**bits - 1)).astype("<u4")
    data = samples_tiff(photo, values.tobytes(), [32])
    assert difference(decode_image(data).rgb()[..., 0], shades) <= 1


@pytest.mark.parametrize("below", [False, True], ids=["from 0", "from its least"])
@pytest.mark.parametrize("kind", ["i1", "i2", "i4", "f4"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_of_signed_samples_keeps_its_shades(
    photo: Image.Image, order: Literal["<", ">"], kind: str, below: bool
) -> None:
    shades = np.asarray(photo.convert("L"))
    peak = 1.0 if kind == "f4" else float(2 ** (8 * int(kind[1]) - 1) - 1)
    values = shades / 255 * peak
    if below:
        values = 2 * values - peak
    body = values.astype(order + kind).tobytes()
    data = grey_tiff(photo, body, 8 * int(kind[1]), 3 if kind == "f4" else 2, order)
    assert difference(decode_image(data).rgb()[..., 0], shades) <= 2


def test_noise_below_0_does_not_lighten_a_picture_of_floats(photo: Image.Image) -> None:
    shades = np.asarray(photo.convert("L"))
    floats = shades.astype(np.float32) / 255
    floats[:20] -= 0.03
    decoded = decode_image(encoded(Image.fromarray(floats), "TIFF")).rgb()[20:, :, 0]
    assert difference(decoded, shades[20:]) <= 1


def grey_tiff(
    photo: Image.Image, body: bytes, bits: int, sample_format: int, order: Literal["<", ">"]
) -> bytes:
    """One strip without compression."""
    tags: dict[int, tuple[int, list[int]]] = {
        256: (4, [photo.width]),
        257: (4, [photo.height]),
        258: (3, [bits]),
        259: (3, [1]),
        262: (3, [1]),
        273: (4, [8]),
        277: (3, [1]),
        278: (4, [photo.height]),
        279: (4, [len(body)]),
        339: (3, [sample_format]),
    }
    return tiff(tags, body, order)


def test_tiff_of_12_bits_keeps_its_shades(photo: Image.Image) -> None:
    shades = np.asarray(photo.convert("L"))
    values = np.ceil(shades / 255 * 4095).astype(np.uint16)
    left, right = values[:, 0::2], values[:, 1::2]
    packed = np.stack([left >> 4, (left & 15) << 4 | right >> 8, right & 255], axis=-1)
    data = samples_tiff(photo, packed.astype(np.uint8).tobytes(), [12])
    assert difference(decode_image(data).rgb()[..., 0], shades) <= 1


def test_tiff_of_16_bits_in_planes_is_refused_by_name(photo: Image.Image) -> None:
    planes = np.asarray(photo).transpose(2, 0, 1)
    wide = samples_tiff(photo, (planes.astype("<u2") * 257).tobytes(), [16] * 3, 2, planes=2)
    with pytest.raises(NotAnImage, match="a TIFF of 16 bits a sample in planes"):
        decode_image(wide)
    assert shows(samples_tiff(photo, planes.tobytes(), [8] * 3, 2, planes=2), photo, tolerance=0)


def test_tiff_of_a_kind_that_is_not_read_is_refused_by_name(photo: Image.Image) -> None:
    pixels = np.asarray(photo)
    colours = samples_tiff(photo, pixels.astype("<f4").tobytes(), [32] * 3, 2, sample_format=3)
    with pytest.raises(NotAnImage, match=r"a TIFF of 32 bits a sample \(floating point\)"):
        decode_image(colours)
    pairs = samples_tiff(photo, pixels[..., :2].astype("<u2").tobytes(), [16, 16])
    with pytest.raises(NotAnImage, match="a TIFF of 16 bits a sample and 2 samples of a pixel"):
        decode_image(pairs)


@pytest.mark.parametrize(
    ("place", "value", "name"),
    [(1, 0xC3, "a lossless JPEG"), (1, 0xF7, "JPEG-LS"), (4, 12, "a JPEG of 12 bits a sample")],
)
def test_jpeg_of_a_kind_that_is_not_read_is_refused_by_name(
    photo: Image.Image, place: int, value: int, name: str
) -> None:
    data = bytearray(encoded(photo, "JPEG"))
    data[data.index(b"\xff\xc0") + place] = value
    with pytest.raises(NotAnImage, match=f"the file is {name}, which is not read"):
        decode_image(bytes(data))


@pytest.mark.parametrize("kind", ["AVIF", "WEBP", "GIF", "TIFF", "PNG", "JPEG"])
def test_file_that_is_cut_is_damaged_and_not_of_an_unknown_kind(
    photo: Image.Image, kind: str
) -> None:
    options = {"compression": "tiff_lzw"} if kind == "TIFF" else {}
    data = encoded(photo, kind, **options)
    for length in (len(data) * 4 // 5, len(data) // 2, len(data) // 20, 40, 24, 16):
        with pytest.raises(DamagedImage, match="the image is damaged") as raised:
            decode_image(data[:length])
        assert "buffer" not in str(raised.value)


@pytest.mark.parametrize("length", range(6, 14))
def test_gif_that_ends_in_its_header_is_damaged(photo: Image.Image, length: int) -> None:
    with pytest.raises(DamagedImage) as raised:
        decode_image(encoded(photo, "GIF")[:length])
    assert "buffer" not in str(raised.value)


def test_png_whose_header_has_a_wrong_checksum_is_damaged(photo: Image.Image) -> None:
    data = png_of(photo, b"")
    with pytest.raises(DamagedImage, match="its header"):
        decode_image(data[:29] + b"crc!" + data[33:])


@pytest.mark.parametrize("piece", [1000, 10**9])
def test_png_whose_rows_have_a_wrong_checksum_is_read_and_says_so(
    photo: Image.Image, piece: int
) -> None:
    data = png_of(photo, b"")
    start, end = data.index(b"IDAT") + 4, data.index(b"IEND") - 8
    packed = data[start : end - 4] + b"sum!"
    first = max(0, len(packed) - 40 * piece)
    places = [0, *range(first, len(packed), piece)] if first else range(0, len(packed), piece)
    ends = [*places[1:], len(packed)]
    pieces = [packed[here:there] for here, there in zip(places, ends, strict=True)]
    chunks = b"".join(png_chunk(b"IDAT", each) for each in pieces)
    changed = data[: start - 8] + chunks + data[end + 4 :]
    assert shows(changed, photo, tolerance=0)
    assert "checksum" in decode_image(changed).note


SVGS = [
    b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    b'<?xml version="1.0"?>\n<!-- made -->\n<svg/>',
    b'\xef\xbb\xbf<?xml version="1.0"?><svg/>',
    b"\n <!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' ''><svg/>",
]


@pytest.mark.parametrize("data", SVGS)
def test_svg_is_refused_by_name_whatever_is_before_its_first_element(data: bytes) -> None:
    with pytest.raises(NotAnImage, match="a vector graphic"):
        decode_image(data)


@pytest.mark.parametrize("brand", [b"isom", b"iso2", b"iso5", b"mp42", b"dash", b"qt  ", b"f4v "])
def test_videos_of_every_common_brand_are_refused_as_such(brand: bytes) -> None:
    with pytest.raises(NotAnImage, match="a video"):
        decode_image(b"\0\0\0\x18ftyp" + brand + bytes(300))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *(("TGA", "Targa"), ("PPM", "PNM"), ("PCX", "PCX"), ("SGI", "SGI"), ("QOI", "QOI")),
        ("SPIDER", "SPIDER"),
    ],
)
def test_formats_that_few_use_are_refused_by_their_own_name(
    photo: Image.Image, kind: str, name: str
) -> None:
    with pytest.raises(NotAnImage, match=name):
        decode_image(encoded(photo.convert("F") if kind == "SPIDER" else photo, kind))


@pytest.mark.parametrize("compression", [None, "tga_rle"])
@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA"])
def test_targa_of_every_kind_is_refused_by_name(
    photo: Image.Image, mode: str, compression: str | None
) -> None:
    with pytest.raises(NotAnImage, match="a Targa picture"):
        decode_image(encoded(photo.convert(mode), "TGA", compression=compression))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("kind", "peak"), [("u1", 255), ("u2", 65535), ("f4", 1), ("f4", 255)])
def test_tiff_whose_white_is_0_is_not_negative(
    photo: Image.Image, kind: str, peak: int, order: Literal["<", ">"]
) -> None:
    grey = np.asarray(photo.convert("L"))
    values = np.dtype(f"{order}{kind}")
    body = ((255 - grey).astype(np.float64) * peak / 255).astype(values).tobytes()
    tags = {
        256: (4, [photo.width]),
        257: (4, [photo.height]),
        258: (3, [8 * values.itemsize]),
        259: (3, [1]),
        262: (3, [0]),
        273: (4, [8]),
        277: (3, [1]),
        278: (4, [photo.height]),
        279: (4, [len(body)]),
        339: (3, [3 if kind == "f4" else 1]),
    }
    assert difference(decode_image(tiff(tags, body, order)).rgb()[..., 0], grey) <= 1


@pytest.mark.parametrize(("tag", "preview", "whole"), [(254, 1, 0), (255, 2, 1)])
def test_tiff_with_a_preview_first_is_read_as_its_picture(
    photo: Image.Image, tag: int, preview: int, whole: int
) -> None:
    grey = photo.convert("L")
    pages = tiff_of_pages((grey.resize((60, 40)), preview), (grey, whole), subfile_tag=tag)
    assert shows(pages, grey.convert("RGB"), 0)


def test_tiff_of_previews_only_is_refused_as_raw(photo: Image.Image) -> None:
    with pytest.raises(NotAnImage, match="raw picture"):
        decode_image(tiff_of_pages((photo.convert("L"), 1)))


def tiff_of_pages(*pages: tuple[Image.Image, int], subfile_tag: int = 254) -> bytes:
    """Grey pictures, each with its subfile type: as of TIFF 6 (tag 254), or older (255)."""
    data = b"II*\0" + struct.pack("<I", 8)
    for number, (page, kind) in enumerate(pages):
        tags = [
            *((subfile_tag, 4, kind), (256, 4, page.width), (257, 4, page.height), (258, 3, 8)),
            *((259, 3, 1), (262, 3, 1), (273, 4, len(data) + 2 + 12 * 10 + 4), (277, 3, 1)),
            *((278, 4, page.height), (279, 4, page.width * page.height)),
        ]
        body = page.tobytes()
        more = len(data) + 2 + 12 * len(tags) + 4 + len(body) if number < len(pages) - 1 else 0
        entries = b"".join(struct.pack("<HHII", tag, type_, 1, value) for tag, type_, value in tags)
        data += struct.pack("<H", len(tags)) + entries + struct.pack("<I", more) + body
    return data


@pytest.mark.parametrize("size", [(1, 3000), (3000, 1), (2, 9000), (1, 1)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_narrow_pictures_are_read(kind: str, size: tuple[int, int]) -> None:
    decoded = decode_image(encoded(Image.new("RGB", size, (200, 60, 40)), kind))
    assert (decoded.width, decoded.height) == size
    assert difference(decoded.rgb(), np.full_like(decoded.rgb(), (200, 60, 40))) <= 4


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
def test_palette_with_transparency_lies_on_white(photo: Image.Image, kind: str) -> None:
    colours = photo.quantize(64)
    mask = Image.new("L", photo.size, 255)
    mask.paste(0, (0, 0, 120, 160))
    layers = colours.convert("RGBA")
    layers.putalpha(mask)
    data = encoded(layers.quantize(64) if kind != "WEBP" else layers, kind)
    rgb = decode_image(data).rgb()
    assert (rgb[:, :118] >= 230).all()
    assert not (rgb[:, 122:] >= 230).all()


# Formats by name.


def test_every_format_that_is_read_has_a_limit_a_type_and_an_extension() -> None:
    for each in FORMATS:
        assert each.max_pixels >= 25_000_000
        assert all(kind.startswith("image/") for kind in each.extensions)
    assert len(EXTENSIONS) == len(set(EXTENSIONS)) >= len(FORMATS)
    assert all(extension.startswith(".") for extension in EXTENSIONS)


def test_no_extension_is_both_read_and_not() -> None:
    assert not set(EXTENSIONS) & set(UNREAD_EXTENSIONS)


@pytest.mark.parametrize("name", ["JPEG2000", "ICO", "PDF", "ICNS", "EPS", "DDS"])
def test_what_pillow_could_write_but_is_not_read_is_refused_by_name(
    photo: Image.Image, name: str
) -> None:
    with pytest.raises(NotAnImage, match=r"the file is .*, which is not read: export it as JPEG"):
        decode_image(encoded(photo, name))


@pytest.mark.parametrize("unread", UNREAD, ids=lambda each: str(each.name))
def test_each_unread_format_is_known_by_how_its_files_begin(unread: UnreadFormat) -> None:
    for start in unread.starts:
        with pytest.raises(NotAnImage, match=unread.name):
            decode_image(start.replace(b".", b"\0") + bytes(200))


def every_pillow_format() -> list[str]:
    Image.init()
    return sorted(kind for kind in set(Image.SAVE) & set(Image.OPEN) if written(BLANK, kind))


BLANK = Image.new("RGB", (240, 160))


def written(image: Image.Image, kind: str) -> bytes:
    """Nothing where Pillow only seems to write it."""
    for mode in ("RGB", "P", "1"):
        with warnings.catch_warnings(), contextlib.suppress(OSError, ValueError, KeyError):
            warnings.simplefilter("ignore")
            return encoded(image.convert(mode), kind)
    return b""


@pytest.mark.parametrize("kind", every_pillow_format())
def test_whatever_pillow_writes_is_read_or_refused(photo: Image.Image, kind: str) -> None:
    data = written(photo, kind)
    if kind in {*(each.name for each in FORMATS), DIB}:
        assert shows(data, photo, tolerance=25)
    else:
        with pytest.raises((NotAnImage, DamagedImage)):
            decode_image(data)


# Sizes that cameras make.


@pytest.mark.parametrize("name", ["50_megapixels.heic", "50_megapixels_10_bit.heic"])
def test_phones_of_50_megapixels_are_read(name: str) -> None:
    decoded = decode_image((DATA / name).read_bytes())
    assert (decoded.width, decoded.height) == (8192, 6144)
    assert max(decoded.image.size) < 2560


def declared_jpeg(width: int, height: int, photo: Image.Image) -> bytes:
    data = encoded(photo, "JPEG")
    place = data.index(b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", height, width) + data[place + 4 :]


def test_jpeg_that_says_more_than_200_megapixels_is_refused_before_it_is_decoded(
    photo: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_: object) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", never)
    with pytest.raises(ImageTooLarge, match="65000×65000 pixels, the limit for JPEG"):
        decode_image(declared_jpeg(65_000, 65_000, photo))
