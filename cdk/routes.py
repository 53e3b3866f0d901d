"""The API's routes, as the gateway has to know them: from the document that describes the code."""

import json
from dataclasses import dataclass
from pathlib import Path

from cdk.assets import FUNCTIONS

DOCUMENT = FUNCTIONS / "search_faces" / "search_faces" / "openapi.json"


@dataclass(frozen=True, slots=True)
class Route:
    """`open` routes answer without a key."""

    method: str
    path: str
    open: bool


def _read(document: Path) -> tuple[Route, ...]:
    paths = json.loads(document.read_text("utf-8"))["paths"]
    return tuple(
        Route(method.upper(), path, open=not operation["security"])
        for path, operations in paths.items()
        for method, operation in operations.items()
    )


ROUTES = _read(DOCUMENT)
