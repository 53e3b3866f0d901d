"""Photos by id, wherever they are, and thumbnails of the faces in them."""

import io
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from PIL import Image

from facesearch.errors import FacesearchError, InputError, ReadError
from facesearch.faces import BoundingBox, StoredFace
from facesearch.images import DecodedImage, decode_image

if TYPE_CHECKING:
    from facesearch.indexing import PhotoContent, ReadPhoto
    from facesearch.s3 import S3Photos

JPEG_QUALITY = 85


class Photos:
    """Reads from S3 and from this machine's files."""

    def read(self, photo_id: str) -> "PhotoContent":
        """An `indexing.ReadPhoto`."""
        if _is_in_s3(photo_id):
            return self._s3.read(photo_id)
        from facesearch.folders import read_photo

        return read_photo(photo_id)

    def url(self, photo_id: str) -> str | None:
        """Where anyone can fetch the photo for a while; None when it is not in S3."""
        return self._s3.url(photo_id) if _is_in_s3(photo_id) else None

    @cached_property
    def _s3(self) -> "S3Photos":
        # boto3 takes half a second to import: only for what is in S3.
        from facesearch.s3 import S3Photos, open_client

        return S3Photos(open_client())


def thumbnails(faces: Iterable[StoredFace], read: "ReadPhoto") -> dict[str, bytes | None]:
    """A JPEG for each face by its id; None where the photo cannot be read now.

    Photos are read concurrently, and decoded one by one: only the small pictures stay in memory.
    """
    # Most searches read no photos, and their function starts sooner without it.
    from facesearch.indexing import read_ahead

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
    # It draws captions, too: that takes a while to import.
    from facesearch.grid import cut_out

    return _jpeg(cut_out(photo, box))


def _jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def _is_in_s3(photo_id: str) -> bool:
    return photo_id.startswith("s3://")
