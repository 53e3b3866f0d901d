"""The headers of answers, for the document."""

from facesearch_local.openapi.schemas import Json

HEADERS: Json = {
    "X-Request-Id": {
        "required": True,
        "description": "By which the operator finds this request in the log.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "required": True,
        "description": "Seconds to wait before trying again.",
        "schema": {"type": "integer", "minimum": 0},
    },
}


def _of(name: str) -> dict[str, Json]:
    return {name: {"$ref": f"#/components/headers/{name}"}}


ANSWER_HEADERS = _of("X-Request-Id")
RETRY_HEADERS = _of("Retry-After")
