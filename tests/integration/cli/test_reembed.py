"""`facesearch reembed`: the function is asked by Lambda's API, and by nothing else."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

import facesearch_local.cli.reembed
from tests.integration.cli.running import Cli
from tests.integration.lambda_api import lambda_api

NAME = "facesearch-prod-reembedding"


class Function:
    """It embeds a third of the photos between two questions."""

    def __init__(self) -> None:
        self.phase, self.done = "idle", 0
        self.asked: list[str] = []
        self.refuses: object = None

    def __call__(self, event: Mapping[str, Any]) -> object:
        what = event["reembed"]
        self.asked.append(what)
        if self.refuses is not None:
            return self.refuses
        if what == "drop-old":
            return {"dropped": ["faces-000001"]}
        if what == "begin":
            self.phase = "running"
        elif self.phase == "running":
            self.done = min(self.done + 100_000, 300_000)
            self.phase = "done" if self.done == 300_000 else "running"
        return {
            "phase": self.phase,
            "photos": 300_000,
            "done": self.done,
            "old": "faces-000001",
            "new": "faces-000002",
            "waiting": 300_000 - self.done,
            "concurrency": 50,
            "memory_mb": 2048,
            "threads": 1,
        }


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[Function]:
    answers = Function()
    monkeypatch.setattr(facesearch_local.cli.reembed, "POLL_S", 0.01)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    with lambda_api(NAME, answers) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield answers


def test_reembed_tells_what_it_takes_begins_and_follows_to_the_end(
    cli: Cli, function: Function
) -> None:
    ran = cli("reembed", NAME, "--yes")
    assert ran.code == 0
    # 300,000 photos of 0.15 s, 50 at once, in 2 GB: 1.50 USD of compute, some cents of the rest.
    assert "300,000 photos: about 45,000 seconds of Lambda, 0.2 hours, 1.86 US dollars" in ran.err
    assert ran.out == "300,000 photos are in faces-000002 now.\n"
    assert function.asked == ["state", "begin", "state", "state", "state"]


def test_reembed_that_was_ended_is_followed_again_without_a_question(
    cli: Cli, function: Function
) -> None:
    function.phase, function.done = "running", 100_000
    ran = cli("reembed", NAME)
    assert (ran.code, "begin" in function.asked) == (0, False)


def test_reembed_begins_nothing_where_nobody_can_be_asked(cli: Cli, function: Function) -> None:
    ran = cli("reembed", NAME)
    assert (ran.code, function.asked) == (2, ["state"])
    assert "add --yes" in ran.err


def test_status_only_tells(cli: Cli, function: Function) -> None:
    ran = cli("reembed", NAME, "--status", "--json")
    assert (ran.code, function.asked) == (0, ["state"])
    left = {"photos": 300_000, "lambda_s": 45_000, "hours": 0.25, "usd": 1.86}
    assert (ran.json["phase"], ran.json["left"]) == ("idle", left)
    function.phase = "running"
    ran = cli("reembed", NAME, "--status")
    assert "100,000 of 300,000 photos in faces-000002; 200,000 messages" in ran.out


def test_old_indexes_are_dropped_by_the_function(cli: Cli, function: Function) -> None:
    assert cli("reembed", NAME, "--drop-old").out == "faces-000001 is deleted.\n"
    assert function.asked == ["drop-old"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"error": "store_unavailable", "reason": "the index is away"}, "the index is away"),
        (None, "does not embed photos again"),
    ],
)
def test_refusal_of_the_function_is_told(
    answer: object, told: str, cli: Cli, function: Function
) -> None:
    function.refuses = answer if answer is not None else {}
    ran = cli("reembed", NAME)
    assert ran.code == 1
    assert told in ran.err


def test_function_that_does_not_exist_is_named(cli: Cli, function: Function) -> None:
    ran = cli("reembed", "another")
    assert (ran.code, function.asked) == (1, [])
    assert "ResourceNotFoundException" in ran.err
