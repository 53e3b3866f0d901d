"""The API's routes, as the gateway knows them."""

from dataclasses import dataclass

_CONTENT_TYPE = "method.request.header.Content-Type"


@dataclass(frozen=True, slots=True)
class Route:
    """`open` routes need no key; `required` request parameters are checked by the gateway."""

    method: str
    path: str
    open: bool = False
    required: tuple[str, ...] = ()


ROUTES = (
    Route("POST", "/search", required=(_CONTENT_TYPE,)),
    Route("GET", "/health", open=True),
)
