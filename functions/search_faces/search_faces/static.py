"""Serve the page's files with strict security headers. Browsers ask whether a file changed.

`static_files.json` declares their paths; `cdk/` reads it, too. These files need no key, and are
not in the API's document.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path, PurePath

import aws_lambda_powertools
import msgspec

from facesearch.errors import NotFound
from facesearch.faces import Recipe
from search_faces.answering import answer_or_problem
from search_faces.http import HttpAnswer, HttpRequest
from search_faces.service import SearchService

ROOT = Path(__file__).parent
SWAGGER_UI = Path(aws_lambda_powertools.__file__).parent / "event_handler/openapi/swagger_ui"

FOR_GOOD = "public, max-age=31536000, immutable"
"""For the files of a deployed page: their names change with their content (`cdk/page.py`)."""
_HASHED = re.compile(r"\.[0-9a-f]{12}\.\w+$")

PAGE = "page/index.html"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}


class StaticRoute(msgspec.Struct, frozen=True):
    """A path with one `file`, or with the files of a `folder` by `{file}`; `policy` may be ""."""

    path: str
    file: str = ""
    folder: str = ""
    policy: str = ""


STATIC_ROUTES = msgspec.json.decode(
    (ROOT / "static_files.json").read_bytes(), type=tuple[StaticRoute, ...]
)


def static_answer(
    route: StaticRoute, service: Callable[[], SearchService], request: HttpRequest
) -> HttpAnswer:
    """Answer with the file, or with 304 when the caller has it already. Never raises."""
    return answer_or_problem(lambda: _answer(route, service, request), request)


def _answer(
    route: StaticRoute, service: Callable[[], SearchService], request: HttpRequest
) -> HttpAnswer:
    path = request.browser_path or request.path
    if route.file.endswith("index.html") and path.endswith("/") != (route.path == "/"):
        # Links are relative: with a stage ("/live"), the path that the browser knows counts.
        name = path.rstrip("/").rpartition("/")[2]
        location = f"../{name}" if path.endswith("/") else f"{name}/"
        return HttpAnswer(HTTPStatus.PERMANENT_REDIRECT.value, {"Location": location}, b"")
    name = route.file or f"{route.folder}/{request.path_params['file']}"
    data = _files().get(name)
    elsewhere = not route.file and any(name == each.file for each in STATIC_ROUTES)
    if data is None or elsewhere:
        raise NotFound(f"there is no file '{name[:50]}': the page is at /, its files below it")
    if name == PAGE:
        data = _for_recipe(data, service().pipeline.recipe)
    # Weak: it may be sent compressed.
    etag = f'W/"{sha256(data).hexdigest()[:16]}"'
    headers = {
        **_policies(route.policy, service),
        "Cache-Control": FOR_GOOD if _HASHED.search(name) else "no-cache",
        "ETag": etag,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if etag in request.headers.get("if-none-match", ""):
        return HttpAnswer(HTTPStatus.NOT_MODIFIED.value, headers, b"")
    kind = TYPES[PurePath(name).suffix]
    return HttpAnswer(HTTPStatus.OK.value, {"Content-Type": kind, **headers}, data)


def _for_recipe(page: bytes, recipe: Recipe) -> bytes:
    """The page, told what it searches and which of its filters the recipe has."""
    told = {
        b"REGIONS": b"whole-image" if recipe.whole_image else b"faces",
        b"LENGTHS": b"unit" if recipe.unit_length else b"any",
        b"EXPANDS": b"no" if recipe.expansion_distance is None else b"yes",
    }
    for mark, value in told.items():
        page = page.replace(mark, value)
    return page


@cache
def _files() -> dict[str, bytes]:
    """The files by name."""
    paths = [ROOT / "openapi.json", *ROOT.glob("page/*"), *ROOT.glob("docs/*")]
    files = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for path in paths
        if path.suffix in TYPES
    }
    for name in ("swagger-ui.min.css", "swagger-ui-bundle.min.js"):
        files[f"docs/{name}"] = (SWAGGER_UI / name).read_bytes()
    return files


def _policies(policy: str, service: Callable[[], SearchService]) -> Mapping[str, str]:
    """Security headers: a page may only use its own files, the API and the upload origin."""
    if not policy:
        return {}
    page = policy == "page"
    rules = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        # Swagger UI has its icons as data.
        "img-src": "'self' blob: data:" if page else "'self' data:",
        "connect-src": f"'self' {service().upload_origin}".strip() if page else "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    security = "; ".join(f"{name} {value}" for name, value in rules.items())
    headers = {"Content-Security-Policy": security, "Referrer-Policy": "no-referrer"}
    if page:
        headers["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=()"
    return headers
