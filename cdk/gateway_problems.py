"""Problem details (RFC 9457) for requests that the gateway itself refuses.

The texts stand in the API's document.
"""

import json
from collections.abc import Mapping
from typing import Any

from cdk.routes import DOCUMENT

_CONTENT_TYPE = "application/problem+json"


PROBLEMS: Mapping[str, Mapping[str, Any]] = json.loads(DOCUMENT.read_text("utf-8"))[
    "x-gateway-problems"
]
"""Problem details by the gateway's type of response. Without a status, its own is kept."""


def gateway_responses(cors_origins: tuple[str, ...]) -> Mapping[str, Mapping[str, Any]]:
    """The gateway's own responses, in the same form as the function's."""
    headers = {
        "Content-Type": f"'{_CONTENT_TYPE}'",
        "Cache-Control": "'no-store'",
        "X-Request-Id": "context.requestId",
    }
    # A gateway's answer cannot choose among origins: with several, a browser hides refusals.
    if len(cors_origins) == 1:
        headers["Access-Control-Allow-Origin"] = f"'{cors_origins[0]}'"
    return {kind: _response(problem, headers) for kind, problem in PROBLEMS.items()}


def _response(problem: Mapping[str, Any], headers: Mapping[str, str]) -> Mapping[str, Any]:
    status = problem.get("status")
    retry = {"Retry-After": "'1'"} if status in (429, 503) else {}
    body = {**problem, "request_id": "$context.requestId"}
    return {
        "responseParameters": {
            f"gatewayresponse.header.{name}": value for name, value in {**headers, **retry}.items()
        },
        "responseTemplates": {"application/json": json.dumps(body)},
        **({"statusCode": str(status)} if status else {}),
    }
