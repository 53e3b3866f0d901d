"""Requests and answers as the routes know them, whatever serves them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DEFAULT_TYPE = "application/octet-stream"
"""Of a body of which nothing else is known."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """`path` has no query and no stage before it; names of headers are in lower case.

    `browser_path` is the path that a browser knows, the stage included: links are relative to it.
    """

    method: str
    path: str
    path_params: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes
    request_id: str = ""
    browser_path: str = ""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """`headers` holds the Content-Type of a body; what serves the answer adds its length."""

    status: int
    headers: Mapping[str, str | list[str]]
    body: bytes
