"""Answer an HTTP request with a route. Every error becomes problem details."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import msgspec

from facesearch.errors import FacesearchError, InputError, NotFound
from search_faces.contract.answers import JpegAnswer
from search_faces.http import HttpAnswer, HttpRequest
from search_faces.log import log_problem, logger
from search_faces.parsing import parse_request
from search_faces.problems import (
    CONTENT_TYPE,
    HttpProblem,
    method_problem,
    problem_of,
    unexpected_problem,
)
from search_faces.routing import Route
from search_faces.service import SearchService

PICTURE_CACHE = "private, max-age=300"


def answer_request(
    route: Route[Any, Any], service: Callable[[], SearchService], request: HttpRequest
) -> HttpAnswer:
    """Answer a request. Never raises. `service` is called only for a valid request."""

    def respond() -> HttpAnswer:
        asked = parse_request(route, request)
        return _http_answer(route, route.respond(asked, service().for_key(request.key_id)))

    return answer_or_problem(respond, request, route.failure)


def answer_or_problem(
    respond: Callable[[], HttpAnswer], request: HttpRequest, failure: HTTPStatus | None = None
) -> HttpAnswer:
    """The answer, or a problem for its error. `failure` is the status of our own errors."""
    try:
        return respond()
    except FacesearchError as error:
        problem = problem_of(error)
        if failure is not None and not isinstance(error, InputError):
            problem = replace(problem, status=failure)
        log_problem(problem, error)
        return problem_answer(problem, request.request_id)
    except Exception as error:  # noqa: BLE001 (told in the log)
        logger.exception("request failed", extra={"error": type(error).__name__})
        return problem_answer(unexpected_problem(), request.request_id)


def no_path_problem() -> HttpProblem:
    """The problem for a path that no route has."""
    return problem_of(NotFound("there is nothing at this path: POST a photo to /v1/search"))


def refusal_answer(request: HttpRequest, allowed: list[str]) -> HttpAnswer:
    """The answer for a path without a route, or with routes for the `allowed` methods only."""
    if not allowed:
        return problem_answer(no_path_problem(), request.request_id)
    methods = ", ".join(sorted(allowed))
    return problem_answer(method_problem(methods), request.request_id, {"Allow": methods})


def problem_answer(
    problem: HttpProblem, request_id: str, headers: Mapping[str, str] | None = None
) -> HttpAnswer:
    """The problem as an answer."""
    return HttpAnswer(
        problem.status.value,
        {"Content-Type": CONTENT_TYPE, **problem.headers, **(headers or {})},
        # In ASCII: a problem may name halves of characters, which UTF-8 cannot tell.
        json.dumps(msgspec.to_builtins(problem.details(request_id))).encode(),
    )


def _http_answer(route: Route[Any, Any], content: msgspec.Struct) -> HttpAnswer:
    if isinstance(content, JpegAnswer):
        headers = {"Content-Type": "image/jpeg", "Cache-Control": PICTURE_CACHE}
        return HttpAnswer(route.status.value, headers, content.jpeg)
    headers = {"Content-Type": "application/json"}
    return HttpAnswer(route.status.value, headers, msgspec.json.encode(content))
