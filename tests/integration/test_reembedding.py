"""All photos embedded again through the queue and the function, while the store is in use.

The handlers run on a real OpenSearch, moto's S3 and SQS, and the real models; views 1 and 2 are the
old recipe and the new one. While a step waits, the queue is worked off.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import index_faces.handler
import index_faces.reembedding.handler
from facesearch.faces import IndexedPhoto, Photo, face_id
from facesearch.hidden import Region
from facesearch.settings import Settings
from facesearch.stores import open_store
from facesearch.stores.opensearch import fanned
from facesearch.vision.pipeline import FacePipeline
from index_faces.reembedding.queue import PhotoQueue
from tests.contract.samples import indexed
from tests.events.loading import Context, s3_event, sqs_event
from tests.infrastructure.operating import ASKED_BY_REEMBEDDING, named
from tests.integration.conftest import REGION, TakePhoto, close_services
from tests.integration.opensearch_proxy import running_proxy
from tests.integration.opensearch_server import (  # noqa: F401 (fixtures)
    OpenSearchServer,
    index_fixture,
    opensearch_server_fixture,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

pytestmark = pytest.mark.usefixtures("functions")

CREATED, REMOVED = "s3_object_created_put", "s3_object_removed_delete"
PEOPLE = ("madonna", "elton_john", "ben_afflek")
QUEUE = "reembedding"


class System:
    """The running functions with the old recipe, and the one that embeds again with the new."""

    def __init__(
        self,
        s3: "S3Client",
        sqs: "SQSClient",
        url: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.url = url
        self.s3, self._sqs, self._monkeypatch = s3, sqs, monkeypatch
        self.queue = sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
        self.clock = 0
        self.while_waiting: Callable[[], object] = lambda: None
        monkeypatch.setattr(index_faces.reembedding.handler, "sleep", self._wait)
        monkeypatch.setenv("FACESEARCH_QUEUE", self.queue)
        monkeypatch.setenv("FACESEARCH_CONCURRENCY", "50")
        index_faces.reembedding.handler.read_settings.cache_clear()
        index_faces.reembedding.handler.open_queue.cache_clear()

    def put(self, key: str, data: bytes) -> None:
        """A photo is uploaded, and the running index function told of it."""
        self.s3.put_object(Bucket="photos", Key=key, Body=data)
        self.tell(CREATED, key)

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket="photos", Key=key)
        self.tell(REMOVED, key)

    def tell(self, kind: str, key: str, at: int | None = None) -> None:
        """The running index function gets an event, a later one than the last."""
        self.clock += 1
        sequencer = f"0069B529{self.clock if at is None else at:04X}00000000"
        with self._recipe(views=1):
            event = s3_event(kind, key=key, sequencer=sequencer)
            answer = index_faces.handler.handler(sqs_event({"a": event}), Context("index_faces"))
            assert answer == {"batchItemFailures": []}

    def ask(self, what: str) -> Mapping[str, Any]:
        with self._recipe(views=2):
            answer: Mapping[str, Any] = index_faces.reembedding.handler.handler(
                {"reembed": what}, Context("reembedding")
            )
        return answer

    def work_off(self) -> int:
        """The function gets what is in the queue, batch by batch; returns how many messages."""
        done = 0
        with self._recipe(views=2):
            while records := self._receive():
                event = {"Records": records}
                answer = index_faces.reembedding.handler.handler(event, Context("reembedding"))
                assert answer == {"batchItemFailures": []}
                for record in records:
                    receipt = record["receiptHandle"]
                    self._sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=receipt)
                done += len(records)
        return done

    def lose_messages(self) -> None:
        self._sqs.purge_queue(QueueUrl=self.queue)

    def finish(self, most: int = 5) -> None:
        for _ in range(most):
            if self.ask("step")["phase"] == "done":
                return
            self.work_off()
        raise AssertionError("it does not come to an end")

    def _wait(self, _: float) -> None:
        self.work_off()
        hook, self.while_waiting = self.while_waiting, lambda: None
        hook()

    def _receive(self) -> list[dict[str, Any]]:
        received = self._sqs.receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        )
        return [
            {
                "messageId": each["MessageId"],
                "receiptHandle": each["ReceiptHandle"],
                "body": each["Body"],
                "attributes": dict(each["Attributes"]),
                "messageAttributes": {},
                "eventSourceARN": f"arn:aws:sqs:{REGION}:123456789012:{QUEUE}",
            }
            for each in received.get("Messages", [])
        ]

    @contextmanager
    def _recipe(self, views: int) -> Iterator[None]:
        before = index_faces.handler.open_service
        close_services()
        with self._monkeypatch.context() as patch:
            patch.setenv("FACESEARCH_STORE", self.url)
            patch.setenv("FACESEARCH_VIEWS", str(views))
            patch.setenv("FACESEARCH_REEMBEDDING", "on" if views == 2 else "off")
            yield
            close_services()
        assert index_faces.handler.open_service is before


@pytest.fixture
def url(opensearch_server: OpenSearchServer, index: str) -> str:
    return f"opensearch://{opensearch_server.host}/{index}?refresh=true&retry=3"


@pytest.fixture
def system(
    s3: "S3Client", sqs: "SQSClient", bucket: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> System:
    return System(s3, sqs, url, monkeypatch)


@pytest.fixture
def new_pipeline(system: System, monkeypatch: pytest.MonkeyPatch) -> FacePipeline:
    monkeypatch.setenv("FACESEARCH_VIEWS", "2")
    import os

    return FacePipeline.from_settings(Settings.from_env(os.environ))


def fill(system: System, photo: TakePhoto) -> dict[str, bytes]:
    photos = {f"{person}/{n}.jpg": photo(person, n) for person in PEOPLE for n in range(3)}
    for key, data in photos.items():
        system.put(key, data)
    return photos


def check(system: System, pipeline: FacePipeline, photos: Mapping[str, bytes]) -> None:
    """The store holds what the new recipe makes of exactly these photos."""
    with open_store(system.url, pipeline.recipe) as store:
        held = {each.photo.photo_id for each in store.photos()}
        assert held == {f"s3://photos/{key}" for key in photos}
        for key, data in photos.items():
            found = store.photo(f"s3://photos/{key}")
            assert found is not None
            batch = pipeline.batch_to_index()
            batch.add(data)
            (analysed,) = batch.finish()
            assert not isinstance(analysed, Exception)
            assert len(found.faces) == len(analysed.faces)
            for one, other in zip(found.faces, analysed.faces, strict=True):
                assert float(one.embedding @ other.embedding) > 0.999


def test_every_photo_is_embedded_again_while_photos_come_and_go(
    system: System, photo: TakePhoto, new_pipeline: FacePipeline, index: str
) -> None:
    photos = fill(system, photo)
    system.put("gone.jpg", photo("madonna", 4))
    system.delete("gone.jpg")
    assert system.ask("state")["phase"] == "idle"
    begun = system.ask("begin")
    assert (begun["phase"], begun["photos"], begun["done"]) == ("running", len(photos), 0)

    def meanwhile() -> None:
        """Of photos that were embedded again already."""
        system.put("new.jpg", photos.setdefault("new.jpg", photo("elton_john", 5)))
        photos["madonna/0.jpg"] = photo("madonna", 6)
        system.put("madonna/0.jpg", photos["madonna/0.jpg"])
        system.delete("madonna/1.jpg")
        del photos["madonna/1.jpg"]

    system.while_waiting = meanwhile
    done = system.ask("step")
    assert done["phase"] == "done"
    assert done["new"] == f"{index}-000002"
    check(system, new_pipeline, photos)
    with open_store(system.url, new_pipeline.recipe) as store:
        # What comes late is late in the new index, too.
        late = [indexed("s3://photos/gone.jpg", 1), indexed("s3://photos/madonna/1.jpg", 1)]
        assert store.write(late) == [False, False]
    assert system.ask("drop-old") == {"dropped": [f"{index}-000001"]}


def test_running_functions_search_and_write_until_the_new_index_is_in_place(
    system: System, photo: TakePhoto, pipeline: FacePipeline
) -> None:
    photos = fill(system, photo)
    system.ask("begin")
    with open_store(system.url, pipeline.recipe) as store:

        def held() -> set[str]:
            return {each.photo.photo_id.removeprefix("s3://photos/") for each in store.photos()}

        seen: list[set[str]] = []

        def meanwhile() -> None:
            system.put("new.jpg", photo("madonna", 5))
            seen.append(held())

        system.while_waiting = meanwhile
        assert system.ask("step")["phase"] == "done"
        assert seen == [{*photos, "new.jpg"}]
        assert held() == {*photos, "new.jpg"}  # The old index still answers the old recipe.


@pytest.mark.parametrize("sends", [0, 1, 2])
def test_killed_step_is_gone_on_with_by_the_next(
    sends: int,
    system: System,
    photo: TakePhoto,
    new_pipeline: FacePipeline,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photos = fill(system, photo)
    system.ask("begin")
    monkeypatch.setattr(fanned, "MOST_LISTED", 3)
    left = sends
    send = PhotoQueue.send

    def dies(queue: PhotoQueue, batch: list[fanned.PhotoToSend], *, again: bool) -> None:
        nonlocal left
        if left == 0:
            raise KeyboardInterrupt
        left -= 1
        send(queue, batch, again=again)

    with monkeypatch.context() as patch:
        patch.setattr(PhotoQueue, "send", dies)
        with pytest.raises(KeyboardInterrupt):
            system.ask("step")
    system.delete("madonna/2.jpg")
    del photos["madonna/2.jpg"]
    system.finish()
    check(system, new_pipeline, photos)


def test_lost_messages_are_sent_again_when_nobody_works_any_more(
    system: System,
    photo: TakePhoto,
    new_pipeline: FacePipeline,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photos = fill(system, photo)
    system.ask("begin")
    with monkeypatch.context() as patch:
        patch.setattr(index_faces.reembedding.handler, "sleep", _interrupt)
        # As long as somebody may work on them, nothing is sent twice.
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                system.ask("step")
            assert system.ask("state")["waiting"] == len(photos)
    system.lose_messages()
    system.finish()
    check(system, new_pipeline, photos)


def _interrupt(_: float) -> None:
    raise KeyboardInterrupt


def test_photo_that_is_gone_without_an_event_is_forgotten(
    system: System, photo: TakePhoto, new_pipeline: FacePipeline
) -> None:
    photos = fill(system, photo)
    system.s3.delete_object(Bucket="photos", Key="madonna/0.jpg")
    del photos["madonna/0.jpg"]
    system.ask("begin")
    system.finish()
    check(system, new_pipeline, photos)


def test_writes_that_a_killed_step_left_blocked_go_on(
    opensearch_server: OpenSearchServer,
    index: str,
    system: System,
    photo: TakePhoto,
    new_pipeline: FacePipeline,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photos = fill(system, photo)
    system.ask("begin")
    opensearch_server.request("PUT", f"/{index}-000001/_block/write")
    monkeypatch.setattr(index_faces.reembedding.handler, "sleep", _interrupt)
    with pytest.raises(KeyboardInterrupt):
        system.ask("step")
    system.put("new.jpg", photos.setdefault("new.jpg", photo("madonna", 5)))
    monkeypatch.setattr(index_faces.reembedding.handler, "sleep", system._wait)
    system.finish()
    check(system, new_pipeline, photos)


@pytest.mark.parametrize("lost", [False, True])
def test_limits_that_were_recorded_for_a_photo_hold_for_it_again(
    lost: bool,
    system: System,
    photo: TakePhoto,
    new_pipeline: FacePipeline,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("FACESEARCH_MAX_FACES", "7")
        patch.setenv("FACESEARCH_MIN_FACE_SIZE", "5000")
        system.put("old.jpg", photo("madonna", 0))
    system.put("new.jpg", photo("madonna", 1))
    system.ask("begin")
    if lost:
        # Those that are sent again are looked for in the bucket first.
        with monkeypatch.context() as patch:
            patch.setattr(index_faces.reembedding.handler, "sleep", _interrupt)
            with pytest.raises(KeyboardInterrupt):
                system.ask("step")
        system.lose_messages()
    system.finish()
    with open_store(system.url, new_pipeline.recipe) as store:
        old, new = store.photo("s3://photos/old.jpg"), store.photo("s3://photos/new.jpg")
    assert old is not None
    assert new is not None
    assert old.photo.limits == {"max_faces": 7, "min_face_size": 5000}
    assert (len(old.faces), old.photo.left_out.by_quality > 0) == (0, True)
    assert (len(new.faces) > 0, new.photo.limits) == (True, {})


def test_hidden_faces_stay_hidden_that_are_hidden_before_and_meanwhile(
    system: System, new_pipeline: FacePipeline, photo: TakePhoto
) -> None:
    photos = fill(system, photo)
    one, other = (f"s3://photos/{key}" for key in list(photos)[:2])

    def hide(photo_id: str) -> None:
        with open_store(system.url, None) as store:
            face = store.face(face_id(photo_id, 0))
            assert face is not None
            store.hide(photo_id, Region.of(face.face.detected.box, face.photo))

    hide(one)
    system.while_waiting = lambda: hide(other)
    assert system.ask("begin")["phase"] == "running"
    system.finish()
    check(system, new_pipeline, photos)
    with open_store(system.url, new_pipeline.recipe) as store:
        for each in (one, other):
            face = store.face(face_id(each, 0))
            assert face is not None
            assert face.hidden
            matches = store.search(face.face.embedding, 50)
            assert face.face_id not in {match.stored.face_id for match in matches}


def test_store_with_photos_of_other_places_is_refused(system: System, photo: TakePhoto) -> None:
    system.put("a.jpg", photo("madonna", 0))
    with open_store(system.url, None) as store:
        recipe = store.stored_recipe()
    with open_store(system.url, recipe) as store:
        store.write([IndexedPhoto(Photo("file:///home/a.jpg", 1))])
    answer = system.ask("begin")
    assert answer["error"] == "invalid_request"
    assert "1 photos of the store are not in s3://photos/" in answer["reason"]
    assert system.ask("state")["phase"] == "idle"


def test_other_shape_is_copied_and_other_settings_are_set(
    opensearch_server: OpenSearchServer, system: System, photo: TakePhoto, pipeline: FacePipeline
) -> None:
    photos = fill(system, photo)
    system.delete("madonna/0.jpg")
    del photos["madonna/0.jpg"]
    # The running recipe is 1 view: ask as that.
    url = f"{system.url}&shards=3&replicas=0"
    with fanned.FannedRebuild.from_url(url, pipeline.recipe) as rebuild:
        assert rebuild.begin("s3://photos/").phase == "running"
        state = rebuild.step(_Nobody(), lambda: 100.0, _interrupt)
        assert (state.phase, state.photos) == ("done", len(photos))
        settings = opensearch_server.request("GET", f"/{state.new}/_settings?flat_settings=true")
        assert isinstance(settings, dict)
        flat = settings[state.new]["settings"]
        assert flat["index.number_of_shards"] == "3"
    with fanned.FannedRebuild.from_url(f"{system.url}&shards=3&replicas=1", pipeline.recipe) as it:
        assert it.begin("s3://photos/").phase == "done"
    settings = opensearch_server.request("GET", f"/{state.new}/_settings?flat_settings=true")
    assert isinstance(settings, dict)
    assert settings[state.new]["settings"]["index.number_of_replicas"] == "1"
    check(system, pipeline, photos)


class _Nobody:
    """A copy needs no workers."""

    def send(self, photos: object, *, again: bool) -> None:
        raise AssertionError(f"nothing has to be embedded: {photos} {again}")

    def busy(self) -> bool:
        return False


def test_many_shards_and_a_busy_store_come_to_an_end(
    system: System, photo: TakePhoto, new_pipeline: FacePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.url = f"{system.url}&shards=4"
    photos = fill(system, photo)
    monkeypatch.setattr(fanned, "MOST_LISTED", 4)
    monkeypatch.setattr(fanned, "MOST_WHILE_BLOCKED", 1)
    system.ask("begin")
    system.finish()
    check(system, new_pipeline, photos)


def test_it_asks_of_the_index_what_its_policy_is_held_to(
    opensearch_server: OpenSearchServer, index: str, system: System, photo: TakePhoto
) -> None:
    fill(system, photo)
    with running_proxy(opensearch_server.host) as proxy:
        system.url = f"opensearch://{proxy.host}/{index}?refresh=true&retry=3&shards=2"
        system.delete("madonna/0.jpg")
        proxy.seen.clear()
        system.ask("begin")
        system.finish()
        system.ask("drop-old")
        system.ask("begin")
    asked = {(seen.method, named(seen.path, index)) for seen in proxy.seen}
    assert asked == set(ASKED_BY_REEMBEDDING)
