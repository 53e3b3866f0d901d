"""Decode bytes to upright RGB pixels. `images` refuses what is too large before."""

import io
import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import OPEN_INFO, ImageFileDirectory_v2, TiffImageFile

from facesearch.errors import DamagedImage, ImageError, ImageTooLarge, NotAnImage
from facesearch.vision import jpeg, png
from facesearch.vision.formats import DIB, FORMATS, NOT_READ, RAW, format_of, read_name
from facesearch.vision.watched_jpeg import WatchedJpeg

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

MAX_HOT_SHARE = 0.001
"""The largest share of a picture of floats that may be far beyond its white: lamps, hot pixels."""

COUNTED_PIXELS = 2**20
"""Pixels that are looked at at a time for the scale of a picture."""

_FEWER_DETAILS = "the file ends early: the photo may lack its finest details"
_ODD_DATA = "its data does not fit its size: some of the photo may be damaged"
_FILLINGS = ((127, 127), (128, 128))
"""The least and largest value of a row of blocks that are missing. CMYK is inverted."""

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
_BITS, _COMPRESSION, _PLANES, _SAMPLE_FORMAT = 258, 259, 284, 339
_PLANES_APART, _UNSIGNED, _SIGNED = 2, 1, 2
_GIF_HEADER = 13
_GIF_STARTS = b"GIF87a", b"GIF89a"
_VALUE_BYTES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
"""Bytes of a value in a TIFF, by its type; of others, 1."""
_BROKEN_STREAM = "broken data stream"
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
        header = jpeg.read_header(data)
        if header is not None and header.unread:
            raise _unread(header.unread)
        data = jpeg.without_extras(data)
        is_baseline = header is not None and header.common and not header.coefficient_bytes
        if is_baseline and jpeg.has_end(data):
            return _watched(data)
        image, size = _opened(JpegImageFile(io.BytesIO(data)))
        try:
            image.load()
        except OSError:
            return _ending_early(data, image)
        if header is not None and header.coefficient_bytes:
            if not jpeg.every_scan_begins(data, header.components):
                if _is_filled_below(image):
                    raise _missing_end()
                return _upright(image, size, _FEWER_DETAILS)
        elif _is_filled_below(image):
            _check_rows(jpeg.without_end(data))
        return _upright(image, size)


def _watched(data: bytes) -> DecodedImage:
    """Decode a baseline JPEG that has its end marker, and tell if what is before it is damaged."""
    watched = WatchedJpeg(data)
    image, size = _opened(watched)
    image.load()
    if _is_filled_below(image):
        _check_rows(jpeg.without_end(data))
    return _upright(image, size, _ODD_DATA if watched.is_odd else "")


def _opened(image: JpegImageFile) -> tuple[JpegImageFile, tuple[int, int]]:
    """Prepare a JPEG, perhaps for decoding at a smaller size. Returns it with its full size."""
    # Not of `Image.open`, for which a phone's several pictures in one file are another format.
    size = image.size
    factor = _factor(image)
    if factor > 1:
        # JPEG decodes at 1/2, 1/4 or 1/8 in a fraction of the time.
        image.draft("RGB", (max(1, size[0] // factor), max(1, size[1] // factor)))
    return image, size


def _is_filled_below(image: Image.Image) -> bool:
    """Whether the lowest row is all of the grey that stands for blocks that are missing."""
    row = image.crop((0, image.height - 1, image.width, image.height))
    extrema = row.getextrema()
    bands = extrema if isinstance(extrema[0], tuple) else (extrema,)
    return all(each in _FILLINGS for each in bands)


def _check_rows(data: bytes) -> None:
    """Raises `DamagedImage` when a JPEG that was given an end marker had ended long before."""
    partial, _ = _opened(JpegImageFile(io.BytesIO(data)))
    try:
        partial.load()
    except OSError:
        _check_missing(partial)


def _check_missing(partial: Image.Image) -> str:
    """The share of the rows that is missing. Raises `DamagedImage` if it is too much."""
    # What was not handed out is black.
    bounds = partial._new(partial.im).getbbox()
    missing = partial.height - (bounds[3] if bounds else 0)
    share = f"{missing / partial.height:.0%}"
    if missing > max(WITHHELD_ROWS, MAX_MISSING_SHARE * partial.height):
        raise DamagedImage(
            f"the image is damaged (its lowest {share} are missing): export it again"
        )
    return share


def _missing_end() -> DamagedImage:
    return DamagedImage("the image is damaged (it ends early): export it again")


def _ending_early(data: bytes, partial: JpegImageFile) -> DecodedImage:
    """Decode a photo that ends early, as `partial` shows, if only little of it is missing."""
    image, size = _opened(JpegImageFile(io.BytesIO(data + jpeg.END)))
    image.load()
    header = jpeg.read_header(data)
    if header is not None and header.coefficient_bytes:
        if not jpeg.every_scan_begins(data, header.components):
            raise _missing_end()
        return _upright(image, size, _FEWER_DETAILS)
    share = _check_missing(partial)
    return _upright(image, size, f"the file ends early: at most its lowest {share} are missing")


def decode_png(data: bytes) -> DecodedImage:
    """The first picture of a PNG. Raises `DamagedImage`."""
    with _errors_named():
        image = PngImageFile(io.BytesIO(png.without_extras(data)))
        try:
            image.load()
        except OSError as error:
            if _BROKEN_STREAM not in str(error):
                raise
            return _with_wrong_checksum(data)
        return _upright(image, image.size)


def _with_wrong_checksum(data: bytes) -> DecodedImage:
    """Decode a PNG that fails, if it does so only at the checksum of its rows, as viewers do."""
    image = PngImageFile(io.BytesIO(png.without_checksum(data)))
    image.load()
    note = "the checksum of the picture is wrong: some of it may be damaged"
    return _upright(image, image.size, note)


def decode_any(data: bytes) -> DecodedImage:
    """Decode a picture of any format that is read. Raises an `ImageError`, or `MemoryError`.

    It may take any amount of memory and time: call it in a process with limits.
    """
    if data.startswith(jpeg.START):
        return decode_jpeg(data)
    try:
        return decode_png(data) if data.startswith(png.SIGNATURE) else _decode_other(data)
    except DamagedImage:
        # Not chained: what fails here says nothing more of the photo.
        with suppress(ImageError, MemoryError):
            return _completed(data)
        raise


def _completed(data: bytes) -> DecodedImage:
    """Decode a picture of which a little is missing at the file's end. Raises an `ImageError`."""
    with _errors_named():
        if data.startswith(png.SIGNATURE):
            return _rows_of(PngImageFile(io.BytesIO(png.without_extras(data))))
        if data.startswith(_GIF_STARTS):
            return _rows_of(GifImageFile(io.BytesIO(data)))
    # Formats that tell where their pixels are: with enough zeros, each is there.
    missing = bytes(int(len(data) * MAX_MISSING_SHARE))
    return replace(
        _decode_other(data + missing),
        note=f"the file ends early: at most its last {MAX_MISSING_SHARE:.0%} are missing",
    )


def _rows_of(image: ImageFile.ImageFile) -> DecodedImage:
    """Decode the rows that are there. Raises `DamagedImage` when too many are not."""
    # Of the whole process, which decodes one photo at a time.
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        image.load()
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    # Interlaced or not, a row comes whole: one that has not come is 0.
    bands = (
        np.asarray(image.crop((0, top, image.width, min(image.height, top + BAND_ROWS))))
        for top in range(0, image.height, BAND_ROWS)
    )
    there = sum(int(band.reshape(len(band), -1).any(axis=1).sum()) for band in bands)
    missing = 1 - there / image.height
    if missing > MAX_MISSING_SHARE:
        raise _missing_end()
    share = f"{max(0.01, missing):.0%}"
    note = f"the file ends early: at most {share} of its rows are missing"
    return _upright(image, image.size, note)


def _decode_other(data: bytes) -> DecodedImage:
    """Decode a picture that is neither a JPEG nor a PNG. Raises an `ImageError`."""
    with _errors_named():
        if data.startswith(_GIF_STARTS):
            if len(data) < _GIF_HEADER:
                raise DamagedImage("the image is damaged (it ends in its header): export it again")
            _check_size("GIF", *struct.unpack_from("<HH", data, 6))
        names = [each.name for each in FORMATS if each.name not in ("JPEG", "PNG")]
        try:
            image = Image.open(io.BytesIO(data), formats=[*names, DIB])
        except UnidentifiedImageError as error:
            raise _unidentified(data) from error
        with image:
            if image.format == "TIFF":
                _turn_to_picture(image)
                _check_layout(image)
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
    raise _unread(RAW.name)


def _check_layout(image: Image.Image) -> None:
    """Raises `NotAnImage` for pages that Pillow would read wrong without a word."""
    bits = image.tag_v2.get(_BITS) if hasattr(image, "tag_v2") else None
    apart = _tag(image, _PLANES) == _PLANES_APART and _tag(image, _COMPRESSION) in (None, 1)
    if apart and isinstance(bits, tuple) and len(bits) > 1 and max(bits) > 8:
        raise _unread(f"a TIFF of {max(bits)} bits a sample in planes without compression")


def _unread(name: str) -> NotAnImage:
    return NotAnImage(f"the file is {name}, which is not read: export it as JPEG")


def _unidentified(data: bytes) -> ImageError:
    """Why no decoder takes the data."""
    name = read_name(data)
    if name is None:
        return NotAnImage(NOT_READ)
    if name == "TIFF":
        try:
            TiffImageFile(io.BytesIO(data))
        except SyntaxError as error:
            if "unknown pixel mode" in str(error) and not _ends_in_tags(data):
                return _unread(_kind_of_tiff(data))
    return DamagedImage(f"the image is damaged (its {name} header cannot be read): export it again")


def _ends_in_tags(data: bytes) -> bool:
    """Whether a TIFF ends before the tags of its first page do, or the values of them."""
    order = "<" if data.startswith(b"II") else ">"
    if len(data) < 8 or 42 not in (data[2], data[3]):
        return False
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data[start : start + 2].ljust(2, b"\0"))
    tags = data[start + 2 : start + 2 + 12 * count]
    if not count or len(tags) < 12 * count:
        return True
    return any(
        number * _VALUE_BYTES.get(kind, 1) > 4
        and place + number * _VALUE_BYTES.get(kind, 1) > len(data)
        for _, kind, number, place in struct.iter_unpack(f"{order}HHII", tags)
    )


def _kind_of_tiff(data: bytes) -> str:
    """What a sample of its first page is."""
    is_big = 43 in (data[2], data[3])
    tags = ImageFileDirectory_v2(data[: 16 if is_big else 8])
    file = io.BytesIO(data)
    file.seek(tags.next)
    tags.load(file)
    bits: Sequence[int] = tags.get(_BITS, (1,))
    is_float = 3 in tags.get(_SAMPLE_FORMAT, (1,))
    each = f"{'/'.join(str(one) for one in sorted(set(bits)))} bits a sample"
    samples = f"{len(bits)} sample{'s' if len(bits) > 1 else ''} of a pixel"
    return f"a TIFF of {each}{' (floating point)' if is_float else ''} and {samples}"


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
        return _rgb(image, greys, image)
    small = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    for row in range(0, small.height, BAND_ROWS):
        bottom = min(image.height, (row + BAND_ROWS) * factor)
        band = image.crop((0, row * factor, image.width, bottom))
        small.paste(_rgb(band, greys, image).reduce(factor), (0, row))
    return small


def _without_empty_alpha(image: Image.Image) -> Image.Image:
    """Drop a BMP's alpha channel if it is all 0: many programs write it so without a meaning."""
    empty = image.format in ("BMP", DIB) and image.mode == "RGBA"
    if empty and image.getchannel("A").getextrema() == (0, 0):
        return image.convert("RGB")
    return image


@dataclass(frozen=True, slots=True)
class _Greys:
    """How to read greys: the values of the darkest and the lightest, and if those are inverted."""

    peak: float
    inverted: bool = False
    low: float = 0.0


def _greys(image: Image.Image) -> _Greys | None:
    """How to read the photo's greys if Pillow would not turn them to 8 bits, else None."""
    if _is_signed_byte(image):
        return _Greys(127.0, low=_low(image, 127.0))
    if not image.mode.startswith(("I", "F")):
        return None
    inverted = _tag(image, _PHOTOMETRIC) == _WHITE_IS_ZERO
    if image.mode.startswith("I;16"):
        twelve = _first(image, _BITS) == 12
        return _Greys(4095.0 if twelve else 65535.0, inverted)
    peak = _peak(image)
    return _Greys(peak, inverted, _low(image, peak))


def _peak(image: Image.Image) -> float:
    """The value of the lightest grey: of the scales in use, the first that holds the pixels."""
    beyond, largest = _shares_beyond(image)
    if image.mode == "F" and beyond[MAX_OF_FLOATS] <= MAX_HOT_SHARE:
        return 1.0
    if beyond[255.0] <= (MAX_HOT_SHARE if image.mode == "F" else 0):
        return 255.0
    if image.mode == "I" and beyond[65535.0]:
        # Of 24 bits, for one: the largest value that as many bits as are used can hold.
        return 2.0 ** (int(largest) - 1).bit_length() - 1
    is_signed = image.mode == "I" and not _is_unsigned(image)
    return 32767.0 if is_signed and not beyond[32768.0] else 65535.0


def _low(image: Image.Image, peak: float) -> float:
    """The value of the darkest grey: 0, or that much below it as `peak` is above.

    Sharpening leaves a few values below 0, and noise many that are next to it.
    """
    negative = finite = 0
    for values in _bands_of_values(image):
        finite += values.size
        negative += int(np.count_nonzero(np.less(values, -peak / 4)))
    return -peak if negative > MAX_HOT_SHARE * finite else 0.0


def _shares_beyond(image: Image.Image) -> tuple[dict[float, float], float]:
    """The share of the finite pixels beyond each of the values that a scale may end at.

    Also the largest magnitude of a pixel.
    """
    counts = dict.fromkeys((MAX_OF_FLOATS, 255.0, 32768.0, 65535.0), 0)
    finite, largest = 0, 0.0
    for values in _bands_of_values(image):
        sizes = np.abs(values.astype(np.float64))
        finite += sizes.size
        largest = float(sizes.max(initial=largest))
        for limit in counts:
            counts[limit] += int(np.count_nonzero(sizes > limit))
    return {limit: count / max(1, finite) for limit, count in counts.items()}, largest


def _bands_of_values(image: Image.Image) -> Iterator[NDArray[np.generic]]:
    """The finite greys, some rows at a time."""
    rows = max(1, COUNTED_PIXELS // image.width)
    for top in range(0, image.height, rows):
        part = image.crop((0, top, image.width, min(image.height, top + rows)))
        values = _values(part, image)
        yield values[np.isfinite(values)]


def _values(part: Image.Image, image: Image.Image) -> NDArray[np.generic]:
    """The greys of a part of the image; Pillow mistakes the sign of some whole numbers."""
    values = np.asarray(part)
    if _is_signed_byte(image):
        return values.view(np.int8)
    return values.view(np.uint32) if image.mode == "I" and _is_unsigned(image) else values


def _is_signed_byte(image: Image.Image) -> bool:
    is_tiff = image.mode == "L" and image.format == "TIFF"
    return is_tiff and _first(image, _SAMPLE_FORMAT) == _SIGNED


def _is_unsigned(image: Image.Image) -> bool:
    return image.format == "TIFF" and _first(image, _SAMPLE_FORMAT) in (None, _UNSIGNED)


def _first(image: Image.Image, number: int) -> int | None:
    """The first value in a tag of a TIFF's page; None if it has none."""
    value = getattr(image, "tag_v2", {}).get(number)
    if isinstance(value, tuple):
        value = next(iter(value), None)
    return value if isinstance(value, int) else None


def _rgb(image: Image.Image, greys: _Greys | None, whole: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    if greys is not None:
        # Pillow would clip these greys at 255.
        scale = np.float32(255.0 / (greys.peak - greys.low))
        values = (_values(image, whole).astype(np.float32) - np.float32(greys.low)) * scale
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
    if isinstance(error, (SyntaxError, struct.error, LookupError, TypeError)):
        return "its header cannot be read"
    return str(error).partition("\n")[0][:100] or type(error).__name__
