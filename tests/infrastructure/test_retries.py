"""What is tried again, for how long, and who is told: the real handler on a simulated queue.

The queue's time-outs and tries and the alarms' rules are the template's. See `queue_simulation`.
"""

import io
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image

import index_faces.batches
import index_faces.handler
from facesearch.errors import BucketUnavailable, ReadError, StoreError, StoreUnavailable
from facesearch.faces import IndexedPhoto, Removal
from facesearch.photos.bucket import S3Photos
from facesearch.photos.reading import PhotoContent
from facesearch.stores.sqlite.store import SqliteStore
from facesearch.vision.pipeline import FacePipeline
from index_faces.breaker import Breaker
from index_faces.messages import BatchResult, index_messages
from index_faces.queue import ChangesQueue
from index_faces.service import IndexService
from tests.events.loading import Context, s3_event
from tests.infrastructure.queue_simulation import ARN, Clock, SimulatedQueue, poll
from tests.infrastructure.template import Resource, Template

HOUR = 3600.0
FRIDAY = 1_773_410_400.0  # 2026-03-13, 14:00 UTC
OUTAGE = (FRIDAY + 3 * HOUR, FRIDAY + 63 * HOUR)
BAD = "bad.jpg"


class Photos(S3Photos):
    """A bucket that has every photo, and does not hand out the bad one. It may be away."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.away = (0.0, 0.0)
        buffer = io.BytesIO()
        Image.new("RGB", (64, 48), "navy").save(buffer, "PNG")
        self._data = buffer.getvalue()

    def read(self, photo_id: str) -> PhotoContent:
        start, end = self.away
        if start <= self._clock() < end:
            raise BucketUnavailable("bucket 'photos' hands out no photo now (SlowDown)")
        if photo_id.endswith(BAD):
            raise ReadError("bucket 'photos' does not hand out the photo (AccessDenied)")
        return PhotoContent(self._data, "1")


class AwayStore(SqliteStore):
    """A store that is away for a while. It takes its time-outs and retries to say so."""

    clock: Clock

    def write(self, changes: Sequence[IndexedPhoto | Removal]) -> list[bool | StoreError]:
        start, end = OUTAGE
        if start <= self.clock() < end:
            self.clock.now += 30
            raise StoreUnavailable("the store cannot be reached")
        return super().write(changes)


class System:
    """The handler between a simulated queue and a store that is away at times."""

    def __init__(
        self,
        template: Template,
        pipeline: FacePipeline,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        printed: Callable[[], str],
    ) -> None:
        self.clock = Clock(FRIDAY)
        self.reported: list[tuple[float, dict[str, float]]] = []
        self._printed = printed
        mapping = template.one("AWS::Lambda::EventSourceMapping")["Properties"]
        self._batch_size = mapping["BatchSize"]
        changes = template.target(mapping["EventSourceArn"])["Properties"]
        self.queue = SimulatedQueue(
            self.clock,
            visibility_s=changes["VisibilityTimeout"],
            kept_s=changes["MessageRetentionPeriod"],
            tries=changes["RedrivePolicy"]["maxReceiveCount"],
        )
        store = AwayStore.from_url(f"sqlite:///{folder}/faces.db", pipeline.recipe)
        store.clock = self.clock
        self.store = store
        self.photos = Photos(self.clock)
        service = IndexService("photos", self.photos, pipeline, store, clock=self.clock)
        client = cast("Any", self.queue)
        monkeypatch.setattr(index_faces.handler, "open_service", lambda: service)
        monkeypatch.setattr(index_faces.handler, "breaker", Breaker(self.clock))
        monkeypatch.setattr(index_faces.handler, "open_queue", lambda _: ChangesQueue(client, ARN))

        class Here:
            """In place of the process for suspects, which `test_killing_photo` has."""

            def __enter__(self) -> "Here":
                return self

            def __exit__(self, *_: object) -> None:
                """Nothing to end."""

            def index(self, message_id: str, body: str) -> BatchResult:
                return index_messages({message_id: body}, service)

        monkeypatch.setattr(index_faces.batches, "AloneProcess", Here)

    def upload(self, key: str) -> None:
        sequencer = f"{int(self.clock()):010X}00000000"
        self.queue.send(json.dumps(s3_event("s3_object_created_put", key=key, sequencer=sequencer)))

    def run_until(self, time: float) -> None:
        poll(self.queue, self._handle, batch_size=self._batch_size, until=time)

    def _handle(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        self._printed()
        answer: Mapping[str, Any] = index_faces.handler.handler(dict(event), Context("index_faces"))
        for line in self._printed().splitlines():
            metrics = json.loads(line)
            if "_aws" in metrics:
                values = {name: each[0] for name, each in metrics.items() if isinstance(each, list)}
                self.reported.append((self.clock(), values))
        return answer

    def stored(self) -> set[str]:
        return {each.photo.photo_id.rpartition("/")[2] for each in self.store.photos()}

    def alarmed(self, alarm: Resource) -> list[float]:
        """The ends of the periods in which the alarm was on, as CloudWatch decides."""
        sums: dict[int, float] = defaultdict(float)
        for time, values in self.reported:
            sums[int(time // alarm["Period"])] += values.get(alarm["MetricName"], 0.0)
        assert alarm["Statistic"] == "Sum"
        assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
        needed = alarm["EvaluationPeriods"]
        return [
            (period + 1) * alarm["Period"]
            for period in sorted(sums)
            if all(sums[period - back] > alarm["Threshold"] for back in range(needed))
        ]


@pytest.fixture
def system(
    template: Template,
    pipeline: FacePipeline,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> System:
    return System(template, pipeline, tmp_path, monkeypatch, lambda: capsys.readouterr().out)


def undone_alarm(template: Template) -> Resource:
    (alarm,) = (
        each["Properties"]
        for each in template.of_type("AWS::CloudWatch::Alarm")
        if each["Properties"]["MetricName"] == "PhotosUndone"
    )
    rule: Resource = alarm
    return rule


def test_weekend_without_a_store_loses_nothing_and_one_bad_photo_is_given_up(
    system: System, template: Template
) -> None:
    start, end = OUTAGE
    uploaded: set[str] = set()
    system.upload(BAD)
    while system.clock() < end + HOUR:
        key = f"{len(uploaded):03}.jpg"
        uploaded.add(key)
        system.upload(key)
        system.run_until(system.clock() + HOUR / 2)
        if system.clock() < start:
            assert system.stored() == uploaded
    # No hand, and no longer than the longest delay and the breaker's pause.
    system.run_until(max(system.clock(), end + HOUR))
    assert system.stored() == uploaded
    assert system.queue.lost == []
    assert system.queue.waiting == {}
    ((given_up, letter),) = system.queue.dead
    assert BAD in letter.body
    assert given_up - FRIDAY < HOUR / 2
    on = system.alarmed(undone_alarm(template))
    during = [time for time in on if time > start]
    assert during[0] <= start + HOUR
    # It stays on, and goes off by itself.
    assert len(during) >= (end - during[0]) // 900 - 1
    assert during[-1] <= end + HOUR


def test_hours_without_the_bucket_loses_nothing_and_one_bad_photo_is_given_up_after_it(
    system: System, template: Template
) -> None:
    system.photos.away = (start, end) = (FRIDAY, FRIDAY + 2 * HOUR)
    system.upload(BAD)
    system.upload("good.jpg")
    system.run_until(end)
    assert system.queue.dead == []
    on = system.alarmed(undone_alarm(template))
    assert on
    assert on[0] <= start + HOUR
    system.run_until(end + HOUR)
    assert system.stored() == {"good.jpg"}
    assert system.queue.waiting == {}
    assert [BAD in letter.body for _, letter in system.queue.dead] == [True]
    # It is off again.
    assert system.alarmed(undone_alarm(template))[-1] <= end + HOUR


def test_photo_that_waits_beside_a_bad_one_is_not_given_up_with_it(system: System) -> None:
    start, end = OUTAGE
    system.clock.now = start + HOUR
    system.upload(BAD)
    system.upload("good.jpg")
    system.run_until(end + HOUR)
    assert system.stored() == {"good.jpg"}
    assert [BAD in letter.body for _, letter in system.queue.dead] == [True]


def test_photo_that_fails_once_is_tried_again_within_seconds(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Photos.read
    failures = [ReadError("SlowDown")]

    def read_later(self: Photos, photo_id: str) -> PhotoContent:
        if failures:
            raise failures.pop()
        return read(self, photo_id)

    monkeypatch.setattr(Photos, "read", read_later)
    system.upload("a.jpg")
    system.run_until(FRIDAY + 15)
    assert system.stored() == {"a.jpg"}


def test_away_store_is_left_alone_and_costs_little(system: System) -> None:
    start, _ = OUTAGE
    system.clock.now = start
    for number in range(200):
        system.upload(f"{number}.jpg")
    tried = system.clock()
    system.run_until(start + 2 * HOUR)
    spent = sum(values.get("StoreLatency", 0) > 0 for _, values in system.reported)
    assert system.clock() > tried
    # One try every five minutes, not one for every batch.
    assert spent <= 2 * 12 + 2
    assert len(system.reported) > 2 * spent
