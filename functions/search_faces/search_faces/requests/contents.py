"""A request's body, whatever its type: files, options in a form, and the fields of JSON."""

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent

from facesearch.errors import InvalidRequest, NotAnImage
from search_faces.requests.options import Options, from_texts

DEFAULT_TYPE = "application/octet-stream"


@dataclass(slots=True)
class Content:
    """Files by the name of their field, and what else was in the body."""

    files: dict[str, list[bytes]] = field(default_factory=dict)
    options: Options = field(default_factory=dict)
    fields: Options = field(default_factory=dict)


def read_content(event: BaseProxyEvent, files: Sequence[str], *, alone: bool = True) -> Content:
    """`files` are the fields of a form that hold files; the first is a body `alone`, if allowed.

    Raises `InvalidRequest`, or `NotAnImage` for a body of another content type.
    """
    content_type = event.headers.get("content-type") or DEFAULT_TYPE
    media = content_type.partition(";")[0].strip().lower()
    if media == "application/json":
        return Content(fields=_json_fields(_body(event)))
    if media == "multipart/form-data":
        return _form(_body(event), content_type, files)
    if alone and (media.startswith("image/") or media == DEFAULT_TYPE):
        return Content({files[0]: [_body(event)]})
    photo = "a photo as image/jpeg or application/octet-stream, " if alone else ""
    raise NotAnImage(
        f"the body is of type '{media[:50]}': send {photo}JSON as application/json, or a form "
        "as multipart/form-data"
    )


def _body(event: BaseProxyEvent) -> bytes:
    body = event.body or ""
    return base64.b64decode(body) if event.is_base64_encoded else body.encode()


def _json_fields(body: bytes) -> Options:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("the body is not JSON: send an object") from error
    if not isinstance(fields, dict):
        raise InvalidRequest('the body is not a JSON object: send {"image": "<base64>"}')
    return fields


def _form(body: bytes, content_type: str, files: Iterable[str]) -> Content:
    # A few milliseconds of import that only forms need.
    from search_faces.requests.multipart import split_parts

    content = Content()
    texts: list[tuple[str, str]] = []
    for part in split_parts(body, content_type):
        if part.name in files:
            content.files.setdefault(part.name, []).append(part.data)
        elif part.is_file:
            raise InvalidRequest(
                f"the file '{part.name[:50]}' is not understood: name it {' or '.join(files)}"
            )
        else:
            texts.append((part.name, part.text))
    content.options = from_texts(texts)
    return content
