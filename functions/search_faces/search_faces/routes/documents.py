"""The API's document, and Swagger UI to read it and try it out: offline, with files of our own."""

from functools import cache
from http import HTTPStatus
from pathlib import Path

import aws_lambda_powertools
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from facesearch.errors import NotFound
from search_faces.static import static_answer

router = Router()  # type: ignore[no-untyped-call]

FOLDER = Path(__file__).parent.parent
SWAGGER_UI = Path(aws_lambda_powertools.__file__).parent / "event_handler/openapi/swagger_ui"
FILES = {
    "start.js": FOLDER / "docs/start.js",
    "swagger-ui.min.css": SWAGGER_UI / "swagger-ui.min.css",
    "swagger-ui-bundle.min.js": SWAGGER_UI / "swagger-ui-bundle.min.js",
}

POLICIES: dict[str, str | list[str]] = {
    # Swagger UI has its icons as data.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


@router.get("/openapi.json", compress=True)
def openapi() -> Response[str]:
    """This document."""
    return static_answer(router.current_event, "openapi.json", _text(FOLDER / "openapi.json"), {})


@router.get("/docs", compress=True)
def docs() -> Response[str]:
    """This document as a page to read and to try out."""
    # With a stage ("/prod"), the path that the browser knows is this one.
    path = router.current_event["requestContext"]["path"]
    if path.endswith("/"):
        return Response(HTTPStatus.PERMANENT_REDIRECT.value, headers={"Location": "../docs"})
    text = _text(FOLDER / "docs/index.html")
    return static_answer(router.current_event, "index.html", text, POLICIES)


@router.get("/docs/<file>", compress=True)
def docs_file(file: str) -> Response[str]:
    """The page's style and scripts."""
    if file not in FILES:
        raise NotFound(f"the documentation has no file '{file[:50]}'")
    return static_answer(router.current_event, file, _text(FILES[file]), POLICIES)


@cache
def _text(path: Path) -> str:
    return path.read_text("utf-8")
