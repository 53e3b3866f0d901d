"""What the gateway itself refuses, told as the function tells its own refusals (RFC 9457)."""

import json
from dataclasses import dataclass

from aws_cdk import aws_apigateway as apigateway

_CONTENT_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class GatewayProblem:
    """`kind` is the gateway's name for it, `code` ours: stable, for programs."""

    kind: apigateway.ResponseType
    status: int
    code: str
    title: str
    detail: str


_TYPES = apigateway.ResponseType
PROBLEMS = (
    GatewayProblem(
        _TYPES.INVALID_API_KEY,
        403,
        "forbidden",
        "The API key is missing or unknown",
        "send it in the header X-Api-Key",
    ),
    GatewayProblem(
        _TYPES.MISSING_AUTHENTICATION_TOKEN,
        404,
        "not_found",
        "Not found",
        "there is nothing at this path and method, or the request is not signed",
    ),
    GatewayProblem(
        _TYPES.REQUEST_TOO_LARGE,
        413,
        "image_too_large",
        "The request is too large",
        "send a photo of 4 MB or less: make it smaller, faces need some 200 pixels",
    ),
    GatewayProblem(
        _TYPES.THROTTLED,
        429,
        "too_many_requests",
        "Too many requests",
        "slow down and try again in a second",
    ),
    GatewayProblem(
        _TYPES.INTEGRATION_TIMEOUT,
        503,
        "timeout",
        "The service is not available now",
        "it took too long to answer: try again in a few seconds",
    ),
    GatewayProblem(
        _TYPES.DEFAULT_4_XX,
        0,
        "refused",
        "The request was refused",
        "it is not signed in, not allowed, or malformed",
    ),
    GatewayProblem(
        _TYPES.DEFAULT_5_XX,
        0,
        "error",
        "The service is out of order",
        "its operator finds the cause in the log by the request id",
    ),
)
"""A status of 0 leaves the gateway's own."""


def explain_refusals(api: apigateway.RestApi, cors_origins: tuple[str, ...]) -> None:
    """Give each of the gateway's own answers the form of the function's."""
    headers = {"Content-Type": f"'{_CONTENT_TYPE}'", "Cache-Control": "'no-store'"}
    # A gateway's answer cannot choose among origins: with several, a browser hides refusals.
    if len(cors_origins) == 1:
        headers["Access-Control-Allow-Origin"] = f"'{cors_origins[0]}'"
    for problem in PROBLEMS:
        retry = {"Retry-After": "'1'"} if problem.status in (429, 503) else {}
        api.add_gateway_response(
            problem.kind.response_type.title().replace("_", ""),
            type=problem.kind,
            status_code=str(problem.status) if problem.status else None,
            response_headers={**headers, **retry},
            templates={"application/json": _body(problem)},
        )


def _body(problem: GatewayProblem) -> str:
    fields = {
        "type": f"urn:facesearch:problem:{problem.code}",
        "title": problem.title,
        "detail": problem.detail,
        "code": problem.code,
        "request_id": "$context.requestId",
    }
    return json.dumps({**fields, **({"status": problem.status} if problem.status else {})})
