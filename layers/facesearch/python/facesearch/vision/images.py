"""Photo bytes to upright RGB pixels, whatever the format, within bounds on memory."""

import io
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pi_heif import register_heif_opener
from PIL import ExifTags, Image, UnidentifiedImageError

from facesearch.errors import DamagedImage, ImageTooLarge, NotAnImage

register_heif_opener()
# The check below is stricter and names the limit; Pillow's own would only warn at this size.
Image.MAX_IMAGE_PIXELS = None

MAX_PIXELS = {
    "JPEG": 120_000_000,
    "PNG": 80_000_000,
    "GIF": 80_000_000,
    "BMP": 80_000_000,
    "TIFF": 80_000_000,
    # Their decoders hold the photo two or three times.
    "HEIF": 50_000_000,
    "WEBP": 25_000_000,
    "AVIF": 40_000_000,
}
"""The formats read, and how large each may be: what cameras make, decoded within some 450 MB."""

MAX_CMYK_PIXELS = 50_000_000
"""A progressive JPEG in print colours is held whole while it is decoded."""

WORKING_SIDE = 1280
"""Photos are reduced by whole factors while their longer side stays at least this long."""

BAND_ROWS = 64
"""Rows of the reduced photo that are made at once, so that no second full copy is needed."""


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


@dataclass(frozen=True, slots=True, eq=False)
class DecodedImage:
    """An upright RGB photo, perhaps reduced from the original.

    `image` has mode RGB; `width` and `height` are those of the upright original, in pixels.
    """

    image: Image.Image
    width: int
    height: int

    @property
    def scale(self) -> tuple[float, float]:
        """Original pixels per working pixel, across and down."""
        return self.width / self.image.width, self.height / self.image.height

    def rgb(self) -> NDArray[np.uint8]:
        """Shape (height, width, 3), of the working image."""
        return np.asarray(self.image)


def decode_image(data: bytes) -> DecodedImage:
    """The photo in `data`: the first frame, EXIF upright, transparency on white.

    Raises `NotAnImage` for empty or unknown data, `ImageTooLarge` beyond `MAX_PIXELS` and
    `DamagedImage` when decoding fails or the data ends early.
    """
    if not data:
        raise NotAnImage("the file is empty: upload it again")
    try:
        with warnings.catch_warnings():
            # A damaged EXIF block or ICC profile is no reason to refuse the pixels.
            warnings.simplefilter("ignore")
            return _decode(data)
    except UnidentifiedImageError as error:
        raise NotAnImage(
            "the file is not an image this program reads: use JPEG, PNG, WebP, GIF, BMP, TIFF, "
            "AVIF or HEIC"
        ) from error
    except ImageTooLarge:
        raise
    except Exception as error:
        # Decoders raise whatever they stumble on in hostile data: no list of types is complete.
        raise DamagedImage(f"the image is damaged ({_reason(error)}): export it again") from error


def _decode(data: bytes) -> DecodedImage:
    with Image.open(io.BytesIO(data), formats=tuple(MAX_PIXELS)) as image:
        width, height = image.size
        limit = MAX_PIXELS[str(image.format)]
        if image.mode == "CMYK":
            limit = min(limit, MAX_CMYK_PIXELS)
        if width * height > limit:
            raise ImageTooLarge(
                f"the image has {width}×{height} pixels, the limit for {image.format} is "
                f"{limit:,}: scale it down first"
            )
        factor = _factor(image)
        if factor > 1:
            # JPEG decodes at 1/2, 1/4 or 1/8 in a fraction of the time.
            image.draft("RGB", (width // factor, height // factor))
        image.load()
        turn = _TURNS.get(_orientation(image))
        upright = _reduced(image, _factor(image))
    if turn is not None:
        upright = upright.transpose(turn)
    if turn in _SIDEWAYS:
        width, height = height, width
    return DecodedImage(upright, width, height)


def _orientation(image: Image.Image) -> int:
    """EXIF's 1 to 8; 1 (upright) when it is missing or damaged."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except (SyntaxError, ValueError, OSError, TypeError, KeyError):
        return 1


def _factor(image: Image.Image) -> int:
    return max(1, max(image.size) // WORKING_SIDE)


def _reduced(image: Image.Image, factor: int) -> Image.Image:
    """In RGB, each pixel the mean of `factor` × `factor` of the image's."""
    peak = _peak(image)
    if factor == 1:
        return _rgb(image, peak)
    small = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    for row in range(0, small.height, BAND_ROWS):
        bottom = min(image.height, (row + BAND_ROWS) * factor)
        band = image.crop((0, row * factor, image.width, bottom))
        small.paste(_rgb(band, peak).reduce(factor), (0, row))
    return small


def _peak(image: Image.Image) -> float | None:
    """What is white in a photo whose greys have more than 8 bits; None for all others."""
    if not image.mode.startswith(("I", "F")):
        return None
    if image.mode.startswith("I;16"):
        return 65535.0
    _, brightest = image.getextrema()
    return 65535.0 if float(str(brightest)) > 255 else 255.0


def _rgb(image: Image.Image, peak: float | None) -> Image.Image:
    if image.mode == "RGB":
        return image
    if peak is not None:
        # Pillow would clip these greys at 255.
        values = np.asarray(image).astype(np.float32) * (255.0 / peak)
        return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        white = Image.new("RGBA", layers.size, "white")
        return Image.alpha_composite(white, layers).convert("RGB")
    return image.convert("RGB")


def _reason(error: Exception) -> str:
    """Pillow's sentence, shortened; its messages hold no path when it reads from memory."""
    return str(error).partition("\n")[0][:100] or type(error).__name__
