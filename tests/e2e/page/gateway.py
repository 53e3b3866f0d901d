"""The search function behind what API Gateway does: a stage's path, and a key."""

import base64
import json
import logging
import os
import re
from collections.abc import Iterable
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from uuid import uuid4

from werkzeug.serving import make_server

from cdk.gateway_problems import PROBLEMS
from cdk.routes import ROUTES
from tests.events.loading import Context, load

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

STAGE = "/prod"
KEY = "the key of the tests"

_OPEN = [re.sub(r"\{\w+\}", "[^/]+", route.path) for route in ROUTES if route.open]


class KeyedGateway:
    """A WSGI application that calls the function's handler, one request at a time."""

    def __init__(self) -> None:
        from search_faces.handler import handler

        self._handler = handler
        self._lock = Lock()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith(STAGE):
            start_response("403 Forbidden", [("Content-Length", "0")])
            return []
        path = environ["PATH_INFO"].removeprefix(STAGE) or "/"
        is_open = any(re.fullmatch(each, path) for each in _OPEN)
        if not is_open and environ.get("HTTP_X_API_KEY") != KEY:
            return _refuse(start_response)
        with self._lock:
            response = self._handler(_event(environ, path), Context("search_faces"))
        body = response["body"] or ""
        data = base64.b64decode(body) if response["isBase64Encoded"] else body.encode()
        headers = [
            (name, value)
            for name, values in response["multiValueHeaders"].items()
            for value in ([values] if isinstance(values, str) else values)
        ]
        status = HTTPStatus(response["statusCode"])
        start_response(
            f"{status.value} {status.phrase}", [*headers, ("Content-Length", str(len(data)))]
        )
        return [data]


def _refuse(start_response: "StartResponse") -> list[bytes]:
    problem = PROBLEMS["INVALID_API_KEY"]
    body = json.dumps(problem).encode()
    headers = [("Content-Type", "application/problem+json"), ("Content-Length", str(len(body)))]
    start_response(f"{problem['status']} Forbidden", headers)
    return [body]


def _event(environ: "WSGIEnvironment", path: str) -> dict[str, Any]:
    """The stage is in the path of the request's context only."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").title(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or name == "CONTENT_TYPE"
    }
    event = load("api_gateway_rest_search")
    event["path"], event["httpMethod"] = path, environ["REQUEST_METHOD"]
    event["headers"] = headers
    event["multiValueHeaders"] = {name: [value] for name, value in headers.items()}
    event["queryStringParameters"] = {name: values[-1] for name, values in query.items()} or None
    event["multiValueQueryStringParameters"] = query or None
    event["body"] = base64.b64encode(body).decode() if body else None
    event["isBase64Encoded"] = bool(body)
    event["requestContext"] |= {"path": environ["PATH_INFO"], "requestId": str(uuid4())}
    return event


if __name__ == "__main__":
    os.environ |= {"POWERTOOLS_LOG_LEVEL": "WARNING", "POWERTOOLS_METRICS_DISABLED": "true"}
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, KeyedGateway(), threaded=True)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
