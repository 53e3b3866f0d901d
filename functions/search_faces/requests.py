"""From an API Gateway event to what is searched for and where; everything odd is named."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass

from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent

from facesearch.errors import InvalidRequest, NotAnImage
from facesearch.searching import DEFAULT_K, Scope

QUERIES = ("image", "s3_key", "face_id")
METADATA = "metadata."
"""Prefix of query parameters: `?metadata.album=summer`."""


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


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One search."""

    query: Query
    scope: Scope


def parse_search(event: BaseProxyEvent) -> SearchRequest:
    """Raises `InvalidRequest`, or `NotAnImage` for a body of another content type."""
    content_type = event.headers.get("content-type") or "application/octet-stream"
    media = content_type.partition(";")[0].strip().lower()
    options: dict[str, object] = dict(_query_options(event.query_string_parameters))
    if media == "application/json":
        fields = _json_fields(_body(event))
        query = _query({name: fields.pop(name) for name in QUERIES if name in fields})
        _add(options, fields)
    elif media.startswith("image/") or media == "application/octet-stream":
        query = PhotoQuery(_body(event))
    else:
        raise NotAnImage(
            f"the body is of type '{media}': send a photo as image/jpeg or "
            "application/octet-stream, or JSON as application/json"
        )
    return SearchRequest(query, _scope(options))


def _body(event: BaseProxyEvent) -> bytes:
    body = event.body or ""
    return base64.b64decode(body) if event.is_base64_encoded else body.encode()


def _json_fields(body: bytes) -> dict[str, object]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("the body is not JSON: send an object") from error
    if not isinstance(fields, dict):
        raise InvalidRequest('the body is not a JSON object: send {"image": "<base64>"}')
    return fields


def _query(given: Mapping[str, object]) -> Query:
    if len(given) != 1:
        raise InvalidRequest(
            f"{' and '.join(given) or 'nothing to search for'} was given: "
            f"send exactly one of {', '.join(QUERIES)}"
        )
    ((name, value),) = given.items()
    text = _text(name, value)
    if name == "face_id":
        return FaceQuery(text)
    return BucketQuery(text) if name == "s3_key" else PhotoQuery(_decoded(text))


def _decoded(text: str) -> bytes:
    try:
        # Command-line tools break lines.
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("image is not base64: encode the photo's bytes") from error


def _query_options(parameters: Mapping[str, str]) -> Mapping[str, object]:
    options: dict[str, object] = {}
    metadata: dict[str, str] = {}
    for name, value in parameters.items():
        if name.startswith(METADATA):
            metadata[name.removeprefix(METADATA)] = value
        elif name == "k":
            options[name] = _number(value)
        else:
            options[name] = value
    return {**options, "metadata": metadata} if metadata else options


def _number(text: str) -> int:
    if not (text.isascii() and text.removeprefix("-").isdecimal() and len(text) < 10):
        raise InvalidRequest(f"k is '{text[:20]}': use a number")
    return int(text)


def _add(options: dict[str, object], fields: Mapping[str, object]) -> None:
    for name, value in fields.items():
        if name in options:
            raise InvalidRequest(f"{name} is given in the address and in the body: give it once")
        options[name] = value


def _scope(options: dict[str, object]) -> Scope:
    k = options.pop("k", DEFAULT_K)
    if not isinstance(k, int) or isinstance(k, bool):
        raise InvalidRequest("k is not a whole number")
    collection = options.pop("collection", None)
    metadata = options.pop("metadata", {})
    if not isinstance(metadata, dict):
        raise InvalidRequest("metadata is not an object of names and texts")
    if options:
        raise InvalidRequest(
            f"'{next(iter(options))[:50]}' is not understood: use k, collection and metadata"
        )
    return Scope(
        k=k,
        collection=None if collection is None else _text("collection", collection),
        metadata={name: _text(METADATA + name, value) for name, value in metadata.items()} or None,
    )


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidRequest(f"{name[:50]} is not a text, or empty")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"{name[:50]} is not valid Unicode") from error
    return value
