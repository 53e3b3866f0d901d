"""A short slice of the load benchmark: what must hold on any machine, however busy it is."""

import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.benchmarks.load.client import Client
from tests.benchmarks.load.phases import Phase, Report, closed_loop
from tests.benchmarks.load.serving import run


@pytest.fixture(scope="module")
def report(sample: Path, models: Path) -> Report:
    photos = [path.read_bytes() for path in sorted((sample / "train").rglob("*.jpg"))[::8]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACESEARCH_MODELS", str(models))
        return run(photos, seconds=6, overload_s=4, share=0.4)


@pytest.mark.slow
def test_steady_load_has_no_error_and_leaves_nothing_behind(report: Report) -> None:
    steady = report.steady
    assert (dict(steady.errors), dict(steady.refused)) == ({}, {})
    assert len(steady.took_s) == round(steady.rate * steady.seconds)
    held = steady.held
    assert held[-1]["memory_mb"] < 1.2 * held[len(held) // 2]["memory_mb"]
    # A connection of each client, and a file of the store with its log for each process.
    assert held[-1]["handles"] < held[0]["handles"] + 100


@pytest.mark.slow
def test_overload_is_answered_or_to_be_tried_again_and_loses_nothing(report: Report) -> None:
    overload: Phase = report.overload
    assert (dict(overload.errors), overload.without_retry_after) == ({}, 0)
    assert len(overload.took_s) + overload.refused.total() == round(
        overload.rate * overload.seconds
    )
    assert overload.greedy.keys() <= {"415", "503", "ConnectionResetError", "BrokenPipeError"}
    assert report.uploaded > 0
    assert report.lost == []


class _Refused(Client):
    """Each second request is answered."""

    def search(self, number: int) -> tuple[int, str]:
        time.sleep(0.01)
        return (200, "") if number % 2 else (429, "1")

    def upload(self) -> tuple[int, str]:
        return 503, "1"


def test_what_a_service_can_do_is_what_it_answers_with_success() -> None:
    start = time.monotonic()
    answered = closed_loop(_Refused(lambda: HTTPConnection("127.0.0.1"), []), 0.5)
    most = 4 * (time.monotonic() - start) / 0.01 / 2
    assert 0 < answered <= 1.1 * most
