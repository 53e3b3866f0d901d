"""A short slice of the load benchmark on the stack: what must hold however busy the machine is."""

from pathlib import Path

import pytest

from tests.benchmarks.load.phases import Report
from tests.benchmarks.load.stack import load
from tests.e2e.system import RunningSystem

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture(scope="module")
def report(system: RunningSystem, sample: Path) -> Report:
    photos = [path.read_bytes() for path in sorted((sample / "train").rglob("*.jpg"))[::8]]
    report = load(system, photos, seconds=10, overload_s=10, share=0.4, measured_s=10)
    system.clear()
    return report


def test_steady_load_has_no_error(report: Report) -> None:
    steady = report.steady
    assert dict(steady.errors) == {}
    assert len(steady.took_s) == round(steady.rate * steady.seconds)


def test_overload_is_answered_or_to_be_tried_again_and_nothing_is_lost(report: Report) -> None:
    overload = report.overload
    assert (dict(overload.errors), overload.without_retry_after) == ({}, 0)
    assert len(overload.took_s) + overload.refused.total() == round(
        overload.rate * overload.seconds
    )
    assert report.uploaded > 0
    assert report.lost == []
