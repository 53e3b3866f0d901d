"""Whatever is sent to the queue: the function ends well, and no message harms another."""

import copy
import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facesearch.stores import FaceStore
from index_faces.handler import handler
from tests.events.loading import Context, Event, load, s3_event, sqs_event

pytestmark = pytest.mark.usefixtures("functions")

NAMES = (
    *("Records", "Event", "eventName", "eventTime", "s3", "bucket", "object", "name", "key"),
    *("size", "versionId", "sequencer"),
)
EVENTS = [
    load(name)
    for name in (
        *("s3_object_created_put", "s3_object_removed_delete", "s3_object_removed_delete_version"),
        *("s3_lifecycle_expiration_delete", "s3_object_tagging_put", "s3_test_event"),
    )
]
TEXTS = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    [
        *("", "photos", "s3://", "/", "%00", "%ff", "%2e%2e%2f", "\x00", "\ud800", "A" * 2000),
        *("F" * 18, "F" * 40, "F" * 9999, "0", "-1", "0x1F", "ObjectCreated:Put", "s3:", ":"),
        *("9999-12-31T23:59:59.999999-23:59", "0001-01-01T00:00:00+23:59", "1970-01-01"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.just(10**400),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMES) | TEXTS, inner, max_size=4)
    ),
    max_leaves=12,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of each value inside."""
    inside: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    return [path, *(place for name, each in inside for place in places(each, (*path, name)))]


@st.composite
def twisted(draw: st.DrawFn) -> str:
    """A real event in which some values are others, or gone."""
    event: Any = copy.deepcopy(draw(st.sampled_from(EVENTS)))
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(places(event)[1:]))
        inside = event
        for step in way:
            inside = inside[step]
        if draw(st.booleans()):
            inside[last] = draw(JSON)
        else:
            del inside[last]
        if len(places(event)) == 1:
            break
    return json.dumps(event)


BODIES = twisted() | twisted() | JSON.map(json.dumps) | TEXTS


def removal(key: str) -> Event:
    sequencer = f"{int(time.time()):010X}00000000"
    return s3_event("s3_object_removed_delete", key=key, sequencer=sequencer)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(hostile=st.lists(BODIES, min_size=1, max_size=4), at=st.integers(0, 4))
def test_no_message_harms_another(
    hostile: list[str], at: int, bucket: str, store: FaceStore
) -> None:
    good = f"removed {time.time_ns()}.jpg"
    bodies: list[str | Event] = [*hostile[:at], removal(good), *hostile[at:]]
    event = sqs_event({str(number): body for number, body in enumerate(bodies)})
    place = bodies.index(next(body for body in bodies if isinstance(body, dict)))
    response = handler(event, Context("index_faces"))
    failed = {failure["itemIdentifier"] for failure in response["batchItemFailures"]}
    assert failed <= {str(number) for number in range(len(bodies))} - {str(place)}
    photo_id = f"s3://{bucket}/{good}"
    assert store.sequences([photo_id]).keys() == {photo_id}
