"""The API's paths."""

import json
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from facesearch.errors import FacesearchError, NotFound, StoreNotFound
from facesearch.faces import Match
from facesearch.searching import Scope, search_face
from search_faces.log import log_problem
from search_faces.problems import CONTENT_TYPE, Problem, problem_of
from search_faces.requests import BucketQuery, FaceQuery, parse_search
from search_faces.responses import JsonObject, face_search_json, photo_search_json
from search_faces.service import Service, open_service

METHODS = {"/search": "POST", "/health": "GET"}
"""What each path takes: all others are refused with 405."""

router = Router()  # type: ignore[no-untyped-call]


def problem_answer(
    problem: Problem, headers: Mapping[str, str | list[str]] | None = None
) -> Response[str]:
    """The problem as the response to the current request."""
    body = json.dumps(problem.as_json(router.current_event["requestContext"]["requestId"]))
    return Response(
        problem.status.value, CONTENT_TYPE, body, headers={**problem.headers, **(headers or {})}
    )


@router.post("/search")
def search() -> JsonObject:
    """The faces nearest to the one that the request shows or names."""
    request = parse_search(router.current_event)
    service = open_service()
    query = request.query
    if isinstance(query, FaceQuery):
        return face_search_json(_face_matches(query.face_id, service, request.scope))
    photo = service.read_photo(query.key) if isinstance(query, BucketQuery) else query.photo
    return photo_search_json(service.search(photo, request.scope))


def _face_matches(face_id: str, service: Service, scope: Scope) -> list[Match]:
    try:
        return search_face(face_id, service.store, scope)
    except StoreNotFound as error:
        raise NotFound(f"there is no face '{face_id}': nothing has been indexed yet") from error


@router.get("/health")
def health() -> JsonObject | Response[str]:
    """Whether searches can be answered, and what the store holds."""
    try:
        service = open_service()
        counts = service.check()
    except FacesearchError as error:
        problem = replace(problem_of(error), status=HTTPStatus.SERVICE_UNAVAILABLE)
        log_problem(problem, error)
        return problem_answer(problem)
    return {
        "status": "ok",
        "recipe": service.pipeline.recipe.fingerprint,
        "photos": counts.photos,
        "faces": counts.faces,
    }
