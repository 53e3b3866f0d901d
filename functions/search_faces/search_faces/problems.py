"""One table that turns every error into problem details (RFC 9457)."""

from dataclasses import dataclass
from http import HTTPStatus

from facesearch.errors import (
    BucketUnavailable,
    DamagedImage,
    DeletionOff,
    FacesearchError,
    HidingOff,
    ImageTooLarge,
    InputError,
    InvalidCollection,
    InvalidRequest,
    ModelError,
    NoFaceFound,
    NotAnImage,
    NotFound,
    PhotoArchived,
    PhotoKeyUnusable,
    ReadError,
    RecipeMismatch,
    SettingsError,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreNotFound,
    StoreUnavailable,
    UploadsOff,
)
from search_faces.contract.answers import ProblemDetails

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_S = 5


@dataclass(frozen=True, slots=True)
class HttpProblem:
    """An error as callers see it; `code` is stable, for programs."""

    status: HTTPStatus
    code: str
    title: str
    detail: str

    @property
    def headers(self) -> dict[str, str | list[str]]:
        if self.status is HTTPStatus.SERVICE_UNAVAILABLE:
            return {"Retry-After": str(RETRY_AFTER_S)}
        if self.code == DeletionOff.code:
            return {"Allow": "GET"}
        return {}

    def details(self, request_id: str) -> ProblemDetails:
        """The problem details that answer a request."""
        kind = f"urn:facesearch:problem:{self.code}"
        status = self.status.value
        return ProblemDetails(kind, self.title, status, self.detail, self.code, request_id)


@dataclass(frozen=True, slots=True)
class _Kind:
    """The status and title of a type of error.

    `detail` replaces the messages of errors that only the operator can mend.
    """

    status: HTTPStatus
    title: str
    detail: str = ""


_FAILED = _Kind(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "The service is out of order",
    "the service failed: its operator finds the cause in the log by the request id",
)
_UNAVAILABLE = _Kind(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The service is not available now",
    "a part that it depends on does not answer: try again in a few seconds",
)

KINDS: dict[type[FacesearchError], _Kind] = {
    BucketUnavailable: _UNAVAILABLE,
    # A damaged image is one, so 415 would be wrong: the content cannot be processed.
    DamagedImage: _Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "The image is damaged"),
    DeletionOff: _Kind(HTTPStatus.METHOD_NOT_ALLOWED, "This service deletes no photos"),
    FacesearchError: _FAILED,
    HidingOff: _Kind(HTTPStatus.CONFLICT, "This service hides no faces"),
    ImageTooLarge: _Kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The image is too large"),
    InputError: _Kind(HTTPStatus.BAD_REQUEST, "The request cannot be answered"),
    InvalidCollection: _Kind(HTTPStatus.BAD_REQUEST, "That is no name for a collection"),
    InvalidRequest: _Kind(HTTPStatus.BAD_REQUEST, "The request is not understood"),
    ModelError: _FAILED,
    NoFaceFound: _Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "There is no face in the photo"),
    NotAnImage: _Kind(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "That is not a photo"),
    NotFound: _Kind(HTTPStatus.NOT_FOUND, "Not found"),
    PhotoArchived: _Kind(HTTPStatus.CONFLICT, "The photo is archived"),
    PhotoKeyUnusable: _Kind(HTTPStatus.CONFLICT, "The photo cannot be decrypted"),
    ReadError: _UNAVAILABLE,
    RecipeMismatch: _Kind(
        HTTPStatus.CONFLICT,
        "The stored faces cannot be compared with this photo",
        "the stored faces were indexed with other models than those in use: the "
        "operator has to index again",
    ),
    SettingsError: _FAILED,
    StoreDamaged: _FAILED,
    StoreError: _FAILED,
    StoreFull: _FAILED,
    StoreNotFound: _Kind(
        HTTPStatus.NOT_FOUND, "Not found", "nothing has been indexed yet: upload photos first"
    ),
    StoreUnavailable: _UNAVAILABLE,
    UploadsOff: _Kind(HTTPStatus.CONFLICT, "This service takes no photos"),
}


def problem_of(error: FacesearchError) -> HttpProblem:
    """The problem of an error, by its type or the nearest base type in the table."""
    kind = next(KINDS[each] for each in type(error).__mro__ if each in KINDS)
    return HttpProblem(kind.status, error.code, kind.title, kind.detail or str(error))


def unexpected_problem() -> HttpProblem:
    """The problem for an unexpected error."""
    return HttpProblem(_FAILED.status, "internal_error", _FAILED.title, _FAILED.detail)


def method_problem(allowed: str) -> HttpProblem:
    """The problem for a path that does not take this method."""
    return HttpProblem(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "The method is not allowed",
        f"this path does not take the method: use {allowed}",
    )


def body_problem(limit: int) -> HttpProblem:
    """The problem for a request body of more than `limit` bytes."""
    return HttpProblem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "request_too_large",
        "The request is too large",
        f"the body has more than {limit // 2**20} MB: scale the photo down first",
    )
