"""What is looked for: photos that came along, photos in the bucket, stored faces."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from facesearch.errors import InvalidRequest
from search_faces.requests.options import Options, text_of

QUERIES = ("image", "s3_key", "face_id")


@dataclass(frozen=True, slots=True)
class PhotoQuery:
    """The photo that came with the request."""

    photo: bytes


@dataclass(frozen=True, slots=True)
class BucketQuery:
    """A photo in the bucket, by key."""

    key: str


@dataclass(frozen=True, slots=True)
class FaceQuery:
    """A stored face, by id."""

    face_id: str


Query = PhotoQuery | BucketQuery | FaceQuery


def queries_of(fields: Options, prefix: str = "") -> list[Query]:
    """Taken out of a JSON object's fields; `prefix` is put before names in errors."""
    queries: list[Query] = []
    for name in QUERIES:
        value = fields.pop(name, ())
        for each in value if isinstance(value, list | tuple) else [value]:
            queries.append(_query(name, prefix + name, each))
    return queries


def only_query(queries: Sequence[Query], wanted: str) -> Query:
    """The one there is; `wanted` says what to send."""
    if len(queries) != 1:
        given = f"{len(queries)} were given" if queries else "nothing was given"
        raise InvalidRequest(f"{given}: send {wanted}, and exactly one")
    return queries[0]


def _query(name: str, label: str, value: object) -> Query:
    text = text_of(label, value)
    if name == "face_id":
        return FaceQuery(text)
    return BucketQuery(text) if name == "s3_key" else PhotoQuery(_decoded(label, text))


def _decoded(label: str, text: str) -> bytes:
    try:
        # Command-line tools break lines.
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(f"{label} is not base64: encode the photo's bytes") from error
