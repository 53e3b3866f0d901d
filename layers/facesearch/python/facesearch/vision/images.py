"""Decode photos of any format to upright RGB pixels, within limits on memory and time.

Common JPEG and PNG files are decoded in this process, after a check of their header. All others go
to a process of their own with a memory limit: their headers need not be true, and their decoders
take memory before it can be checked.
"""

from collections.abc import Callable

from facesearch.errors import DamagedImage, ImageTooLarge, NotAnImage, ReadError
from facesearch.vision import jpeg, png
from facesearch.vision.decoding import (
    WORKING_SIDE,
    DecodedImage,
    decode_jpeg,
    decode_png,
)
from facesearch.vision.decoding_process import decode_apart
from facesearch.vision.formats import format_of, unread_name

__all__ = ["WORKING_SIDE", "DecodedImage", "decode_image"]

COEFFICIENT_BYTES = 100_000_000
"""A JPEG in several scans is held whole while it is decoded. Beyond this size, that happens in the
decoding process."""

MAX_COEFFICIENT_BYTES = 400_000_000
"""Beyond this size, such a JPEG is refused: some 130 megapixels with a phone's colours."""

SCAN_PIXELS = 250_000_000
"""Pixels times scans of a JPEG. Beyond this it takes long, and goes to the decoding process."""

MAX_SCAN_PIXELS = 2_500_000_000
"""Beyond this it is refused. Cameras and programs write some ten scans."""

PNG_PIXELS = 30_000_000


def decode_image(data: bytes) -> DecodedImage:
    """Decode the first picture in `data`: upright by EXIF, transparency on white.

    Raises `NotAnImage` for empty or unknown data, `ImageTooLarge` for what would take too much
    memory or time, `DamagedImage` when decoding fails, and `ReadError` when this machine has no
    memory left.
    """
    if not data:
        raise NotAnImage("the file is empty: upload it again")
    if data.startswith(jpeg.START):
        return _decode_jpeg(data)
    if data.startswith(png.SIGNATURE):
        return _decode_png(data)
    name = unread_name(data)
    if name is not None:
        raise NotAnImage(f"the file is {name}, which is not read: export it as JPEG")
    return decode_apart(data)


def _decode_jpeg(data: bytes) -> DecodedImage:
    header = jpeg.read_header(data)
    if header is None:
        return decode_apart(data)
    _check_pixels("JPEG", header.width, header.height)
    if header.coefficient_bytes > MAX_COEFFICIENT_BYTES:
        raise ImageTooLarge(
            f"the image has {header.width}×{header.height} pixels in a progressive JPEG, which is "
            "decoded whole: save it as a baseline JPEG, or scale it down"
        )
    scan_pixels = header.width * header.height * header.scans
    if scan_pixels > MAX_SCAN_PIXELS:
        raise ImageTooLarge(
            f"the JPEG has {header.width}×{header.height} pixels in {header.scans} scans: export "
            "it again, with fewer"
        )
    large = header.coefficient_bytes > COEFFICIENT_BYTES
    if not header.common or large or scan_pixels > SCAN_PIXELS:
        return decode_apart(data)
    return _decode_here(decode_jpeg, data)


def _decode_png(data: bytes) -> DecodedImage:
    header = data[png.HEADER]
    if len(header) < 13:
        raise DamagedImage("the image is damaged (it ends in its header): export it again")
    width, height = int.from_bytes(header[:4]), int.from_bytes(header[4:8])
    _check_pixels("PNG", width, height)
    depth, interlaced = header[8], header[12]
    if depth > 8 or interlaced or width * height > PNG_PIXELS:
        return decode_apart(data)
    try:
        return _decode_here(decode_png, data)
    except DamagedImage:
        # There it may be completed.
        return decode_apart(data)


def _check_pixels(name: str, width: int, height: int) -> None:
    limit = format_of(name).max_pixels
    if width * height > limit:
        raise ImageTooLarge(
            f"the image has {width}×{height} pixels, the limit for {name} is {limit:,}: "
            "scale it down first"
        )


def _decode_here(decode: Callable[[bytes], DecodedImage], data: bytes) -> DecodedImage:
    try:
        return decode(data)
    except MemoryError as error:
        # Not the photo's fault: it fits by its header.
        raise ReadError("this machine has no memory left for the photo: try again") from error
