"""HTTP requests and answers, the same for Lambda and the local server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DEFAULT_TYPE = "application/octet-stream"
"""The content type of a body that has none."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """`path` has no query and no stage before it; names of headers are in lower case.

    `browser_path` is the path that a browser knows, the stage included: links are relative to it.
    `key_id` names the caller's API key, and is not the key.
    """

    method: str
    path: str
    path_params: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes
    request_id: str = ""
    browser_path: str = ""
    key_id: str = ""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """`headers` holds the Content-Type of a body; the server adds the Content-Length."""

    status: int
    headers: Mapping[str, str | list[str]]
    body: bytes
