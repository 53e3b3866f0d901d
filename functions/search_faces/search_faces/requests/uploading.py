"""What a caller tells of a photo that is to be uploaded."""

import re

from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent

from facesearch.collections import checked_name
from facesearch.errors import ImageTooLarge, InvalidRequest, NotAnImage
from facesearch.photos.reading import MAX_FILE_BYTES
from search_faces.requests.contents import DEFAULT_TYPE, read_content
from search_faces.requests.options import METADATA, merged, options_of, refuse_rest, text_of
from search_faces.uploads import NewPhoto
from search_faces.uploads.names import ENDINGS, safe_name, type_of

FIELDS = ("filename", "content_type", "size", "collection", "metadata")

MAX_METADATA_BYTES = 1024
"""Names and values in UTF-8. S3 keeps 2 KB, but what is not ASCII grows when it is encoded."""

_METADATA_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
"""S3 keeps names as HTTP's headers have them, in lower case."""


def parse_upload(event: BaseProxyEvent) -> NewPhoto:
    """Raises `InvalidRequest`, `InvalidCollection`, `NotAnImage` or `ImageTooLarge`."""
    content = read_content(event, files=(), alone=False)
    options = merged(options_of(event), content.options, content.fields)
    filename = text_of("filename", options.pop("filename", None))
    told = text_of("content_type", options.pop("content_type", None))
    media_type = _media_type(told, filename)
    _check_size(options.pop("size", None))
    collection = None
    if "collection" in options:
        collection = checked_name(text_of("collection", options.pop("collection")))
    metadata = _metadata(options.pop("metadata", {}))
    refuse_rest(options, FIELDS)
    return NewPhoto(safe_name(filename, media_type), media_type, collection, metadata)


def _media_type(told: str, filename: str) -> str:
    media_type = told.partition(";")[0].strip().lower()
    # Browsers that do not know a type say so: HEIC, often.
    found = type_of(filename) if media_type == DEFAULT_TYPE else media_type
    if found is None or found not in ENDINGS:
        raise NotAnImage(
            f"'{media_type[:50]}' is no photo of a known type: use {', '.join(ENDINGS)}"
        )
    return found


def _check_size(size: object) -> None:
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise InvalidRequest("size is not a number of bytes: use 1 or more")
    if size > MAX_FILE_BYTES:
        raise ImageTooLarge(
            f"the photo is larger than {MAX_FILE_BYTES // 2**20} MB: scale it down first"
        )


def _metadata(given: object) -> dict[str, str]:
    if not isinstance(given, dict):
        raise InvalidRequest("metadata is not an object of names and texts")
    metadata = {name: text_of(METADATA + name, value) for name, value in given.items()}
    for name, value in metadata.items():
        if not _METADATA_NAME.fullmatch(name):
            raise InvalidRequest(
                f"the metadata's name {name[:40]!r} is not understood: use a to z in lower case, "
                "digits, dots, dashes and underscores"
            )
        if value != value.strip() or not value.isprintable():
            raise InvalidRequest(
                f"{METADATA}{name[:40]} starts or ends with a space, or holds a character that "
                "cannot be seen"
            )
    if sum(len(name) + len(value.encode()) for name, value in metadata.items()) > (
        MAX_METADATA_BYTES
    ):
        raise InvalidRequest(f"the metadata has more than {MAX_METADATA_BYTES} bytes: send less")
    return metadata
