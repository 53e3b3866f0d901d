"""The document put together.

Paths, summaries and answers come from the routes' functions, schemas from the types, problems from
the table of errors, the rest from `operations`.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from aws_lambda_powertools.event_handler.api_gateway import Route

import search_faces
from facesearch import __version__
from facesearch_local.openapi.answers import answers_of
from facesearch_local.openapi.headers import HEADERS
from facesearch_local.openapi.operations import OPERATIONS, Operation
from facesearch_local.openapi.problems import Problems
from facesearch_local.openapi.requests import body_of, parameters_of
from facesearch_local.openapi.types import Json, Types
from search_faces import schemas
from search_faces.app import create_app

FILE = Path(search_faces.__file__).with_name("openapi.json")

DESCRIPTION = """Hand in a photo and get the nearest faces of those that were indexed, with a \
distance and the probability that they show the same person.

**Keys.** On AWS, send the key in the header `X-Api-Key`; only the page, this documentation, \
`/health` and `/version` go without. `facesearch serve` asks for none.

**Problems** are `application/problem+json` (RFC 9457). `code` is stable, for programs; `detail` \
says what to do; `request_id` is in the operator's log, and in every answer's header \
`X-Request-Id`. Beside the problems of each path: 404 `not_found` for paths that do not exist, 405 \
`method_not_allowed` with `Allow` for other methods. Options that are not known are refused, never \
ignored.

**Limits.** A request has at most 10 MB (API Gateway), on AWS a photo about 4.4 MB (Lambda's 6 MB, \
encoded): scale it down, or put it into the bucket and name it by `s3_key`. An answer has at most \
6 MB, so that a search takes at most 200 thumbnails. After 429 or 503, wait as long as \
`Retry-After` says.

**Privacy.** Photos that are searched with are neither stored nor logged."""


def written() -> str:
    """The document as it stands in the file."""
    return json.dumps(document(), ensure_ascii=False, indent=1) + "\n"


def document() -> dict[str, Json]:
    """The OpenAPI 3.1 document of the routes as they are registered."""
    app = create_app({})
    routes: Sequence[Route] = [*app._static_routes, *app._dynamic_routes]
    unknown = {route.func.__name__ for route in routes} ^ set(OPERATIONS)
    if unknown:
        raise ValueError(f"operations.py and the routes differ in {', '.join(sorted(unknown))}")
    types = Types()
    types.schema(schemas.Problem)
    problems = Problems()
    paths: dict[str, dict[str, Json]] = {}
    for name, operation in OPERATIONS.items():
        (route,) = (each for each in routes if each.func.__name__ == name)
        # `<name>`, and what Powertools makes of it, are the framework's ways of writing `{name}`.
        path = re.sub(r"<(\w+)>", r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(
            route, path, operation, types, problems
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "facesearch",
            "version": __version__,
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": ".", "description": "Where this document is"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in OPERATIONS.values())],
        "paths": paths,
        "components": {
            "schemas": types.components(),
            "responses": problems.components(),
            "headers": HEADERS,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
            },
        },
    }


def _operation(
    route: Route, path: str, operation: Operation, types: Types, problems: Problems
) -> dict[str, Json]:
    told: dict[str, Json] = {
        "operationId": route.func.__name__,
        "tags": [operation.tag],
        "summary": str(route.func.__doc__).partition("\n")[0].removesuffix("."),
    }
    if operation.description:
        told["description"] = operation.description
    if parameters := parameters_of(path, operation, types):
        told["parameters"] = parameters
    if content := body_of(operation, types):
        told["requestBody"] = {"required": True, "content": content}
    told["responses"] = answers_of(route, operation, types) | problems.answers(operation)
    told["security"] = [{"key": []}] if operation.closed else []
    return told
