"""What a route is: its method and path, its request and answer types, and its description."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Generic, TypeVar

from msgspec import Struct

from search_faces.service import SearchService

Request = TypeVar("Request", bound=Struct)
Answer = TypeVar("Answer", bound=Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a body may hold. It may always be JSON.

    `fields` of the request may stand in the body only, never in the address. `files` are the
    fields for files of a form, with the most files of each. With `is_photo`, the body may be a
    photo.
    """

    fields: Sequence[str] = ()
    files: Mapping[str, int] = field(default_factory=dict)
    is_photo: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Route(Generic[Request, Answer]):
    """One method of one path, such as `/v1/faces/{face_id}`; `open` routes need no key.

    `respond` is a plain function of the request and the service. It returns the answer.
    """

    method: str
    path: str
    respond: Callable[[Request, SearchService], Answer]
    request: type[Request]
    answer: type[Answer]
    body: Body | None = None
    open: bool = False
    compress: bool = False
    """Whether Lambda compresses the answer. Answers with pictures would not get smaller."""
    status: HTTPStatus = HTTPStatus.OK
    failure: HTTPStatus | None = None
    """The status for all errors of the service itself, instead of those in the table."""

    tag: str
    description: str = ""
    problems: Sequence[str] = ()
    """Codes of its problems, without those that every route has."""
    examples: Mapping[str, object] = field(default_factory=dict)
    """JSON bodies by what they show."""

    @property
    def name(self) -> str:
        return self.respond.__name__

    @property
    def summary(self) -> str:
        return str(self.respond.__doc__).partition("\n")[0].removesuffix(".")
