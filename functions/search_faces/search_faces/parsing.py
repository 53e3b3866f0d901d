"""Parse an HTTP request into the typed request of its route."""

import base64
import binascii
import json
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from facesearch.errors import InvalidRequest, NotAnImage
from facesearch.fields import (
    Fields,
    convert,
    fields_of,
    from_text,
    is_mapping,
    shorten,
    unknown_name,
)
from search_faces.http import DEFAULT_TYPE, HttpRequest
from search_faces.routing import Body, Request, Route

if TYPE_CHECKING:
    from search_faces.multipart import Part

PHOTO = "photo"
"""The name of the field that holds a photo, in JSON and in forms."""

_REPLACED = "\ufffd"

Values = dict[str, Any]
"""Values by the names of fields, not checked yet: JSON's types, and bytes for a photo."""


def parse_request(route: Route[Request, Any], request: HttpRequest) -> Request:
    """Parse a request. Raises `InvalidRequest`, naming the field.

    Raises `NotAnImage` for a body of another content type.
    """
    body = route.body
    own = (*request.path_params, *(body.fields if body else ()))
    options = {name: kind for name, kind in fields_of(route.request).items() if name not in own}
    _check_decoded(request.query)
    address = _from_texts(request.query, options)
    values = _read_body(body, request, options) if body else {}
    for name in values:
        if name in address:
            raise InvalidRequest(
                f"{shorten(name)} is given in the address and in the body: give it once"
            )
    return convert({**request.path_params, **address, **values}, route.request)


def _check_decoded(query: Iterable[tuple[str, str]]) -> None:
    """Raise `InvalidRequest` for an address that was not UTF-8.

    API Gateway and the local server put U+FFFD in the place of such bytes, and options would mean
    what nobody asked for.
    """
    if any(_REPLACED in name or _REPLACED in text for name, text in query):
        raise InvalidRequest(
            "the address holds bytes that are not UTF-8: encode the texts of its options "
            "in UTF-8, and send the sign U+FFFD in a body only"
        )


def _from_texts(
    given: Iterable[tuple[str, str]], options: Fields, *, in_form: bool = False
) -> Values:
    """Raises `InvalidRequest` for an option that is unknown or given twice.

    Browsers send inputs that were not filled in: in a form, an empty text counts as not given,
    unless it is an empty list.
    """
    values: Values = {}
    for name, text in given:
        option, _, key = name.partition(".")
        if key and is_mapping(options.get(option)):
            place, entry = values.setdefault(option, {}), key
        elif is_mapping(options.get(name)):
            raise InvalidRequest(f"{name} is not an object of names and texts: use {name}.NAME")
        elif name in options:
            place, entry = values, name
        else:
            raise unknown_name(name, options)
        value = text if place is not values else from_text(text, options[name])
        if in_form and value == "":
            continue
        if entry in place:
            raise InvalidRequest(f"{shorten(name)} is given twice: give it once")
        place[entry] = value
    # Of metadata, each entry may be one that was not filled in.
    return {name: value for name, value in values.items() if value != {}}


def check_encoding(request: HttpRequest) -> None:
    """Raise `InvalidRequest` for a compressed body: it may hold more than any limit of a body."""
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        raise InvalidRequest(
            f"the body has the Content-Encoding '{encoding[:50]}': send it as it is, not compressed"
        )


def _read_body(body: Body, request: HttpRequest, options: Fields) -> Values:
    check_encoding(request)
    content_type = request.headers.get("content-type") or DEFAULT_TYPE
    media = content_type.partition(";")[0].strip().lower()
    if media == "application/json":
        return _from_json(request.body, body.fields)
    if media == "multipart/form-data":
        return _from_form(request.body, content_type, body.files, options)
    if body.is_photo and (media.startswith("image/") or media == DEFAULT_TYPE):
        return {PHOTO: request.body}
    photo = "a photo as image/jpeg or application/octet-stream, " if body.is_photo else ""
    raise NotAnImage(
        f"the body is of type '{media[:50]}': send {photo}JSON as application/json, or a form "
        "as multipart/form-data"
    )


def _from_json(body: bytes, fields: Collection[str]) -> Values:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("the body is not JSON: send an object") from error
    if not isinstance(values, dict):
        raise InvalidRequest('the body is not a JSON object: send one, such as {"photo": "…"}')
    _decode_photos(values, "")
    for name in fields:
        if isinstance(values.get(name), dict):
            _decode_photos(values[name], f"{name}.")
    return values


def _decode_photos(values: Values, prefix: str) -> None:
    photo = values.get(PHOTO)
    if isinstance(photo, str):
        values[PHOTO] = _decoded(prefix + PHOTO, photo)
    elif isinstance(photo, list):
        values[PHOTO] = [
            _decoded(prefix + PHOTO, each) if isinstance(each, str) else each for each in photo
        ]


def _decoded(name: str, text: str) -> bytes:
    """Decode base64 of either alphabet, with or without line breaks and padding."""
    if not text:
        raise InvalidRequest(f"{name} is not a text, or empty: send the photo's bytes in base64")
    if text[:5].lower() == "data:":
        head, _, text = text.partition(",")
        if not head.lower().endswith(";base64"):
            raise InvalidRequest(f"{name} is a data URL that is not in base64: encode its bytes")
        text = unquote(text)
    # Command-line tools break lines.
    text = "".join(text.split())
    if "-" in text or "_" in text:
        text = text.replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(f"{name} is not base64: encode the photo's bytes") from error


def _photo_of(part: "Part") -> bytes:
    """The bytes of a file, or of a text field: a `data:` URL, as in JSON, or the bytes."""
    if not part.is_file and part.data[:5].lower() == b"data:":
        return _decoded(part.name, part.text)
    return part.data


def _from_form(body: bytes, content_type: str, files: Mapping[str, int], options: Fields) -> Values:
    # Cold start: some milliseconds of import that only forms need.
    from search_faces.multipart import split_parts  # noqa: PLC0415

    photos_by_name: dict[str, list[bytes]] = {}
    texts: list[tuple[str, str]] = []
    for part in split_parts(body, content_type):
        if part.name in files:
            if part.data or part.is_file:
                photos_by_name.setdefault(part.name, []).append(_photo_of(part))
        elif part.is_file:
            raise InvalidRequest(
                f"the file '{part.name[:50]}' is not understood: name it {' or '.join(files)}"
            )
        else:
            texts.append((part.name, part.text))
    values = _from_texts(texts, options, in_form=True)
    for name, photos in photos_by_name.items():
        if files[name] == 1 and len(photos) > 1:
            raise InvalidRequest(f"{len(photos)} files are named {name}: send exactly one")
        photo = photos if files[name] > 1 else photos[0]
        values[name] = photo if name == PHOTO else {PHOTO: photo}
    return values
