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

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
MAX_PIXELS = 100_000_000
"""Beyond any camera worth having, and what decodes within 700 MB in the worst format."""

WORKING_SIDE = 1280
"""Photos are reduced by whole factors while their longer side stays at least this long."""


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
    except Exception as error:  # noqa: BLE001
        # Decoders raise whatever they stumble on in hostile data: no list of types is complete.
        raise DamagedImage(f"the image is damaged ({_reason(error)}): export it again") from error


def _decode(data: bytes) -> DecodedImage:
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise ImageTooLarge(
                f"the image has {width}×{height} pixels, the limit is {MAX_PIXELS:,}: "
                "scale it down first"
            )
        factor = max(1, max(width, height) // WORKING_SIDE)
        if factor > 1:
            # JPEG decodes at 1/2, 1/4 or 1/8 in a fraction of the time.
            image.draft("RGB", (width // factor, height // factor))
        image.load()
        turn = _TURNS.get(_orientation(image))
        upright = _rgb(_reduced(image))
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


def _reduced(image: Image.Image) -> Image.Image:
    factor = max(image.size) // WORKING_SIDE
    # A palette's numbers cannot be averaged, and 16-bit and bilevel modes are not supported.
    if factor < 2 or image.mode not in ("L", "LA", "RGB", "RGBA", "CMYK", "YCbCr"):
        return image
    return image.reduce(factor)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_eight_bits(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        white = Image.new("RGBA", layers.size, "white")
        return Image.alpha_composite(white, layers).convert("RGB")
    return image.convert("RGB")


def _eight_bits(grey: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Greys of 16 bits or floats, which Pillow would clip at 255."""
    values = grey.astype(np.float32)
    peak = 65535.0 if values.max(initial=0.0) > 255 else 255.0
    scaled: NDArray[np.uint8] = np.clip(values * (255.0 / peak), 0, 255).astype(np.uint8)
    return scaled


def _reason(error: Exception) -> str:
    """Pillow's sentence, shortened; its messages hold no path when it reads from memory."""
    return str(error).partition("\n")[0][:100] or type(error).__name__
