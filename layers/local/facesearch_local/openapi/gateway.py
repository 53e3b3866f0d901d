"""Problem details for requests that API Gateway itself refuses.

The document holds the table, and `cdk/` reads it there.
"""

from dataclasses import dataclass
from http import HTTPStatus

from search_faces.problems import HttpProblem, unexpected_problem


@dataclass(frozen=True, slots=True)
class GatewayProblem:
    """`kind` is the gateway's type of response. With `any_status`, its own status is kept."""

    kind: str
    problem: HttpProblem
    any_status: bool = False


GATEWAY_PROBLEMS = (
    GatewayProblem(
        "INVALID_API_KEY",
        HttpProblem(
            HTTPStatus.FORBIDDEN,
            "forbidden",
            "The API key is missing or unknown",
            "send it in the header X-Api-Key",
        ),
    ),
    GatewayProblem(
        "MISSING_AUTHENTICATION_TOKEN",
        HttpProblem(
            HTTPStatus.NOT_FOUND,
            "not_found",
            "Not found",
            "there is nothing at this path and method, or the request is not signed",
        ),
    ),
    GatewayProblem(
        "REQUEST_TOO_LARGE",
        HttpProblem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "request_too_large",
            "The request is too large",
            "send a photo of 4 MB or less: make it smaller, faces need some 200 pixels",
        ),
    ),
    GatewayProblem(
        "THROTTLED",
        HttpProblem(
            HTTPStatus.TOO_MANY_REQUESTS,
            "too_many_requests",
            "Too many requests",
            "slow down and try again in a second",
        ),
    ),
    GatewayProblem(
        "INTEGRATION_TIMEOUT",
        HttpProblem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "timeout",
            "The service is not available now",
            "it took too long to answer: try again in a few seconds",
        ),
    ),
    GatewayProblem(
        "DEFAULT_4XX",
        HttpProblem(
            HTTPStatus.UNAUTHORIZED,
            "refused",
            "The request was refused",
            "it is not signed in, not allowed, or malformed",
        ),
        any_status=True,
    ),
    GatewayProblem("DEFAULT_5XX", unexpected_problem(), any_status=True),
)
