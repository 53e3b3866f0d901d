"""Problem details: every error of the program has its status, and none tells too much."""

from collections.abc import Iterator
from http import HTTPStatus

import msgspec
import pytest

from facesearch import errors
from facesearch.errors import FacesearchError
from search_faces.problems import KINDS, problem_of


def descendants(kind: type[FacesearchError]) -> Iterator[type[FacesearchError]]:
    for child in kind.__subclasses__():
        yield child
        yield from descendants(child)


LEAVES = [
    kind
    for kind in descendants(FacesearchError)
    if kind.__module__ == errors.__name__ and not kind.__subclasses__()
]


@pytest.mark.parametrize("kind", LEAVES)
def test_every_leaf_of_the_error_tree_has_its_own_entry(kind: type[FacesearchError]) -> None:
    assert kind in KINDS
    assert problem_of(kind("text")).code == kind.code


def test_error_without_an_entry_gets_that_of_the_nearest_above_it() -> None:
    class Blurred(errors.ImageError):
        code = "blurred"

    assert problem_of(Blurred("hold still")).status == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize("kind", LEAVES)
def test_message_is_shown_only_if_it_is_the_caller_s_business(
    kind: type[FacesearchError],
) -> None:
    problem = problem_of(kind("host vpc-1.internal and /var/lib/faces.db"))
    shown = "/var/lib" in problem.detail
    assert shown == issubclass(kind, errors.InputError)
    assert problem.detail


@pytest.mark.parametrize("kind", LEAVES)
def test_only_what_may_pass_says_when_to_try_again(kind: type[FacesearchError]) -> None:
    problem = problem_of(kind("text"))
    assert ("Retry-After" in problem.headers) == (problem.status == 503)


def test_problem_s_json_has_the_members_of_rfc_9457() -> None:
    details = problem_of(errors.NoFaceFound("use another")).details("r-1")
    assert msgspec.to_builtins(details) == {
        "type": "urn:facesearch:problem:no_face",
        "title": "There is no face in the photo",
        "status": 422,
        "detail": "use another",
        "code": "no_face",
        "request_id": "r-1",
    }
