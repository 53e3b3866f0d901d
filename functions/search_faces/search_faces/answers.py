"""Answers that are not plain JSON."""

import json
from collections.abc import Mapping

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import BaseRouter

from search_faces.problems import CONTENT_TYPE, Problem


def problem_answer(
    problem: Problem, headers: Mapping[str, str | list[str]] | None = None
) -> Response[str]:
    """The problem as the response to the current request."""
    request_id = BaseRouter.current_event["requestContext"]["requestId"]
    return Response(
        problem.status.value,
        CONTENT_TYPE,
        json.dumps(problem.as_json(request_id)),
        headers={**problem.headers, **(headers or {})},
    )
