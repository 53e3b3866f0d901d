"""What the gateway itself refuses, told as the function tells its own refusals (RFC 9457)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_CONTENT_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class GatewayProblem:
    """`kind` is the gateway's name for it, `code` ours: stable, for programs."""

    kind: str
    status: int
    code: str
    title: str
    detail: str


PROBLEMS = (
    GatewayProblem(
        "INVALID_API_KEY",
        403,
        "forbidden",
        "The API key is missing or unknown",
        "send it in the header X-Api-Key",
    ),
    GatewayProblem(
        "MISSING_AUTHENTICATION_TOKEN",
        404,
        "not_found",
        "Not found",
        "there is nothing at this path and method, or the request is not signed",
    ),
    GatewayProblem(
        "REQUEST_TOO_LARGE",
        413,
        "request_too_large",
        "The request is too large",
        "send a photo of 4 MB or less: make it smaller, faces need some 200 pixels",
    ),
    GatewayProblem(
        "THROTTLED",
        429,
        "too_many_requests",
        "Too many requests",
        "slow down and try again in a second",
    ),
    GatewayProblem(
        "INTEGRATION_TIMEOUT",
        503,
        "timeout",
        "The service is not available now",
        "it took too long to answer: try again in a few seconds",
    ),
    GatewayProblem(
        "DEFAULT_4XX",
        0,
        "refused",
        "The request was refused",
        "it is not signed in, not allowed, or malformed",
    ),
    GatewayProblem(
        "DEFAULT_5XX",
        0,
        "internal_error",
        "The service is out of order",
        "its operator finds the cause in the log by the request id",
    ),
)
"""A status of 0 leaves the gateway's own."""


def gateway_responses(cors_origins: tuple[str, ...]) -> Mapping[str, Mapping[str, Any]]:
    """Each of the gateway's own answers, in the form of the function's."""
    headers = {
        "Content-Type": f"'{_CONTENT_TYPE}'",
        "Cache-Control": "'no-store'",
        "X-Request-Id": "context.requestId",
    }
    # A gateway's answer cannot choose among origins: with several, a browser hides refusals.
    if len(cors_origins) == 1:
        headers["Access-Control-Allow-Origin"] = f"'{cors_origins[0]}'"
    return {problem.kind: _response(problem, headers) for problem in PROBLEMS}


def _response(problem: GatewayProblem, headers: Mapping[str, str]) -> Mapping[str, Any]:
    retry = {"Retry-After": "'1'"} if problem.status in (429, 503) else {}
    status = {"status": problem.status} if problem.status else {}
    body = {
        "type": f"urn:facesearch:problem:{problem.code}",
        "title": problem.title,
        "detail": problem.detail,
        "code": problem.code,
        "request_id": "$context.requestId",
        **status,
    }
    return {
        "responseParameters": {
            f"gatewayresponse.header.{name}": value for name, value in {**headers, **retry}.items()
        },
        "responseTemplates": {"application/json": json.dumps(body)},
        **({"statusCode": str(problem.status)} if problem.status else {}),
    }
