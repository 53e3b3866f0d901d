"""Requests, answers and routes as every world has them: nothing of API Gateway or of a server."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from search_faces.service import Service


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """`path_params` are the parts of the path that its route names; headers are in lower case."""

    method: str
    path: str
    path_params: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes
    request_id: str


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A header with several values is sent once for each."""

    status: int
    headers: Mapping[str, str | list[str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Route:
    """`path` is such as `/faces/{face_id}/matches`; `open` ones answer without a key.

    `answer` is called by several threads at once. It raises nothing that can be expected.
    """

    method: str
    path: str
    open: bool
    answer: Callable[[Service, HttpRequest], HttpAnswer]
