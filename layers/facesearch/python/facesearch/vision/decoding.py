"""Decode bytes to upright RGB pixels. `images` refuses what is too large before."""

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import OPEN_INFO

from facesearch.errors import DamagedImage, ImageError, ImageTooLarge, NotAnImage
from facesearch.vision import jpeg, png
from facesearch.vision.formats import DIB, FORMATS, NOT_READ, RAW, format_of

# Every size is checked before anything is decoded; Pillow's own check would only warn.
Image.MAX_IMAGE_PIXELS = None

WORKING_SIDE = 1280
"""Photos are reduced by a whole factor; their longer side stays at least this long."""

BAND_ROWS = 64
"""Rows of the reduced photo that are made at a time, to need no second full copy."""

MAX_MISSING_SHARE = 0.05
"""The largest share of a JPEG's rows that may be missing at its end. Viewers show such photos."""

WITHHELD_ROWS = 32
"""Rows that the decoder may hold back when a JPEG has no end marker."""

MAX_OF_FLOATS = 4.0
"""Greys of 0 to 1 may go beyond it: sharpening overshoots, and lights are brighter than white."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_90,
)

_SUBFILE_TYPE, _OLD_SUBFILE_TYPE, _PHOTOMETRIC = 254, 255, 262
_REDUCED_PAGE, _OLD_REDUCED_PAGE, _WHITE_IS_ZERO = 1, 2, 0

# Pillow knows these pages only with their bytes in the other order.
OPEN_INFO.setdefault((b"MM", _WHITE_IS_ZERO, (1,), 1, (16,), ()), ("I;16B", "I;16B"))
_PAGES = 16
"""The pages of a TIFF that are searched for its picture."""


@dataclass(frozen=True, slots=True, eq=False)
class DecodedImage:
    """An upright RGB photo, perhaps reduced from the original.

    `image` has mode RGB. `width` and `height` are those of the upright original, in pixels. `note`
    says what is missing of a file that ends early, else it is empty.
    """

    image: Image.Image
    width: int
    height: int
    note: str = ""

    @property
    def scale(self) -> tuple[float, float]:
        """Original pixels per working pixel, across and down."""
        return self.width / self.image.width, self.height / self.image.height

    def rgb(self) -> NDArray[np.uint8]:
        """Shape (height, width, 3), of the working image."""
        return np.asarray(self.image)


def decode_jpeg(data: bytes) -> DecodedImage:
    """The first picture of a JPEG. Raises `DamagedImage`."""
    with _errors_named():
        data = jpeg.without_extras(data)
        image, size = _opened_jpeg(data)
        try:
            image.load()
        except OSError:
            return _ending_early(data, image)
        return _upright(image, size)


def _opened_jpeg(data: bytes) -> tuple[JpegImageFile, tuple[int, int]]:
    """Open a JPEG, perhaps for decoding at a smaller size. Returns it with its full size."""
    # Not `Image.open`, for which a phone's several pictures in one file are a format of their own.
    image = JpegImageFile(io.BytesIO(data))
    size = image.size
    factor = _factor(image)
    if factor > 1:
        # JPEG decodes at 1/2, 1/4 or 1/8 in a fraction of the time.
        image.draft("RGB", (max(1, size[0] // factor), max(1, size[1] // factor)))
    return image, size


def _ending_early(data: bytes, partial: JpegImageFile) -> DecodedImage:
    """Decode a photo that ends early, as `partial` shows, if only little of it is missing."""
    image, size = _opened_jpeg(data + jpeg.END)
    image.load()
    header = jpeg.read_header(data)
    if header is not None and header.coefficient_bytes:
        if not jpeg.every_scan_begins(data):
            raise DamagedImage("the image is damaged (it ends early): export it again")
        return _upright(image, size, "the file ends early: the photo may lack its finest details")
    # What was not handed out is black.
    bounds = partial._new(partial.im).getbbox()
    missing = image.height - (bounds[3] if bounds else 0)
    share = f"{missing / image.height:.0%}"
    if missing > max(WITHHELD_ROWS, MAX_MISSING_SHARE * image.height):
        raise DamagedImage(
            f"the image is damaged (its lowest {share} are missing): export it again"
        )
    return _upright(image, size, f"the file ends early: at most its lowest {share} are missing")


def decode_png(data: bytes) -> DecodedImage:
    """The first picture of a PNG. Raises `DamagedImage`."""
    with _errors_named():
        image = PngImageFile(io.BytesIO(png.without_extras(data)))
        size = image.size
        image.load()
        return _upright(image, size)


def decode_any(data: bytes) -> DecodedImage:
    """Decode a picture of any format that is read. Raises an `ImageError`, or `MemoryError`.

    It may take any amount of memory and time: call it in a process with limits.
    """
    if data.startswith(jpeg.START):
        return decode_jpeg(data)
    if data.startswith(png.SIGNATURE):
        return decode_png(data)
    with _errors_named():
        if data.startswith((b"GIF87a", b"GIF89a")):
            _check_size("GIF", *struct.unpack_from("<HH", data, 6))
        names = [each.name for each in FORMATS if each.name not in ("JPEG", "PNG")]
        with Image.open(io.BytesIO(data), formats=[*names, DIB]) as image:
            if image.format == "TIFF":
                _turn_to_picture(image)
            size = image.size
            _check_size(str(image.format), *size)
            image.load()
            return _upright(image, size)


def _check_size(name: str, width: int, height: int) -> None:
    limit = format_of(name).max_pixels
    if width * height > limit:
        raise ImageTooLarge(
            f"the image has {width}×{height} pixels, the limit for {name} is {limit:,}: "
            "scale it down first"
        )


def _turn_to_picture(image: Image.Image) -> None:
    """Go to the first page that is not a preview. Raises `NotAnImage` when all are previews."""
    for page in range(_PAGES):
        try:
            image.seek(page)
        except EOFError:
            break
        reduced = int(_tag(image, _SUBFILE_TYPE) or 0) & _REDUCED_PAGE
        if not reduced and _tag(image, _OLD_SUBFILE_TYPE) != _OLD_REDUCED_PAGE:
            return
    raise NotAnImage(f"the file is {RAW.name}, which is not read: export it as JPEG")


def _tag(image: Image.Image, number: int) -> int | None:
    """The whole number in a tag of a TIFF's page; None if it has none."""
    tags = getattr(image, "tag_v2", {})
    value = tags.get(number)
    return value if isinstance(value, int) else None


@contextmanager
def _errors_named() -> Iterator[None]:
    """Turn any error of a decoder into an `ImageError`; only `MemoryError` passes through."""
    try:
        with warnings.catch_warnings():
            # A damaged EXIF block or ICC profile is no reason to refuse the pixels.
            warnings.simplefilter("ignore")
            yield
    except (UnidentifiedImageError, SyntaxError) as error:
        raise NotAnImage(NOT_READ) from error
    except (ImageError, MemoryError):
        raise
    except Exception as error:
        # Decoders raise whatever they stumble on in hostile data: no list of types is complete.
        raise DamagedImage(f"the image is damaged ({_reason(error)}): export it again") from error


def _upright(image: Image.Image, size: tuple[int, int], note: str = "") -> DecodedImage:
    """Turn and reduce the image; `size` is that of the whole picture in the file."""
    width, height = size
    turn = _TURNS.get(_orientation(image))
    upright = _reduced(image, _factor(image))
    if turn is not None:
        upright = upright.transpose(turn)
    if turn in _SIDEWAYS:
        width, height = height, width
    return DecodedImage(upright, width, height, note)


def _orientation(image: Image.Image) -> int:
    """EXIF's 1 to 8; 1 (upright) when it is missing or damaged."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 (EXIF can be wrong in any way, and matters little)
        return 1


def _factor(image: Image.Image) -> int:
    return max(1, max(image.size) // WORKING_SIDE)


def _reduced(image: Image.Image, factor: int) -> Image.Image:
    """The image in RGB, each pixel the mean of `factor` × `factor` pixels."""
    image = _without_empty_alpha(image)
    greys = _greys(image)
    if factor == 1:
        return _rgb(image, greys)
    small = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    for row in range(0, small.height, BAND_ROWS):
        bottom = min(image.height, (row + BAND_ROWS) * factor)
        band = image.crop((0, row * factor, image.width, bottom))
        small.paste(_rgb(band, greys).reduce(factor), (0, row))
    return small


def _without_empty_alpha(image: Image.Image) -> Image.Image:
    """Drop a BMP's alpha channel if it is all 0: many programs write it so without a meaning."""
    empty = image.format in ("BMP", DIB) and image.mode == "RGBA"
    if empty and image.getchannel("A").getextrema() == (0, 0):
        return image.convert("RGB")
    return image


@dataclass(frozen=True, slots=True)
class _Greys:
    """How to read greys of more than 8 bits: the largest value, and whether 0 is white."""

    peak: float
    inverted: bool


def _greys(image: Image.Image) -> _Greys | None:
    """How to read the photo's greys if they have more than 8 bits, else None."""
    if not image.mode.startswith(("I", "F")):
        return None
    inverted = _tag(image, _PHOTOMETRIC) == _WHITE_IS_ZERO
    if image.mode.startswith("I;16"):
        return _Greys(65535.0, inverted)
    _, brightest = image.getextrema()
    value = float(str(brightest))
    if image.mode == "F" and value <= MAX_OF_FLOATS:
        return _Greys(1.0, inverted)
    peak = 255.0 if value <= 255 else 65535.0
    return _Greys(peak, inverted)


def _rgb(image: Image.Image, greys: _Greys | None) -> Image.Image:
    if image.mode == "RGB":
        return image
    if greys is not None:
        # Pillow would clip these greys at 255.
        values = np.asarray(image).astype(np.float32) * (255.0 / greys.peak)
        if greys.inverted:
            values = 255.0 - values
        clipped = np.clip(np.nan_to_num(values), 0, 255).astype(np.uint8)
        return Image.fromarray(clipped).convert("RGB")
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        white = Image.new("RGBA", layers.size, "white")
        return Image.alpha_composite(white, layers).convert("RGB")
    return image.convert("RGB")


def _reason(error: Exception) -> str:
    """Pillow's sentence, shortened; its messages hold no path when it reads from memory."""
    return str(error).partition("\n")[0][:100] or type(error).__name__
