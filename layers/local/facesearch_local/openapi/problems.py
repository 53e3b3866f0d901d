"""Answers that are problems."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from facesearch_local.openapi.headers import ANSWER_HEADERS, RETRY_HEADERS
from facesearch_local.openapi.operations import BROKEN, LOAD_PROBLEMS, TOKEN_PROBLEMS, Operation
from facesearch_local.openapi.types import Json, reference
from search_faces.problems import (
    CONTENT_TYPE,
    KINDS,
    Problem,
    body_problem,
    problem_of,
    unexpected_problem,
)

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
    "not_found": "there is no such face: it may have been deleted",
}
"""Examples of what problems tell; the others always tell the same."""


class Problems:
    """Answers that are problems, one for each status and set of codes."""

    def __init__(self) -> None:
        examples = [problem_of(kind(_DETAILS.get(kind.code, ""))) for kind in KINDS]
        examples += [unexpected_problem(), body_problem(10 * 2**20)]
        self._by_code = {each.code: each for each in (*examples, *TOKEN_PROBLEMS, *LOAD_PROBLEMS)}
        self._found: dict[str, Json] = {}

    def answers(self, operation: Operation) -> dict[str, Json]:
        """By status."""
        codes = [*operation.codes, *(each.code for each in LOAD_PROBLEMS)]
        codes += BROKEN if not operation.unavailable else BROKEN[:1]
        codes += [each.code for each in TOKEN_PROBLEMS] if operation.closed else []
        by_status: dict[int, list[str]] = {}
        for code in codes:
            by_status.setdefault(self._by_code[code].status.value, []).append(code)
        by_status[503] += operation.unavailable
        return {
            str(status): {"$ref": f"#/components/responses/{self._add(status, sorted(codes))}"}
            for status, codes in sorted(by_status.items())
        }

    def components(self) -> dict[str, Json]:
        return {name: self._found[name] for name in sorted(self._found)}

    def _add(self, status: int, codes: Sequence[str]) -> str:
        name = f"{status}.{'.'.join(codes)}"
        told = [f"`{code}`: {self._by_code[code].title}" for code in codes]
        self._found[name] = {
            "description": ". ".join(told),
            "headers": ANSWER_HEADERS | (RETRY_HEADERS if status in (429, 503) else {}),
            "content": {
                CONTENT_TYPE: {
                    "schema": {
                        "allOf": [reference("Problem")],
                        "properties": {"status": {"const": status}, "code": {"enum": codes}},
                    },
                    "examples": {code: {"value": self._example(code, status)} for code in codes},
                }
            },
        }
        return name

    def _example(self, code: str, status: int) -> Mapping[str, Json]:
        problem = self._by_code[code]
        told = Problem(HTTPStatus(status), code, problem.title, problem.detail)
        return told.as_json("79104e5b-4c6f-4f0e-9a43-2f8a4c0d5b7e")
