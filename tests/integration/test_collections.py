"""S3 is the one source of truth: what is put, tagged, copied and deleted there decides."""

import json
from typing import TYPE_CHECKING

import pytest

from facesearch.stores import FaceStore
from index_faces.handler import handler
from tests.events.loading import Context, Event, s3_event, sqs_event
from tests.integration.api import call, get
from tests.integration.conftest import TakePhoto, close_services

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.literals import EventType
    from mypy_boto3_sqs import SQSClient

EVENTS: list["EventType"] = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]


class Bucket:
    """A bucket that tells a queue, and the function that hears of it."""

    def __init__(self, s3: "S3Client", sqs: "SQSClient", name: str) -> None:
        self.s3, self.name, self._sqs = s3, name, sqs
        self._queue = sqs.create_queue(QueueName="changes")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        arn = attributes["Attributes"]["QueueArn"]
        s3.put_bucket_notification_configuration(
            Bucket=name,
            NotificationConfiguration={
                "QueueConfigurations": [{"QueueArn": arn, "Events": EVENTS}]
            },
        )

    def put(self, key: str, data: bytes, tags: str = "", **metadata: str) -> None:
        self.s3.put_object(Bucket=self.name, Key=key, Body=data, Tagging=tags, Metadata=metadata)

    def tag(self, key: str, value: str, time: str) -> None:
        """moto tells nobody of tags: this is S3's own event."""
        tags = [{"Key": "collection", "Value": value}]
        self.s3.put_object_tagging(Bucket=self.name, Key=key, Tagging={"TagSet": tags})  # type: ignore[typeddict-item]
        event = s3_event("s3_object_tagging_put", key=key)
        event["Records"][0]["eventTime"] = time
        self._sqs.send_message(QueueUrl=self._queue, MessageBody=json.dumps(event))

    def settle(self) -> None:
        """Until every event was handled; none comes again."""
        while received := self._sqs.receive_message(
            QueueUrl=self._queue, MaxNumberOfMessages=10
        ).get("Messages"):
            bodies: dict[str, str | Event] = {each["MessageId"]: each["Body"] for each in received}
            answer = handler(sqs_event(bodies), Context("index_faces"))
            assert answer["batchItemFailures"] == []
            for each in received:
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=each["ReceiptHandle"])

    def listed(self) -> dict[str, tuple[str, str | None]]:
        """What the API lists: collection and problem by key."""
        start = f"s3://{self.name}/"
        return {
            each["photo_id"].removeprefix(start): (each["collection"], each["problem"])
            for each in get("/v1/photos").json["photos"]
        }


@pytest.fixture
def photos(functions: None, s3: "S3Client", sqs: "SQSClient", bucket: str) -> Bucket:
    return Bucket(s3, sqs, bucket)


@pytest.fixture
def by_tag(photos: Bucket, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    monkeypatch.setenv("FACESEARCH_COLLECTIONS", "tag")
    close_services()
    return photos


def test_folder_is_the_collection_and_photos_come_go_and_move_through_s3_alone(
    photos: Bucket, photo: TakePhoto, store: FaceStore
) -> None:
    photos.put("wedding/day1/a.jpg", photo("madonna", 1))
    photos.put("b.jpg", photo("elton_john", 1))
    photos.settle()
    assert photos.listed() == {"wedding/day1/a.jpg": ("wedding", None), "b.jpg": ("default", None)}
    (before,) = [face for face in store.faces() if "wedding" in face.photo.photo_id]

    # Put again under the same key: replaced.
    photos.put("wedding/day1/a.jpg", photo("mindy_kaling", 1))
    photos.settle()
    (after,) = [face for face in store.faces() if "wedding" in face.photo.photo_id]
    assert after.face_id == before.face_id
    assert float(after.face.embedding @ before.face.embedding) < 0.6

    # Copied to another folder, and deleted in the first: moved.
    source = {"Bucket": photos.name, "Key": "wedding/day1/a.jpg"}
    photos.s3.copy_object(Bucket=photos.name, Key="office/a.jpg", CopySource=source)  # type: ignore[arg-type]
    photos.s3.delete_object(Bucket=photos.name, Key="wedding/day1/a.jpg")
    photos.settle()
    assert photos.listed() == {"office/a.jpg": ("office", None), "b.jpg": ("default", None)}
    names = [each["name"] for each in get("/v1/collections").json["collections"]]
    assert names == ["default", "office"]

    photos.s3.delete_object(Bucket=photos.name, Key="office/a.jpg")
    photos.s3.delete_object(Bucket=photos.name, Key="b.jpg")
    photos.settle()
    assert photos.listed() == {}
    assert store.counts().faces == 0


def test_search_in_a_folder_s_collection_finds_its_photos_only(
    photos: Bucket, photo: TakePhoto
) -> None:
    photos.put("wedding/a.jpg", photo("madonna", 1))
    photos.put("office/b.jpg", photo("madonna", 2))
    photos.settle()
    face = get("/v1/photos", {"prefix": "s3://photos/wedding/"}).json["photos"]
    assert [each["collection"] for each in face] == ["wedding"]
    answer = call(photo("madonna", 3), query={"collection": "office"})
    assert {match["photo_id"] for match in answer.matches} == {"s3://photos/office/b.jpg"}


def test_prefix_of_all_photos_is_no_collection(
    photos: Bucket, photo: TakePhoto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACESEARCH_PREFIX", "photos/")
    close_services()
    photos.put("photos/wedding/a.jpg", photo("madonna", 1))
    photos.put("photos/b.jpg", photo("madonna", 2))
    photos.settle()
    assert photos.listed() == {
        "photos/wedding/a.jpg": ("wedding", None),
        "photos/b.jpg": ("default", None),
    }


def test_without_collections_every_photo_is_in_the_default_one(
    photos: Bucket, photo: TakePhoto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACESEARCH_COLLECTIONS", "none")
    close_services()
    photos.put("wedding/a.jpg", photo("madonna", 1), "collection=office")
    photos.settle()
    assert photos.listed() == {"wedding/a.jpg": ("default", None)}


def test_tag_is_the_collection_and_changing_it_moves_the_photo(
    by_tag: Bucket, photo: TakePhoto
) -> None:
    by_tag.put("wedding/a.jpg", photo("madonna", 1), "collection=office%20party&year=2024")
    by_tag.put("b.jpg", photo("elton_john", 1))
    by_tag.settle()
    assert by_tag.listed() == {"wedding/a.jpg": ("office party", None), "b.jpg": ("default", None)}
    by_tag.tag("wedding/a.jpg", "archive/2024", "2099-01-01T00:00:00.000Z")
    by_tag.settle()
    assert by_tag.listed()["wedding/a.jpg"] == ("archive/2024", None)


def test_bad_tag_is_recorded_blocks_nothing_and_is_mended_by_another_tag(
    by_tag: Bucket, photo: TakePhoto, store: FaceStore
) -> None:
    by_tag.put("bad.jpg", photo("madonna", 1), "collection=%20%20")
    by_tag.put("good.jpg", photo("elton_john", 1), "collection=office")
    by_tag.settle()
    assert by_tag.listed() == {
        "bad.jpg": ("default", "invalid_collection"),
        "good.jpg": ("office", None),
    }
    by_tag.tag("bad.jpg", "office", "2099-01-01T00:00:00.000Z")
    by_tag.settle()
    assert by_tag.listed()["bad.jpg"] == ("office", None)
    assert store.counts().faces == 2


def test_tag_event_of_a_photo_that_is_gone_brings_nothing_back(
    by_tag: Bucket, photo: TakePhoto
) -> None:
    by_tag.put("a.jpg", photo("madonna", 1))
    by_tag.tag("a.jpg", "office", "2099-01-01T00:00:00.000Z")
    by_tag.s3.delete_object(Bucket=by_tag.name, Key="a.jpg")
    by_tag.settle()
    assert by_tag.listed() == {}


def test_user_metadata_is_stored_and_found_by_up_to_s3_s_limit(
    photos: Bucket, photo: TakePhoto
) -> None:
    long = "x" * 1900
    # As S3 hands out what is not ASCII (RFC 2047).
    photos.put("a.jpg", photo("madonna", 1), album="=?UTF-8?B?U29tbWVyIMO8YmVyIEvDtmxu?=")
    photos.put("b.jpg", photo("madonna", 2), album="winter", long=long)
    photos.put("c.jpg", photo("madonna", 3), odd="=?what?B?x?=")
    photos.settle()
    query = photo("madonna", 4)
    for name, value, key in (
        ("album", "Sommer über Köln", "a.jpg"),
        ("album", "winter", "b.jpg"),
        ("long", long, "b.jpg"),
        ("odd", "=?what?B?x?=", "c.jpg"),
    ):
        answer = call(query, query={f"metadata.{name}": value})
        assert {match["photo_id"] for match in answer.matches} == {f"s3://photos/{key}"}
        assert answer.matches[0]["metadata"][name] == value
    assert call(query, query={"metadata.album": "Winter"}).matches == []
