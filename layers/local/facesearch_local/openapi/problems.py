"""The problems that routes may answer with, for the document."""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import msgspec

from facesearch_local.openapi.gateway import GATEWAY_PROBLEMS
from facesearch_local.openapi.headers import ANSWER_HEADERS, RETRY_HEADERS
from facesearch_local.openapi.schemas import Json, reference
from search_faces.problems import (
    CONTENT_TYPE,
    KINDS,
    body_problem,
    problem_of,
    unexpected_problem,
)
from search_faces.routing import Route

BROKEN = ("internal_error", "invalid_settings", "model_error", "store_damaged", "store_error")
"""On every route."""

LOAD = ("too_many_requests", "timeout")
"""API Gateway's, on every route."""

ACCESS = ("refused", "forbidden")
"""On routes that need a key."""

_DETAILS = {
    "invalid_request": "k is 101: use 1 to 100",
    "not_an_image": "the data is no image: use JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF or BMP",
    "damaged_image": "the JPEG is damaged: send it again, or another",
    "image_too_large": "the photo has more pixels than are decoded: scale it down",
    "no_face": "no face was found: use a photo where it is larger and turned to the camera",
    "invalid_collection": "a collection is a folder here: its name starts with no dot and holds no "
    "slash",
    "photo_archived": "bucket 'photos' has the photo in an archive: restore it first",
    "photo_key_unusable": "bucket 'photos' has the photo under a KMS key that cannot be used",
    "uploads_off": "nobody can add photos through this service: ask whoever runs it",
    "deletion_off": "the bucket decides which photos there are: aws s3 rm 's3://photos/a.jpg'",
    "not_found": "there is no such face: it may have been deleted",
}
"""Example details of problems. Problems that are missing here have a fixed detail."""


class Problems:
    """Collects responses that are problems: one for each status and set of codes."""

    def __init__(self) -> None:
        own = [problem_of(kind(_DETAILS.get(kind.code, ""))) for kind in KINDS]
        own += [unexpected_problem(), body_problem(10 * 2**20)]
        known = {each.code for each in own}
        gateway = [each.problem for each in GATEWAY_PROBLEMS if each.problem.code not in known]
        self._by_code = {each.code: each for each in (*own, *gateway)}
        self._components: dict[str, Json] = {}

    def answers(self, route: Route[Any, Any]) -> dict[str, Json]:
        """The route's problems by status."""
        by_status: dict[int, list[str]] = {}
        for code in (*route.problems, *LOAD, *BROKEN, *(() if route.open else ACCESS)):
            by_status.setdefault(self._status(code, route), []).append(code)
        return {
            str(status): {"$ref": f"#/components/responses/{self._add(status, sorted(codes))}"}
            for status, codes in sorted(by_status.items())
        }

    def components(self) -> dict[str, Json]:
        return {name: self._components[name] for name in sorted(self._components)}

    def _status(self, code: str, route: Route[Any, Any]) -> int:
        status = self._by_code[code].status
        mine = code in LOAD or code in ("internal_error", "invalid_request")
        return (status if route.failure is None or mine else route.failure).value

    def _add(self, status: int, codes: Sequence[str]) -> str:
        name = f"{status}.{'.'.join(codes)}"
        titles = [f"`{code}`: {self._by_code[code].title}" for code in codes]
        self._components[name] = {
            "description": ". ".join(titles),
            "headers": ANSWER_HEADERS | (RETRY_HEADERS if status in (429, 503) else {}),
            "content": {
                CONTENT_TYPE: {
                    "schema": {
                        "allOf": [reference("ProblemDetails")],
                        "properties": {"status": {"const": status}, "code": {"enum": codes}},
                    },
                    "examples": {code: {"value": self._example(code, status)} for code in codes},
                }
            },
        }
        return name

    def _example(self, code: str, status: int) -> Json:
        problem = replace(self._by_code[code], status=HTTPStatus(status))
        return msgspec.to_builtins(problem.details("79104e5b-4c6f-4f0e-9a43-2f8a4c0d5b7e"))
