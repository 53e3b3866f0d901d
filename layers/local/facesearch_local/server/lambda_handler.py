"""The Lambda function's own handler as routes, until routes are plain functions."""

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import search_faces
from search_faces.http import HttpAnswer, HttpRequest, Route
from search_faces.service import Service

DOCUMENT = Path(search_faces.__file__).parent / "openapi.json"

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Context:
    """The part of Lambda's context that logs ask for."""

    aws_request_id: str
    function_name: str = "search_faces"
    memory_limit_in_mb: int = 0
    invoked_function_arn: str = "local"


def routes_of(handler: Handler) -> tuple[Route, ...]:
    # Powertools keeps the current request in one place: one at a time, as in Lambda.
    lock = Lock()
    paths = json.loads(DOCUMENT.read_text("utf-8"))["paths"]
    paths["/docs/"] = paths["/docs"]
    return tuple(
        Route(method.upper(), path, not operation["security"], partial(_answer, handler, lock))
        for path, operations in paths.items()
        for method, operation in operations.items()
    )


def _answer(handler: Handler, lock: Lock, _service: Service, request: HttpRequest) -> HttpAnswer:
    with lock:
        response = handler(proxy_event(request), Context(request.request_id))
    body = response["body"] or ""
    data = base64.b64decode(body) if response["isBase64Encoded"] else body.encode()
    return HttpAnswer(response["statusCode"], response["multiValueHeaders"], data)


def proxy_event(request: HttpRequest) -> dict[str, Any]:
    """A request as the event of an API Gateway REST API with one proxy resource."""
    query: dict[str, list[str]] = {}
    for name, value in request.query:
        query.setdefault(name, []).append(value)
    headers = {**request.headers, "accept-encoding": ""}
    return {
        "resource": "/{proxy+}",
        "path": request.path,
        "httpMethod": request.method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": {"proxy": request.path.lstrip("/")},
        "stageVariables": None,
        "requestContext": {
            "httpMethod": request.method,
            "path": request.path,
            "requestId": request.request_id,
            "requestTimeEpoch": int(time.time() * 1000),
            "resourcePath": "/{proxy+}",
            "stage": "local",
        },
        "body": base64.b64encode(request.body).decode() if request.body else None,
        "isBase64Encoded": bool(request.body),
    }
