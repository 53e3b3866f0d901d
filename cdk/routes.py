"""The API's routes for the gateway, read from the files that declare them."""

import json
from dataclasses import dataclass
from pathlib import Path

from cdk.assets import FUNCTIONS

PACKAGE = FUNCTIONS / "search_faces" / "search_faces"
DOCUMENT = PACKAGE / "openapi.json"
STATIC_FILES = PACKAGE / "static_files.json"


@dataclass(frozen=True, slots=True)
class GatewayRoute:
    """A method and path that the gateway serves; `open` routes need no key, files no store."""

    method: str
    path: str
    open: bool
    file: bool = False


def _read(document: Path, static_files: Path) -> tuple[GatewayRoute, ...]:
    paths = json.loads(document.read_text("utf-8"))["paths"]
    return (
        *(
            GatewayRoute(method.upper(), path, open=not operation["security"])
            for path, operations in paths.items()
            for method, operation in operations.items()
        ),
        *(
            GatewayRoute("GET", each["path"], open=True, file=True)
            for each in json.loads(static_files.read_text("utf-8"))
        ),
    )


ROUTES = _read(DOCUMENT, STATIC_FILES)
