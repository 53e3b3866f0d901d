"""A route's answer to a request, in HTTP; every error becomes problem details."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import msgspec

from facesearch.errors import FacesearchError, InputError, NotFound
from search_faces.contract.answers import Picture
from search_faces.http import HttpAnswer, HttpRequest
from search_faces.log import log_problem, logger
from search_faces.problems import (
    CONTENT_TYPE,
    Problem,
    method_problem,
    problem_of,
    unexpected_problem,
)
from search_faces.reading import read_request
from search_faces.routing import Route
from search_faces.service import Service

PICTURE_CACHE = "private, max-age=300"


def answer(
    route: Route[Any, Any], service: Callable[[], Service], request: HttpRequest
) -> HttpAnswer:
    """Never raises. `service` is called once the request is understood."""

    def respond() -> HttpAnswer:
        asked = read_request(route, request)
        return _written(route, route.respond(asked, service()))

    return guarded(respond, request, route.failure)


def guarded(
    respond: Callable[[], HttpAnswer], request: HttpRequest, failure: HTTPStatus | None = None
) -> HttpAnswer:
    """The answer, or a problem; with `failure` as its status if it is not the caller's."""
    try:
        return respond()
    except FacesearchError as error:
        problem = problem_of(error)
        if failure is not None and not isinstance(error, InputError):
            problem = replace(problem, status=failure)
        log_problem(problem, error)
        return written_problem(problem, request.request_id)
    except Exception as error:  # noqa: BLE001 (told in the log)
        logger.exception("request failed", extra={"error": type(error).__name__})
        return written_problem(unexpected_problem(), request.request_id)


def no_path_problem() -> Problem:
    """For a path that no route takes."""
    return problem_of(NotFound("there is nothing at this path: POST a photo to /v1/search"))


def refusal(request: HttpRequest, allowed: list[str]) -> HttpAnswer:
    """For a path that no route takes, or not by this method but by those that are `allowed`."""
    if not allowed:
        return written_problem(no_path_problem(), request.request_id)
    methods = ", ".join(sorted(allowed))
    return written_problem(method_problem(methods), request.request_id, {"Allow": methods})


def written_problem(
    problem: Problem, request_id: str, headers: Mapping[str, str] | None = None
) -> HttpAnswer:
    """The problem as an answer."""
    return HttpAnswer(
        problem.status.value,
        {"Content-Type": CONTENT_TYPE, **problem.headers, **(headers or {})},
        # In ASCII: a problem may name halves of characters, which UTF-8 cannot tell.
        json.dumps(msgspec.to_builtins(problem.details(request_id))).encode(),
    )


def _written(route: Route[Any, Any], found: msgspec.Struct) -> HttpAnswer:
    if isinstance(found, Picture):
        headers = {"Content-Type": "image/jpeg", "Cache-Control": PICTURE_CACHE}
        return HttpAnswer(route.status.value, headers, found.jpeg)
    headers = {"Content-Type": "application/json"}
    return HttpAnswer(route.status.value, headers, msgspec.json.encode(found))
