"""The API's routes, as the gateway knows them: a test compares them with the function's own."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """`open` routes answer without a key."""

    method: str
    path: str
    open: bool = False


ROUTES = (
    Route("POST", "/search"),
    Route("GET", "/health", open=True),
)
