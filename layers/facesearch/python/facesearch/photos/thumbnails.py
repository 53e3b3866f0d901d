"""Pictures of stored faces, cut out of the photos that they are in."""

import io
from collections.abc import Iterable, Sequence

from PIL import Image, ImageDraw

from facesearch.errors import FacesearchError, InputError, ReadError
from facesearch.faces import BoundingBox, StoredFace
from facesearch.photos.reading import ReadPhoto, read_ahead
from facesearch.vision.images import DecodedImage, decode_image

JPEG_QUALITY = 85

TILE = 216
"""Sides of a thumbnail, in pixels."""

SMOOTH = 4
"""Lines are drawn this many times larger, then scaled down, so that they are smooth."""

EMPTY = "#dde1e7"
"""The colour beyond the photo's edge."""

PREVIEW = 1600
"""The longest side of a whole photo as it is shown, in pixels."""

_CONTEXT = 1.9
"""Sides of the square cut out around a face, in longer sides of its box."""


def thumbnails(faces: Iterable[StoredFace], read: ReadPhoto) -> dict[str, bytes | None]:
    """A JPEG for each face by its id; None where the photo cannot be read now.

    Photos are read concurrently, and decoded one by one: only the small pictures stay in memory.
    """
    by_photo: dict[str, dict[str, BoundingBox]] = {}
    for face in faces:
        by_photo.setdefault(face.photo.photo_id, {})[face.face_id] = face.face.detected.box
    made: dict[str, bytes | None] = {}
    for boxes, content in zip(by_photo.values(), read_ahead(read, list(by_photo)), strict=True):
        try:
            if isinstance(content, FacesearchError):
                raise content
            photo = decode_image(content.data)
        except (InputError, ReadError):
            made |= dict.fromkeys(boxes)
        else:
            made |= {face_id: thumbnail(photo, box) for face_id, box in boxes.items()}
    return made


def thumbnail(photo: DecodedImage, box: BoundingBox) -> bytes:
    """The face at `box` (pixels of the upright original) with its surroundings, as a JPEG."""
    return _jpeg(cut_out(photo, box))


def preview(photo: DecodedImage) -> bytes:
    """The whole photo, upright and no larger than `PREVIEW`, as a JPEG."""
    picture = photo.image.copy()
    picture.thumbnail((PREVIEW, PREVIEW), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return _jpeg(picture)


def _jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def cut_out(photo: DecodedImage, box: BoundingBox) -> Image.Image:
    """The face at `box` (pixels of the upright original) with its surroundings, outlined."""
    across, down = photo.scale
    left, top = box.left / across, box.top / down
    width, height = box.width / across, box.height / down
    face = max(width, height, 1.0)
    # Less context where the photo has no more, but never less than the face.
    side = max(face, min(face * _CONTEXT, *photo.image.size))
    x = _inside(left + width / 2 - side / 2, side, photo.image.width)
    y = _inside(top + height / 2 - side / 2, side, photo.image.height)
    scale = TILE / side
    outline = (left - x, top - y, left - x + width, top - y + height)
    return _outlined(_square(photo.image, x, y, side), [edge * scale for edge in outline])


def _square(image: Image.Image, x: float, y: float, side: float) -> Image.Image:
    """The square at x, y as a tile; what lies outside the image is left empty."""
    scale = TILE / side
    region = max(0.0, x), max(0.0, y), min(x + side, image.width), min(y + side, image.height)
    size = [max(1, round((region[axis + 2] - region[axis]) * scale)) for axis in (0, 1)]
    cut = image.resize((size[0], size[1]), Image.Resampling.LANCZOS, box=region, reducing_gap=2.0)
    tile = Image.new("RGB", (TILE, TILE), EMPTY)
    tile.paste(cut, (round((region[0] - x) * scale), round((region[1] - y) * scale)))
    return tile


def _inside(start: float, length: float, available: float) -> float:
    """Shift `start` so that the length stays inside; centre the length if it does not fit."""
    if length >= available:
        return (available - length) / 2
    return min(max(start, 0.0), available - length)


def _outlined(tile: Image.Image, edges: Sequence[float]) -> Image.Image:
    """A white line around the face, with a shade that keeps it visible on white."""
    mask = Image.new("L", (TILE * SMOOTH, TILE * SMOOTH))
    corners = [edge * SMOOTH for edge in edges]
    draw = ImageDraw.Draw(mask)
    draw.rounded_rectangle(corners, radius=6 * SMOOTH, outline=90, width=4 * SMOOTH)
    shade = mask.reduce(SMOOTH)
    draw.rounded_rectangle((0, 0, *mask.size), fill=0)
    inner = [corners[0] + SMOOTH, corners[1] + SMOOTH, corners[2] - SMOOTH, corners[3] - SMOOTH]
    draw.rounded_rectangle(inner, radius=5 * SMOOTH, outline=255, width=2 * SMOOTH)
    line = mask.reduce(SMOOTH)
    outlined = tile.copy()
    outlined.paste("black", (0, 0), shade)
    outlined.paste("white", (0, 0), line)
    return outlined
