"""What a route answers with when all is well."""

from typing import get_args, get_type_hints

from aws_lambda_powertools.event_handler.api_gateway import Route
from typing_extensions import is_typeddict

from facesearch_local.openapi.headers import ANSWER_HEADERS, ETAG_HEADERS
from facesearch_local.openapi.operations import Operation
from facesearch_local.openapi.requests import BINARY
from facesearch_local.openapi.types import Json, Types
from search_faces import schemas
from search_faces.static import TYPES

_SERVED = {kind.partition(";")[0]: kind for kind in TYPES.values()}
"""With their character sets."""


def answers_of(route: Route, operation: Operation, types: Types) -> dict[str, Json]:
    """By status."""
    if not operation.media:
        kind = _answer_type(route)
        # The first sentence of the type's own description.
        content = {"application/json": {"schema": types.schema(kind)}}
        return {str(operation.status.value): _answer(str(kind.__doc__).partition("\n")[0], content)}
    binary = any(media.startswith("image/jpeg") for media in operation.media)
    schema = BINARY if binary else {"type": "string"}
    content = {
        _SERVED.get(media, media): {} if media == "application/json" else {"schema": schema}
        for media in operation.media
    }
    answers = {"200": _answer("As it is", content)}
    if not operation.closed:
        answers["200"]["headers"] |= ETAG_HEADERS
        answers["304"] = _answer("The caller has it already (`If-None-Match`)")
    if operation.redirects:
        answers["308"] = _answer("To the same with the right slash at its end")
    return answers


def _answer(description: str, content: Json = None) -> dict[str, Json]:
    told = {"description": description, "headers": dict(ANSWER_HEADERS)}
    return told | ({"content": content} if content else {})


def _answer_type(route: Route) -> type:
    """The TypedDict that the route's function says it returns."""
    names = {**vars(schemas), **route.func.__globals__}
    hint = get_type_hints(route.func, names)["return"]
    (kind,) = (each for each in (hint, *get_args(hint)) if is_typeddict(each))
    found: type = kind
    return found
