"""What answers add to stored faces on request: thumbnails and URLs of photos."""

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from facesearch.errors import InvalidRequest
from facesearch.faces import DetectedFace, StoredFace
from facesearch.photos.places import Photos
from facesearch.photos.thumbnails import thumbnail, thumbnails
from facesearch.vision.images import DecodedImage

MAX_THUMBNAILS = 200
"""The most thumbnails in one answer: an answer of Lambda holds 6 MB."""


@dataclass(frozen=True, slots=True)
class Extras:
    """Thumbnails (data URLs) by face id and URLs by photo id, where asked for.

    None means that a photo has none.
    """

    boxes: bool = True
    thumbnails: Mapping[str, str | None] = field(default_factory=dict)
    photo_urls: Mapping[str, str | None] = field(default_factory=dict)


def extras_of(
    faces: Sequence[StoredFace], include: Collection[str], photos: Photos, besides: int = 0
) -> Extras:
    """Make what `include` asks for. Raises `InvalidRequest` for too many thumbnails.

    The answer holds those of `besides` other faces, too.
    """
    made: dict[str, str | None] = {}
    if "thumbnails" in include:
        _check_number(len({face.face_id for face in faces}) + besides)
        drawn = thumbnails(faces, photos.read)
        made = {each: data_url(jpeg) if jpeg else None for each, jpeg in drawn.items()}
    urls: dict[str, str | None] = {}
    if "photo_urls" in include:
        urls = {each: photos.url(each) for each in {face.photo.photo_id for face in faces}}
    return Extras("boxes" in include, made, urls)


def query_thumbnails(
    photo: DecodedImage, faces: Sequence[DetectedFace], include: Collection[str]
) -> list[str]:
    """Thumbnails of all faces of the query photo, if `include` asks for them.

    Raises `InvalidRequest` for too many.
    """
    if "thumbnails" not in include:
        return []
    _check_number(len(faces))
    return [data_url(thumbnail(photo, face.box)) for face in faces]


def _check_number(thumbnails: int) -> None:
    if thumbnails > MAX_THUMBNAILS:
        raise InvalidRequest(
            f"the answer would hold {thumbnails} thumbnails, {MAX_THUMBNAILS} fit: lower k, search "
            "for one face, or leave thumbnails out"
        )


def data_url(jpeg: bytes) -> str:
    """The picture as text that a page can show."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
