"""Files that are served as they are, under a strict policy; a browser asks whether they changed."""

from collections.abc import Mapping
from hashlib import sha256
from http import HTTPStatus
from pathlib import PurePath

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}


def static_answer(
    event: BaseProxyEvent, name: str, text: str, headers: Mapping[str, str | list[str]]
) -> Response[str]:
    """The text by the type of its name; nothing (304) when the caller has this very one."""
    # Weak: it may be sent compressed.
    etag = f'W/"{sha256(text.encode()).hexdigest()[:16]}"'
    headers = {
        **headers,
        "Cache-Control": "no-cache",
        "ETag": etag,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if etag in (event.headers.get("if-none-match") or ""):
        return Response(HTTPStatus.NOT_MODIFIED.value, headers=headers)
    return Response(HTTPStatus.OK.value, TYPES[PurePath(name).suffix], text, headers=headers)
