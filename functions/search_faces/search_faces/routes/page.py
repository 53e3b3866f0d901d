"""The page for people, and its files, under a strict policy."""

from functools import cache
from http import HTTPStatus
from pathlib import Path

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from facesearch.confidence import confidence
from facesearch.errors import NotFound
from search_faces.service import open_service
from search_faces.static import TYPES, static_answer

router = Router()  # type: ignore[no-untyped-call]

FOLDER = Path(__file__).parent.parent / "page"


@router.get("/", compress=True)
def page() -> Response[str]:
    """The page for people: drop a photo, look at the nearest faces."""
    # With a stage ("/prod"), the path that the browser knows is this one; links are relative.
    path = router.current_event["requestContext"]["path"]
    if not path.endswith("/"):
        return Response(
            HTTPStatus.PERMANENT_REDIRECT.value, headers={"Location": f"{path.rpartition('/')[2]}/"}
        )
    return _answer("index.html")


@router.get("/page/<file>", compress=True)
def page_file(file: str) -> Response[str]:
    """The page's style, modules and icon."""
    return _answer(file)


def _answer(name: str) -> Response[str]:
    text = _files().get(name)
    if text is None:
        raise NotFound(f"the page has no file '{name[:50]}'")
    policies = _policies(open_service().upload_origin)
    return static_answer(router.current_event, name, text, policies)


@cache
def _files() -> dict[str, str]:
    """By name; what the page has to know of the calibration is written into it."""
    files = {
        path.name: path.read_text("utf-8") for path in FOLDER.iterdir() if path.suffix in TYPES
    }
    confidences = " ".join(f"{confidence(at / 100):.4f}" for at in range(201))
    files["index.html"] = files["index.html"].replace("CONFIDENCES", confidences)
    return files


def _policies(uploads: str) -> dict[str, str]:
    """What the page may do: nothing but its own files, the API, and uploads to this origin."""
    rules = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' blob: data:",
        "connect-src": f"'self' {uploads}".strip(),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in rules.items()),
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    }
