"""functions/README.md names everything of the API, and nothing that there is not."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import facesearch_local.server
from facesearch.errors import FacesearchError
from facesearch.fields import fields_of
from facesearch_local.openapi.document import FILE
from search_faces.contract.requests import PhotosRequest, SearchOptions
from search_faces.static import STATIC_ROUTES

README = Path("functions/README.md")
DOCUMENT: dict[str, Any] = json.loads(FILE.read_text("utf-8"))


@pytest.fixture(scope="module")
def text() -> str:
    return README.read_text("utf-8")


@pytest.fixture(scope="module")
def words(text: str) -> set[str]:
    """Everything in backticks, taken apart."""
    return {word for code in re.findall(r"`([^`]+)`", text) for word in re.findall(r"\w+", code)}


def section(text: str, title: str) -> str:
    return text.partition(f"### {title}\n")[2].partition("\n#")[0]


def test_every_path_stands_in_the_table_and_no_other(text: str) -> None:
    documented = set(re.findall(r"/v1/[\w/{}]+", section(text, "Paths"))) - {"/v1/search`;"}
    assert documented == {*DOCUMENT["paths"], "/v1/uploads/files", "/v1/photos/file"}
    assert all(f"`{route.path}`" in text for route in STATIC_ROUTES)


def test_every_option_stands_in_the_table_and_no_other(text: str) -> None:
    rows = re.findall(r"^\| (.+?) \|", section(text, "Options"), re.M)
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert documented == {*fields_of(SearchOptions), *fields_of(PhotosRequest)}


def test_every_field_of_answers_is_told(words: set[str]) -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        if name.endswith(
            ("Answer", "Match", "Result", "StoredFace", "Face", "ListedPhoto", "LeftOut")
        ):
            assert set(schema["properties"]) <= words, name


def test_every_code_of_a_problem_is_told(text: str) -> None:
    documented = set(re.findall(r"`(\w+)`", section(text, "Problems")))
    for answer in DOCUMENT["components"]["responses"].values():
        content = answer["content"]["application/problem+json"]
        assert set(content["schema"]["properties"]["code"]["enum"]) <= documented


def test_codes_that_are_told_are_of_errors_or_of_what_serves_them(text: str) -> None:
    documented = set(re.findall(r"`(\w+)`", section(text, "Problems").partition("| code |")[2]))
    known = {kind.code for kind in _all_below(FacesearchError)}
    served = {"method_not_allowed"} | {each["code"] for each in DOCUMENT["x-serve-problems"]}
    gateway = {each["code"] for each in DOCUMENT["x-gateway-problems"].values()}
    assert documented - known - gateway - served == {"Allow", "serve"}


def test_codes_that_only_serve_answers_are_in_the_document() -> None:
    known = {kind.code for kind in _all_below(FacesearchError)}
    known |= {each["code"] for each in DOCUMENT["x-gateway-problems"].values()}
    told = {each["code"]: each["status"] for each in DOCUMENT["x-serve-problems"]}
    made = {
        found
        for file in Path(facesearch_local.server.__file__).parent.glob("*.py")
        for found in re.findall(
            r"HttpProblem\(\s*HTTPStatus\.\w+,\s*\"(\w+)\"", file.read_text("utf-8")
        )
    }
    assert {"too_slow", "unknown_host", "busy"} <= made
    assert made - known == told.keys()
    assert all(
        f"{status} `{code}`" in DOCUMENT["info"]["description"] for code, status in told.items()
    )


def _all_below(kind: type[FacesearchError]) -> set[type[FacesearchError]]:
    children = set(kind.__subclasses__())
    return children | {each for child in children for each in _all_below(child)}
