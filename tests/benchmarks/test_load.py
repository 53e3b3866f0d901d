"""A short slice of the load benchmark: what must hold on any machine, however busy it is."""

from pathlib import Path

import pytest

from tests.benchmarks.load.phases import Phase, Report
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
