"""Problem details: every error of the program has its status, and none tells too much."""

import ast
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import msgspec
import pytest

import search_faces
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


FUNCTION = Path(search_faces.__file__).parent
ERRORS = {kind.__name__ for kind in descendants(FacesearchError)} | {"FacesearchError"}


def sentences() -> Iterator[str]:
    """Every sentence that an error of the API is made with, with … for what is filled in."""
    for file in sorted(FUNCTION.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                if node.func.id in ERRORS:
                    yield sentence(node.args[0])
                elif node.func.id == "HttpProblem" and len(node.args) == 4:
                    yield sentence(node.args[3])


def sentence(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(sentence(part) for part in node.values)
    return "…"


SENTENCES = [*dict.fromkeys(sentences())]


@pytest.mark.parametrize("text", [each for each in SENTENCES if each != "…"])
def test_sentence_gives_the_thing_and_its_cause_then_the_fix(text: str) -> None:
    what, colon, fix = text.partition(": ")
    assert colon, text
    assert what == "…" or len(what.split()) >= 2, text
    assert fix.split()[0] in {
        *("send", "use", "convert", "encode", "give", "let", "add", "leave", "choose", "lower"),
        *("scale", "ask", "upload", "POST", "search", "name", "the", "its", "try", "make"),
        "see",
    }, text


def test_there_are_sentences_to_read() -> None:
    assert len(SENTENCES) > 25
