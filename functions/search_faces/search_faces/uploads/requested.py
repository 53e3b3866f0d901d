"""Check what a caller says of a photo to upload."""

import re
from collections.abc import Mapping

from facesearch.collections import check_collection_name
from facesearch.errors import ImageTooLarge, InvalidRequest, NotAnImage
from facesearch.faces import DEFAULT_COLLECTION
from facesearch.photos.reading import MAX_FILE_BYTES
from facesearch.vision.formats import EXTENSIONS_BY_TYPE
from search_faces.contract.answers import EXTERNAL_ID
from search_faces.contract.requests import MAX_METADATA_BYTES, UploadRequest
from search_faces.http import DEFAULT_TYPE
from search_faces.uploads import NewPhoto
from search_faces.uploads.names import content_name, safe_name, type_of

_METADATA_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
"""S3 keeps names as HTTP's headers have them, in lower case."""


def new_photo(request: UploadRequest) -> NewPhoto:
    """Check an upload request, and name the photo.

    Raises `InvalidRequest`, `InvalidCollection`, `NotAnImage` or `ImageTooLarge`.
    """
    media_type = _media_type(request.content_type, request.filename)
    if request.size > MAX_FILE_BYTES:
        raise ImageTooLarge(
            f"the photo is larger than {MAX_FILE_BYTES // 2**20} MB: scale it down first"
        )
    collection = check_collection_name(request.collection) if request.collection else None
    metadata = dict(request.metadata)
    external_id = request.external_id or None
    if external_id and metadata.setdefault(EXTERNAL_ID, external_id) != external_id:
        raise InvalidRequest(
            f"external_id and metadata.{EXTERNAL_ID} are two: give the photo one name"
        )
    _check_metadata(metadata)
    sha256 = request.sha256 or ""
    name = (
        content_name(sha256, collection or DEFAULT_COLLECTION, media_type)
        if sha256
        else safe_name(request.filename, media_type)
    )
    return NewPhoto(name, media_type, request.size, collection, metadata, sha256)


def _media_type(content_type: str, filename: str) -> str:
    media_type = content_type.partition(";")[0].strip().lower()
    # Browsers that do not know a type say so: HEIC, often.
    known = type_of(filename) if media_type == DEFAULT_TYPE else media_type
    if known is None or known not in EXTENSIONS_BY_TYPE:
        raise NotAnImage(
            f"'{media_type[:50]}' is no photo of a known type: use {', '.join(EXTENSIONS_BY_TYPE)}"
        )
    return known


def _check_metadata(metadata: Mapping[str, str]) -> None:
    for name, value in metadata.items():
        if not _METADATA_NAME.fullmatch(name):
            raise InvalidRequest(
                f"the metadata's name {name[:40]!r} is not understood: use a to z in lower case, "
                "digits, dots, dashes and underscores"
            )
        if value != value.strip() or not value.isprintable():
            raise InvalidRequest(
                f"metadata.{name[:40]} starts or ends with a space, or holds a character that "
                "cannot be seen: leave it out"
            )
    if sum(len(name) + len(value.encode()) for name, value in metadata.items()) > (
        MAX_METADATA_BYTES
    ):
        raise InvalidRequest(f"the metadata has more than {MAX_METADATA_BYTES} bytes: send less")
