"""The API's document: that it is what the code says, valid, and complete."""

import json
import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from facesearch.errors import FacesearchError
from facesearch.searching import DEFAULT_K, MAX_K
from facesearch_local.openapi.document import FILE, written
from search_faces.app import create_app
from search_faces.handler import open_service
from search_faces.problems import KINDS, problem_of
from search_faces.static import STATIC_ROUTES

NEVER_TOLD = {"error", "invalid_input", "store_full", "bucket_unavailable"}
"""Codes of errors that no route of the API raises: bases, and what only indexing meets."""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    return found


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_committed_document_is_what_the_code_says() -> None:
    assert FILE.read_text("utf-8") == written(), "run: python -m facesearch_local.openapi"


def test_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(document).validate()


def test_routes_and_document_know_the_same_paths(document: dict[str, Any]) -> None:
    app = create_app(open_service)
    registered = {
        (route.method, re.sub(r"<(\w+)>", r"{\1}", route.path))
        for route in (*app._static_routes, *app._dynamic_routes)
    }
    static = {("GET", route.path) for route in STATIC_ROUTES}
    assert set(operations(document)) | static == registered
    assert not set(operations(document)) & static


def test_operations_are_told_apart_and_summed_up(document: dict[str, Any]) -> None:
    documented = list(operations(document).values())
    assert len({each["operationId"] for each in documented}) == len(documented)
    assert all(each["summary"] and each["tags"] for each in documented)
    references = set(re.findall(r'"#/components/(\w+)/([^"]+)"', json.dumps(document)))
    kept = {
        (kind, name)
        for kind, parts in document["components"].items()
        if kind != "securitySchemes"
        for name in parts
    }
    assert references == kept


def test_ranges_and_defaults_are_those_of_the_code(document: dict[str, Any]) -> None:
    search = operations(document)["POST", "/v1/search"]
    by_name = {each["name"]: each["schema"] for each in search["parameters"]}
    k = by_name["k"]
    assert (k["minimum"], k["maximum"]) == (1, MAX_K)
    assert f"Default: {DEFAULT_K}." in str(search["parameters"][0]["description"])
    form = search["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["properties"]["k"]["maximum"] == MAX_K
    assert set(search["requestBody"]["content"]) == {
        *("image/*", "application/octet-stream"),
        *("multipart/form-data", "application/json"),
    }


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503])
def test_search_tells_every_status_that_it_may_answer(
    document: dict[str, Any], status: int
) -> None:
    assert str(status) in operations(document)["POST", "/v1/search"]["responses"]


def test_every_error_that_a_caller_may_meet_is_told_with_its_status(
    document: dict[str, Any],
) -> None:
    statuses: dict[str, set[int]] = {}
    for answer in document["components"]["responses"].values():
        schema = answer["content"]["application/problem+json"]["schema"]["properties"]
        for code in schema["code"]["enum"]:
            statuses.setdefault(code, set()).add(schema["status"]["const"])
    for kind in KINDS:
        if kind.code not in NEVER_TOLD:
            assert problem_of(kind("")).status.value in statuses[kind.code], kind.code
    known = {kind.code for kind in _all_below(FacesearchError)}
    assert set(statuses) - known == {
        *("internal_error", "request_too_large"),
        *("refused", "forbidden", "too_many_requests", "timeout"),
    }


def _all_below(kind: type[FacesearchError]) -> set[type[FacesearchError]]:
    children = set(kind.__subclasses__())
    return children | {each for child in children for each in _all_below(child)}
