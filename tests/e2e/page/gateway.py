"""`facesearch serve` as API Gateway shows it: below a stage's path, closed without the key."""

import json
import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from cdk.gateway_problems import PROBLEMS
from cdk.routes import ROUTES
from facesearch_local import server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

STAGE = "/prod"
KEY = "the key of the tests"

_OPEN = [re.sub(r"\{\w+\}", "[^/]+", route.path) for route in ROUTES if route.open]


class KeyedGateway(server.Gateway):
    """Refuses as the deployed gateway does, with its own words."""

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
        return super().__call__(environ, start_response)


def _refuse(start_response: "StartResponse") -> list[bytes]:
    problem = next(each for each in PROBLEMS if each.kind == "INVALID_API_KEY")
    told = {"title": problem.title, "detail": problem.detail, "code": problem.code}
    body = json.dumps(told).encode()
    headers = [("Content-Type", "application/problem+json"), ("Content-Length", str(len(body)))]
    start_response(f"{problem.status} Forbidden", headers)
    return [body]


def _below_stage(environ: "WSGIEnvironment", body: bytes, request_id: str) -> dict[str, Any]:
    """API Gateway's event has the stage in the request's context only."""
    path = environ["PATH_INFO"]
    inner = {**environ, "PATH_INFO": path.removeprefix(STAGE) or "/"}
    event = _proxy_event(inner, body, request_id)
    event["requestContext"]["path"] = path
    return event


if __name__ == "__main__":
    _proxy_event = server.proxy_event
    server.proxy_event = _below_stage
    server.Gateway = KeyedGateway  # type: ignore[misc]
    server.serve("127.0.0.1", 0, os.environ)
