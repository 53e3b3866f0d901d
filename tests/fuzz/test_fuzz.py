"""A slice of the fuzzing, and every input that ever failed."""

from pathlib import Path

import pytest

from facesearch.vision.pipeline import FacePipeline
from tests.fuzz.hostile_requests import HOSTILE_REQUESTS
from tests.fuzz.mutations import mutate
from tests.fuzz.targets import TARGETS, with_detection

FAILURES = Path(__file__).parent / "failures"
SLICES = {"decode": 1000, "form": 10_000, "request": 10_000, "event": 10_000, "recipe": 3000}
DETECTED = 20


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_inputs_are_read_or_refused(name: str) -> None:
    target = TARGETS[name]
    seeds = target.seeds()
    for seed in seeds:
        target.run(seed)
    for number in range(SLICES[name]):
        data = mutate(seeds, number)
        try:
            target.run(data)
        except Exception as error:
            error.add_note(f"mutation {number} of {name}")
            raise


def test_mutated_photos_are_searched_for_faces_or_refused(pipeline: FacePipeline) -> None:
    target = with_detection(pipeline)
    seeds = target.seeds()
    for number in range(DETECTED):
        target.run(mutate(seeds, number))


@pytest.mark.parametrize("name", HOSTILE_REQUESTS)
def test_hostile_requests_are_read_or_refused(name: str) -> None:
    target, made = HOSTILE_REQUESTS[name]
    TARGETS[target].run(made())


def test_what_failed_once_fails_no_more() -> None:
    for path in sorted(FAILURES.glob("*/*")):
        TARGETS[path.parent.name].run(path.read_bytes())


def test_mutations_are_the_same_for_the_same_number() -> None:
    seeds = TARGETS["event"].seeds()
    assert [mutate(seeds, number) for number in range(50)] == [
        mutate(seeds, number) for number in range(50)
    ]
    assert len({mutate(seeds, number) for number in range(50)}) > 45
