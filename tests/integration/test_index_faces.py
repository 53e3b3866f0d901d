"""The index function: S3's events as SQS delivers them, a real bucket, models and store."""

import io
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

import pytest
from PIL import Image

from facesearch.errors import ReadError
from facesearch.faces import photo_key
from facesearch.photos.bucket import S3Photos
from facesearch.photos.reading import PhotoContent
from facesearch.stores import FaceStore
from index_faces.handler import handler
from tests.events.loading import Context, Event, load, s3_event, sqs_event
from tests.integration.conftest import REGION, Logs, TakePhoto, close_services, metric_series

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

pytestmark = pytest.mark.usefixtures("functions")


CREATED = "s3_object_created_put"
REMOVED = "s3_object_removed_delete"


def index(bodies: dict[str, str | Event]) -> list[str]:
    """Hand the messages to the function; returns the ids of those that it failed."""
    response = handler(sqs_event(bodies), Context("index_faces"))
    return [str(failure["itemIdentifier"]) for failure in response["batchItemFailures"]]


def created(key: str, sequencer: str = "0069B529DD00000000") -> Event:
    return s3_event(CREATED, key=key, sequencer=sequencer)


def removed(key: str, sequencer: str = "0069B529DE00000000") -> Event:
    return s3_event(REMOVED, key=key, sequencer=sequencer)


RECORD = created("bad.jpg")["Records"][0]


def version_removed(key: str, sequencer: str) -> Event:
    return s3_event("s3_object_removed_delete_version", key=key, sequencer=sequencer)


def problems(store: FaceStore) -> dict[str, str]:
    """What the store holds: photos' keys and problems."""
    photos = [listing.photo for listing in store.photos()]
    return {photo.photo_id.removeprefix("s3://photos/"): photo.problem for photo in photos}


def faceless() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (320, 240), "navy").save(buffer, "PNG")
    return buffer.getvalue()


def test_created_photo_is_stored_with_its_faces_revision_and_metadata(
    s3: "S3Client", bucket: str, store: FaceStore, photo: TakePhoto
) -> None:
    key = "people/Zoë Kravitz/portrait+1.jpg"
    s3.put_object(Bucket=bucket, Key=key, Body=photo("madonna", 1), Metadata={"Album": "summer"})
    assert index({"a": load(CREATED)}) == []
    found = store.photo(f"s3://photos/{key}")
    assert found is not None
    assert len(found.faces) == 1
    assert found.photo.metadata == {"album": "summer"}
    assert found.photo.revision == s3.head_object(Bucket=bucket, Key=key)["ETag"].strip('"')


def test_batch_of_good_and_bad_photos_records_each_and_fails_no_message(
    s3: "S3Client", bucket: str, store: FaceStore, photo: TakePhoto
) -> None:
    contents = {
        "good.jpg": photo("elton_john", 1),
        "cut.jpg": photo("elton_john", 2)[:3000],
        "text.jpg": b"hello",
        "empty.jpg": b"",
        "faceless.png": faceless(),
    }
    for key, data in contents.items():
        s3.put_object(Bucket=bucket, Key=key, Body=data)
    assert index({key: created(key) for key in contents}) == []
    assert problems(store) == {
        "good.jpg": "",
        "cut.jpg": "damaged_image",
        "text.jpg": "not_an_image",
        "empty.jpg": "not_an_image",
        "faceless.png": "",
    }
    assert store.counts().faces == 1


def test_removed_photo_is_forgotten(
    s3: "S3Client", bucket: str, store: FaceStore, photo: TakePhoto
) -> None:
    s3.put_object(Bucket=bucket, Key="a b.jpg", Body=photo("madonna", 1))
    index({"a": created("a b.jpg")})
    s3.delete_object(Bucket=bucket, Key="a b.jpg")
    assert index({"b": removed("a b.jpg")}) == []
    assert problems(store) == {}


def test_delivering_an_event_again_changes_nothing(
    s3: "S3Client", bucket: str, store: FaceStore, photo: TakePhoto
) -> None:
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=photo("madonna", 1))
    index({"a": created("a.jpg")})
    before = [face.face_id for face in store.faces()]
    assert index({"a": created("a.jpg")}) == []
    assert [face.face_id for face in store.faces()] == before


def test_created_event_after_a_newer_removal_does_not_bring_the_photo_back(
    s3: "S3Client", bucket: str, store: FaceStore, photo: TakePhoto
) -> None:
    index({"removal": removed("a.jpg")})
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=photo("madonna", 1))
    assert index({"late": created("a.jpg")}) == []
    assert problems(store) == {}


@pytest.mark.parametrize("newest_first", [False, True])
def test_of_several_events_of_a_key_in_a_batch_the_newest_counts(
    newest_first: bool, s3: "S3Client", bucket: str, store: FaceStore, photo: TakePhoto
) -> None:
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=photo("madonna", 1))
    messages: dict[str, str | Event] = {
        "old": created("a.jpg", "0069B529DD00000000"),
        "gone": removed("a.jpg", "0069B529DE"),
        "back": created("a.jpg", "0069B529DF00000000"),
    }
    assert index(dict(reversed(messages.items())) if newest_first else messages) == []
    assert problems(store) == {"a.jpg": ""}


def test_archived_photo_is_recorded_so_and_indexed_when_it_is_restored(
    s3: "S3Client", bucket: str, photo: TakePhoto, store: FaceStore
) -> None:
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=photo("madonna", 0), StorageClass="DEEP_ARCHIVE")
    assert index({"1": created("a.jpg")}) == []
    assert problems(store) == {"a.jpg": "photo_archived"}
    s3.restore_object(Bucket=bucket, Key="a.jpg", RestoreRequest={"Days": 1})
    restored = s3_event("s3_object_restore_completed", key="a.jpg")
    assert index({"2": restored}) == []
    assert problems(store) == {"a.jpg": ""}
    assert store.counts().faces == 1


def test_photo_that_is_gone_by_now_fails_no_message(bucket: str, store: FaceStore) -> None:
    assert index({"a": created("gone.jpg")}) == []
    assert store.stored_recipe() is None


def test_events_that_concern_no_photo_touch_neither_bucket_nor_store(store: FaceStore) -> None:
    messages: dict[str, str | Event] = {
        "test": load("s3_test_event"),
        "folder": load("s3_object_created_folder"),
    }
    assert index(messages) == []
    assert store.stored_recipe() is None


@pytest.mark.parametrize(
    "body",
    [
        *("", "{", "null", "[]", "{}", '{"Records": null}', '{"Records": 7}', "\ud800", "\x00"),
        *(json.dumps({"Records": [{"eventName": "\ud800"}]}), '{"Records": ' + "[" * 100_000),
    ],
    ids=lambda body: repr(body)[:20],
)
def test_malformed_message_alone_fails(
    body: str, s3: "S3Client", bucket: str, store: FaceStore, photo: TakePhoto
) -> None:
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=photo("madonna", 1))
    assert index({"bad": body, "good": created("a.jpg")}) == ["bad"]
    assert problems(store) == {"a.jpg": ""}


@pytest.mark.parametrize("record", [{}, RECORD], ids=["empty", "S3's"])
def test_message_of_countless_records_is_refused_as_a_whole(
    record: object, s3: "S3Client", bucket: str, store: FaceStore, photo: TakePhoto, logs: Logs
) -> None:
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=photo("madonna", 1))
    bomb: Event = {"Records": [record] * 2000}
    assert index({"bomb": bomb, "good": created("a.jpg")}) == ["bomb"]
    assert problems(store) == {"a.jpg": ""}
    assert len(logs()) < 10


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> str:
    """The key of a photo that the bucket does not hand out."""
    key = "secret name.jpg"
    read = S3Photos.read

    def refuse(self: S3Photos, photo_id: str) -> PhotoContent:
        if photo_id.endswith(f"/{key}"):
            raise ReadError("bucket 'photos' does not hand out the photo (AccessDenied)")
        return read(self, photo_id)

    monkeypatch.setattr(S3Photos, "read", refuse)
    return key


def test_message_with_several_records_fails_if_one_photo_could_not_be_read(
    *, s3: "S3Client", bucket: str, store: FaceStore, photo: TakePhoto, unreadable: str
) -> None:
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=photo("madonna", 1))
    mixed = created("a.jpg")
    mixed["Records"] += created(unreadable)["Records"]
    assert index({"mixed": mixed, "good": created("a.jpg")}) == ["mixed"]
    assert problems(store) == {"a.jpg": ""}


def test_photo_that_the_bucket_does_not_hand_out_is_tried_again_and_the_others_are_stored(
    *, s3: "S3Client", bucket: str, store: FaceStore, photo: TakePhoto, logs: Logs, unreadable: str
) -> None:
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=photo("madonna", 1))
    assert index({"lost": created(unreadable), "good": created("a.jpg")}) == ["lost"]
    (record,) = [each for each in logs() if each.get("status") == "undone"]
    assert record["level"] == "WARNING"
    assert record["error"] == "read_error"
    assert "AccessDenied" in str(record["reason"])
    assert "secret" not in str(record)
    assert problems(store) == {"a.jpg": ""}


@pytest.mark.parametrize("name", ["", "nowhere", "photos/other", "Photos"])
def test_message_about_another_bucket_fails_alone_and_is_counted(
    *, name: str, s3: "S3Client", bucket: str, store: FaceStore, photo: TakePhoto, logs: Logs
) -> None:
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=photo("madonna", 1))
    foreign = s3_event(CREATED, bucket=name, key="a.jpg")
    assert index({"foreign": foreign, "good": created("a.jpg")}) == ["foreign"]
    assert problems(store) == {"a.jpg": ""}
    printed = logs()
    assert [each["error"] for each in printed if each.get("message") == "record refused"] == [
        "invalid_request"
    ]
    assert [each["RecordsRefused"] for each in printed if "_aws" in each] == [[1.0]]


def from_now(seconds: float) -> str:
    return f"{int((time.time() + seconds) * 2**32):018X}"


BELIEVABLE = [
    "F" * 18,
    "7FFFFFFFFFFFFFFFFF",
    "0090000000",
    "f" * 64,
    "0" * 64,
    "0",
    "",
    "1e9",
    "soon",
]
UNBELIEVABLE = [
    *("f" * 65, "F" * 9999, "0x69B529DD00000000", "-1", "+1", "1_0", " 69B529DD ", "69B529DD\n"),
    *("\u0666\u0666", "\uff26" * 18, "G" * 18, "\x00", "\ud800", "é", "null"),
]


@pytest.mark.parametrize("forge", [created, removed, version_removed])
@pytest.mark.parametrize("sequencer", BELIEVABLE + UNBELIEVABLE)
def test_forged_sequencer_neither_freezes_nor_harms_a_photo(
    *,
    sequencer: str,
    forge: Callable[[str, str], Event],
    s3: "S3Client",
    bucket: str,
    store: FaceStore,
    photo: TakePhoto,
) -> None:
    def stored() -> list[str]:
        return [listing.photo.revision for listing in store.photos()]

    first = s3.put_object(Bucket=bucket, Key="a.jpg", Body=photo("madonna", 1))["ETag"].strip('"')
    assert index({"real": created("a.jpg", from_now(-60))}) == []
    forged = forge("a.jpg", from_now(5) if sequencer == "soon" else sequencer)
    assert index({"forged": forged}) == ["forged"][: sequencer in UNBELIEVABLE]
    assert stored() == [first]
    anew = s3.put_object(Bucket=bucket, Key="a.jpg", Body=photo("madonna", 2))["ETag"].strip('"')
    assert index({"overwritten": created("a.jpg", from_now(0))}) == []
    assert stored() == [anew]
    s3.delete_object(Bucket=bucket, Key="a.jpg")
    assert index({"gone": removed("a.jpg", from_now(0))}) == []
    assert stored() == []


@pytest.mark.parametrize("forge", [removed, version_removed])
def test_forged_removal_leaves_a_photo_that_the_bucket_has(
    *,
    forge: Callable[[str, str], Event],
    s3: "S3Client",
    bucket: str,
    store: FaceStore,
    photo: TakePhoto,
) -> None:
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=photo("madonna", 1))
    assert index({"real": created("a.jpg", from_now(-60))}) == []
    assert index({"forged": forge("a.jpg", from_now(0))}) == []
    assert problems(store) == {"a.jpg": ""}


@pytest.mark.parametrize("limits", [{"min_face_size": 5000}, {"max_faces": 0}, {"max_faces": -1}])
def test_forged_limits_leave_no_face_out(
    *,
    limits: dict[str, int],
    s3: "S3Client",
    bucket: str,
    store: FaceStore,
    photo: TakePhoto,
) -> None:
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=photo("madonna", 1))
    forged = created("a.jpg")
    forged["Records"][0]["limits"] = limits
    assert index({"forged": forged}) == []
    assert store.counts().faces == 1


MALFORMED: dict[str, object] = {
    "no bucket": {**RECORD, "s3": {"object": {"key": "bad.jpg"}}},
    "bucket is null": {**RECORD, "s3": {**RECORD["s3"], "bucket": None}},
    "bucket's name is null": {**RECORD, "s3": {**RECORD["s3"], "bucket": {"name": None}}},
    "bucket's name is a list": {**RECORD, "s3": {**RECORD["s3"], "bucket": {"name": ["photos"]}}},
    "no object": {**RECORD, "s3": {"bucket": {"name": "photos"}}},
    "no key": {**RECORD, "s3": {**RECORD["s3"], "object": {"size": 1}}},
    "no time": {name: value for name, value in RECORD.items() if name != "eventTime"},
    "no name": {name: value for name, value in RECORD.items() if name != "eventName"},
    "no s3": {name: value for name, value in RECORD.items() if name != "s3"},
    "null": None,
    "text": "record",
    "deep": json.loads("[" * 900 + "]" * 900),
    **{
        f"key {key[:12]!r}": {**RECORD, "s3": {**RECORD["s3"], "object": {"key": key}}}
        for key in ("", "%ff", "%ed%a0%80", "a" * 1025, "é" * 513, "%00" * 1025)
    },
    **{
        f"size {size!r:.9}": {
            **RECORD,
            "s3": {**RECORD["s3"], "object": {"key": "a/", "size": size}},
        }
        for size in ("0", 0.5, "")
    },
    **{
        f"bucket {name[:12]!r}": {**RECORD, "s3": {**RECORD["s3"], "bucket": {"name": name}}}
        for name in (
            *("", "/", "photos/", "photos/a.jpg", "PHOTOS", "photos ", "photos\x00", "photos%2f"),
            *("s3://photos", "../photos", "\u0440hotos", "a" * 100_000),
        )
    },
}


@pytest.mark.parametrize("record", MALFORMED.values(), ids=MALFORMED)
def test_malformed_record_fails_its_message_only(
    record: object, s3: "S3Client", bucket: str, store: FaceStore, photo: TakePhoto
) -> None:
    for key in ("a.jpg", "beside.jpg", "z.jpg"):
        s3.put_object(Bucket=bucket, Key=key, Body=photo("madonna", 1))
    beside = created("beside.jpg")
    beside["Records"] = [record, *beside["Records"], record]
    messages: dict[str, str | Event] = {
        **{"first": created("a.jpg"), "alone": {"Records": [record]}},
        **{"beside": beside, "last": created("z.jpg")},
    }
    assert index(messages) == ["alone", "beside"]
    assert problems(store) == {"a.jpg": "", "beside.jpg": "", "z.jpg": ""}


def test_forged_time_of_an_event_without_sequencer_cannot_freeze_a_photo(
    s3: "S3Client", bucket: str, store: FaceStore, photo: TakePhoto
) -> None:
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=photo("madonna", 1))
    forged = s3_event(CREATED, key="a.jpg")
    forged["Records"][0]["eventTime"] = "9999-12-31T23:59:59Z"
    del forged["Records"][0]["s3"]["object"]["sequencer"]
    assert index({"forged": forged}) == []
    s3.delete_object(Bucket=bucket, Key="a.jpg")
    assert index({"later": removed("a.jpg", from_now(0))}) == []
    assert problems(store) == {}


def test_store_that_does_not_answer_fails_every_message_with_its_reason(
    *,
    s3: "S3Client",
    bucket: str,
    photo: TakePhoto,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    logs: Logs,
) -> None:
    database = tmp_path / "text.db"
    database.write_text("this is not a database, but a text of some length")
    monkeypatch.setenv("FACESEARCH_STORE", f"sqlite:///{database}")
    close_services()
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=photo("madonna", 1))
    assert index({"a": created("a.jpg"), "b": removed("b.jpg")}) == ["a", "b"]
    (record,) = [each for each in logs() if each.get("level") == "ERROR"]
    assert record["error"] == "store_damaged"


@pytest.mark.parametrize(
    ("variable", "value", "code"),
    [
        ("FACESEARCH_THREADS", "many", "invalid_settings"),
        ("FACESEARCH_MODELS", "/nonexistent", "model_error"),
    ],
)
def test_function_that_is_set_up_wrongly_fails_every_message_until_it_is_set_right(
    *,
    variable: str,
    value: str,
    code: str,
    s3: "S3Client",
    bucket: str,
    photo: TakePhoto,
    monkeypatch: pytest.MonkeyPatch,
    logs: Logs,
) -> None:
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=photo("madonna", 1))
    with monkeypatch.context() as wrong:
        wrong.setenv(variable, value)
        close_services()
        assert index({"a": created("a.jpg")}) == ["a"]
        assert [each["error"] for each in logs() if each.get("level") == "ERROR"] == [code]
    close_services()
    assert index({"a": created("a.jpg")}) == []


@pytest.fixture
def versioned(s3: "S3Client", bucket: str) -> str:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def test_end_of_an_old_version_leaves_the_photo_findable(
    s3: "S3Client", versioned: str, store: FaceStore, photo: TakePhoto
) -> None:
    old = s3.put_object(Bucket=versioned, Key="a.jpg", Body=photo("madonna", 1))["VersionId"]
    s3.put_object(Bucket=versioned, Key="a.jpg", Body=photo("madonna", 2))
    index({"a": created("a.jpg")})
    s3.delete_object(Bucket=versioned, Key="a.jpg", VersionId=old)
    expired = s3_event("s3_lifecycle_expiration_delete", key="a.jpg", versionId=old)
    assert index({"b": expired}) == []
    assert problems(store) == {"a.jpg": ""}


def test_end_of_the_only_version_forgets_the_photo(
    s3: "S3Client", versioned: str, store: FaceStore, photo: TakePhoto
) -> None:
    only = s3.put_object(Bucket=versioned, Key="a.jpg", Body=photo("madonna", 1))["VersionId"]
    index({"a": created("a.jpg")})
    s3.delete_object(Bucket=versioned, Key="a.jpg", VersionId=only)
    gone = s3_event("s3_object_removed_delete_version", key="a.jpg", versionId=only)
    assert index({"b": gone}) == []
    assert problems(store) == {}


def test_end_of_a_delete_marker_brings_the_photo_back(
    s3: "S3Client", versioned: str, store: FaceStore, photo: TakePhoto
) -> None:
    s3.put_object(Bucket=versioned, Key="a.jpg", Body=photo("madonna", 1))
    marker = s3.delete_object(Bucket=versioned, Key="a.jpg")["VersionId"]
    deleted = s3_event(
        "s3_object_removed_delete_marker_created", key="a.jpg", sequencer="0069B529DE"
    )
    index({"a": created("a.jpg"), "b": deleted})
    assert problems(store) == {}
    s3.delete_object(Bucket=versioned, Key="a.jpg", VersionId=marker)
    undone = s3_event(
        "s3_object_removed_delete_version", key="a.jpg", versionId=marker, sequencer="0069B529DF"
    )
    assert index({"c": undone}) == []
    assert problems(store) == {"a.jpg": ""}


def test_version_removal_in_a_bucket_that_does_not_answer_is_tried_again(
    aws: str, monkeypatch: pytest.MonkeyPatch, store: FaceStore
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    close_services()
    gone = s3_event("s3_object_removed_delete_version", key="a.jpg")
    assert index({"a": gone}) == ["a"]


def test_logs_hold_neither_key_nor_bytes_and_metrics_count_each_outcome(
    *,
    s3: "S3Client",
    bucket: str,
    store: FaceStore,
    photo: TakePhoto,
    logs: Logs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("POWERTOOLS_LOGGER_LOG_EVENT", "true")
    monkeypatch.setenv("FACESEARCH_STACK", "facesearch-prod")
    key = "people/Jane Doe.jpg"
    s3.put_object(Bucket=bucket, Key=key, Body=photo("madonna", 1))
    s3.put_object(Bucket=bucket, Key="navy.png", Body=faceless())
    s3.put_object(Bucket=bucket, Key="text.jpg", Body=b"hello")
    messages: dict[str, str | Event] = {
        each: created(each) for each in (key, "navy.png", "text.jpg", "gone.jpg")
    }
    index({str(number): body for number, body in enumerate(messages.values())})
    printed = logs()
    assert "Jane" not in json.dumps(printed)
    assert quote("Jane Doe") not in json.dumps(printed)
    by_photo = {each["photo"]: each["status"] for each in printed if "photo" in each}
    assert by_photo[photo_key(f"s3://photos/{key}")] == "indexed"
    (metrics,) = [each for each in printed if "_aws" in each]
    assert metric_series(metrics) == {"service": "index_faces", "stack": "facesearch-prod"}
    assert {name: metrics[name] for name in metrics if name.startswith(("Photos", "Faces"))} == {
        "Faces": [1.0],
        "PhotosIndexed": [1.0],
        "PhotosWithoutFace": [1.0],
        "PhotosFailed": [1.0],
        "PhotosUndone": [0.0],
        "PhotosRemoved": [0.0],
    }
    figures = cast("dict[str, list[float]]", metrics)
    spent = {name: figures[name] for name in figures if name.endswith("Latency")}
    stages = ("Read", "Decode", "Detect", "Embed", "Store")
    assert set(spent) == {f"{stage}Latency" for stage in stages}
    assert all(milliseconds > 0 for (milliseconds,) in spent.values())


def test_events_that_s3_really_sends_to_a_queue_are_indexed(
    s3: "S3Client", sqs: "SQSClient", bucket: str, store: FaceStore, photo: TakePhoto
) -> None:
    queue = sqs.create_queue(QueueName="changes")["QueueUrl"]
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "QueueConfigurations": [
                {
                    "QueueArn": f"arn:aws:sqs:{REGION}:123456789012:changes",
                    "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
                }
            ]
        },
    )
    for key in ("people/a b+c.jpg", "people/deleted.jpg"):
        s3.put_object(Bucket=bucket, Key=key, Body=photo("ben_afflek", 1))
    s3.put_object(Bucket=bucket, Key="people/", Body=b"")
    s3.delete_object(Bucket=bucket, Key="people/deleted.jpg")
    bodies = dict(received(sqs, queue))
    assert len(bodies) == 5
    assert any("s3:TestEvent" in str(body) for body in bodies.values())
    assert index(bodies) == []
    assert problems(store) == {"people/a b+c.jpg": ""}


def received(sqs: "SQSClient", queue: str) -> Iterator[tuple[str, str | Event]]:
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            yield message["MessageId"], message["Body"]
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
