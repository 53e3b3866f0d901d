"""What a route is: an address, what is sent there, what comes back, and how that is described."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Generic, TypeVar

from msgspec import Struct

from search_faces.service import Service

Request = TypeVar("Request", bound=Struct)
Answer = TypeVar("Answer", bound=Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a body may be beside JSON.

    `fields` of the request stand in the body only, never in the address. `files` are those that
    files of a form are for, and how many at most. With `is_photo`, the whole body may be one.
    """

    fields: Sequence[str] = ()
    files: Mapping[str, int] = field(default_factory=dict)
    is_photo: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Route(Generic[Request, Answer]):
    """One method of one path, such as `/v1/faces/{face_id}`; `open` routes need no key.

    `respond` is a plain function: from the request, and what the service works with, to the answer.
    """

    method: str
    path: str
    respond: Callable[[Request, Service], Answer]
    request: type[Request]
    answer: type[Answer]
    body: Body | None = None
    open: bool = False
    shrinks: bool = False
    """Whether Lambda compresses the answer for those who take it so: pictures only cost time."""
    status: HTTPStatus = HTTPStatus.OK
    failure: HTTPStatus | None = None
    """The status when the service fails to answer, whatever it is elsewhere."""

    tag: str
    description: str = ""
    problems: Sequence[str] = ()
    """The codes of those that are not every route's."""
    examples: Mapping[str, object] = field(default_factory=dict)
    """Bodies in JSON, by what they show."""

    @property
    def name(self) -> str:
        return self.respond.__name__

    @property
    def summary(self) -> str:
        return str(self.respond.__doc__).partition("\n")[0].removesuffix(".")
