"""Build the document from the routes, their types and the table of problems."""

import json
from pathlib import Path
from typing import Any

import msgspec

import search_faces
from facesearch import __version__
from facesearch_local.openapi.gateway import GATEWAY_PROBLEMS, GatewayProblem
from facesearch_local.openapi.headers import ANSWER_HEADERS, HEADERS
from facesearch_local.openapi.problems import Problems
from facesearch_local.openapi.requests import BINARY, body_of, parameters_of
from facesearch_local.openapi.schemas import Json, Schemas
from facesearch_local.server.access import UNKNOWN_HOST
from facesearch_local.server.bodies import NO_ROOM, TOO_SLOW
from search_faces.contract.answers import JpegAnswer, ProblemDetails
from search_faces.routes import ROUTES
from search_faces.routing import Route

SERVE_PROBLEMS = (TOO_SLOW, UNKNOWN_HOST, NO_ROOM)
"""What only `facesearch serve` answers, on every path."""

FILE = Path(search_faces.__file__).with_name("openapi.json")

DESCRIPTION = f"""Hand in a photo and get the nearest faces of those that were indexed, with a \
distance and the probability that they show the same person.

**Keys.** On AWS, send the key in the header `X-Api-Key`; only the page, this documentation, \
`/v1/health` and `/v1/version` go without. `facesearch serve` asks where it has a key.

**Problems** are `application/problem+json` (RFC 9457). `code` is stable, for programs; `detail` \
says what to do; `request_id` is in the operator's log, and in every answer's header \
`X-Request-Id`. Beside the problems of each path: 404 `not_found` for paths that do not exist, 405 \
`method_not_allowed` with `Allow` for other methods; of `facesearch serve` only, \
{", ".join(f"{each.status.value} `{each.code}`" for each in SERVE_PROBLEMS)}. Options \
that are not known are refused, never ignored.

**Limits.** A request has at most 10 MB (API Gateway), on AWS a photo about 4.4 MB (Lambda's 6 MB, \
encoded): scale it down, or put it into the bucket and name it by `s3_key`. An answer has at most \
6 MB, so that a search takes at most 200 thumbnails. After 429 or 503, wait as long as \
`Retry-After` says.

**Privacy.** Photos that are searched with are neither stored nor logged."""


def written() -> str:
    """The document as text, as its file holds it."""
    return json.dumps(document(), ensure_ascii=False, indent=1) + "\n"


def document() -> dict[str, Json]:
    """The OpenAPI 3.1 document of the table of routes."""
    schemas, problems = Schemas(), Problems()
    schemas.schema(ProblemDetails)
    paths: dict[str, dict[str, Json]] = {}
    for route in ROUTES:
        operations = paths.setdefault(route.path, {})
        operations[route.method.lower()] = _operation(route, schemas, problems)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "facesearch",
            "version": __version__,
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": ".", "description": "Where this document is"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in ROUTES)],
        "paths": paths,
        "components": {
            "schemas": schemas.components(),
            "responses": problems.components(),
            "headers": HEADERS,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
            },
        },
        "x-serve-problems": [msgspec.to_builtins(each.details("")) for each in SERVE_PROBLEMS],
        "x-gateway-problems": {each.kind: _gateway_problem(each) for each in GATEWAY_PROBLEMS},
    }


def _operation(route: Route[Any, Any], schemas: Schemas, problems: Problems) -> dict[str, Json]:
    operation: dict[str, Json] = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": route.summary,
    }
    if route.description:
        operation["description"] = route.description
    if parameters := parameters_of(route, schemas):
        operation["parameters"] = parameters
    if content := body_of(route, schemas):
        operation["requestBody"] = {"required": True, "content": content}
    success = {str(route.status.value): _answer(route, schemas)}
    operation["responses"] = success | problems.answers(route)
    operation["security"] = [] if route.open else [{"key": []}]
    return operation


def _answer(route: Route[Any, Any], schemas: Schemas) -> Json:
    if route.answer is JpegAnswer:
        content = {"image/jpeg": {"schema": BINARY}}
    else:
        content = {"application/json": {"schema": schemas.schema(route.answer)}}
    # The first sentence of the type's own description.
    description = str(route.answer.__doc__).partition("\n")[0]
    return {"description": description, "headers": ANSWER_HEADERS, "content": content}


def _gateway_problem(refusal: GatewayProblem) -> Json:
    """The problem details that are the same for each request.

    Without a status, the gateway uses its own.
    """
    details = msgspec.to_builtins(refusal.problem.details(""))
    left_out = ("request_id", "status") if refusal.any_status else ("request_id",)
    return {name: value for name, value in details.items() if name not in left_out}
