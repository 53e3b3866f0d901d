"""`facesearch backfill`: which objects it tells of, to whom, and how it goes on."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from facesearch.indexing import PhotoToIndex
from facesearch.photos.ids import photo_id
from index_faces.events import parse_message
from tests.integration.cli.running import Cli

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

KEYS = [f"2019/Zoë & co/{number:02} a+b.jpg" for number in range(23)]


@pytest.fixture
def queue(sqs: "SQSClient") -> str:
    return sqs.create_queue(QueueName="changes")["QueueUrl"]


@pytest.fixture
def filled(s3: "S3Client", bucket: str) -> str:
    """A bucket with 23 objects under 2019/ and one elsewhere."""
    for key in [*KEYS, "2020/other.jpg"]:
        s3.put_object(Bucket=bucket, Key=key, Body=b"photo")
    return bucket


def drained(sqs: "SQSClient", queue: str) -> list[str]:
    """The ids of the photos that the messages in the queue tell of; they are deleted."""
    photos = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            photos += [change.photo_id for change in parse_message(message["Body"]).changes]
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return photos


def test_backfill_sends_a_message_for_each_object_under_the_prefix(
    cli: Cli, sqs: "SQSClient", queue: str, filled: str
) -> None:
    ran = cli("backfill", f"s3://{filled}/2019/", "--queue", queue)
    assert (ran.code, ran.out[:14]) == (0, "23 photos sent")
    assert sorted(drained(sqs, queue)) == sorted(photo_id(filled, key) for key in KEYS)


def test_backfill_message_is_ordered_by_the_time_of_the_object(
    cli: Cli, s3: "S3Client", sqs: "SQSClient", queue: str, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=b"photo")
    modified = s3.head_object(Bucket=bucket, Key="a.jpg")["LastModified"]
    cli("backfill", f"s3://{bucket}", "--queue", queue)
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert parse_message(message["Body"]).changes == [
        PhotoToIndex(photo_id(bucket, "a.jpg"), int(modified.timestamp()) << 23)
    ]


def test_backfill_again_comes_after_what_is_indexed_and_leaves_archived_photos(
    cli: Cli, s3: "S3Client", sqs: "SQSClient", queue: str, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=b"photo")
    s3.put_object(Bucket=bucket, Key="old.jpg", Body=b"photo", StorageClass="DEEP_ARCHIVE")
    indexed_at = time.time_ns() * 2**23 // 10**9
    time.sleep(1.1)
    ran = cli("backfill", f"s3://{bucket}", "--queue", queue, "--again", "--json")
    assert ran.json["sent"] == 1
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    (change,) = parse_message(message["Body"]).changes
    assert change.photo_id == photo_id(bucket, "a.jpg")
    assert indexed_at < change.sequence <= time.time_ns() * 2**23 // 10**9


def test_backfill_without_queue_uses_the_one_that_the_bucket_notifies(
    cli: Cli, s3: "S3Client", sqs: "SQSClient", queue: str, filled: str
) -> None:
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    s3.put_bucket_notification_configuration(
        Bucket=filled,
        NotificationConfiguration={
            "QueueConfigurations": [
                {"QueueArn": arn["QueueArn"], "Events": ["s3:ObjectCreated:*"]},
                {"QueueArn": arn["QueueArn"], "Events": ["s3:ObjectRemoved:*"]},
            ]
        },
    )
    ran = cli("backfill", f"s3://{filled}", "--json")
    assert ran.json == {"photos": 24, "sent": 24, "after": ""}
    assert len(drained(sqs, queue)) == 24


def test_backfill_of_a_bucket_that_notifies_nobody_asks_for_the_queue(
    cli: Cli, filled: str
) -> None:
    ran = cli("backfill", f"s3://{filled}")
    assert ran.code == 2
    assert "name the queue with --queue" in ran.err


def test_backfill_dry_run_counts_and_sends_nothing(
    cli: Cli, sqs: "SQSClient", queue: str, filled: str
) -> None:
    ran = cli("backfill", f"s3://{filled}/2019/", "--queue", queue, "--dry-run")
    assert (ran.code, ran.out) == (0, "23 photos would be sent\n")
    assert drained(sqs, queue) == []


def test_backfill_with_the_state_of_a_run_cut_short_sends_the_rest(
    cli: Cli, sqs: "SQSClient", queue: str, filled: str, tmp_path: Path
) -> None:
    state = tmp_path / "backfill.state"
    state.write_text(KEYS[9], "utf-8")
    ran = cli("backfill", f"s3://{filled}/2019/", "--queue", queue, "--state", state, "--json")
    assert ran.json == {"photos": 13, "sent": 13, "after": KEYS[9]}
    assert sorted(drained(sqs, queue)) == sorted(photo_id(filled, key) for key in KEYS[10:])
    again = cli("backfill", f"s3://{filled}/2019/", "--queue", queue, "--state", state, "--json")
    assert again.json["sent"] == 0


def test_backfill_names_a_bucket_that_is_not_there(cli: Cli, aws: str, queue: str) -> None:
    ran = cli("backfill", "s3://nobodys-bucket", "--queue", queue)
    assert ran.code == 1
    assert "NoSuchBucket" in ran.err


def test_backfill_of_what_is_no_place_in_s3_is_a_usage_error(cli: Cli, aws: str) -> None:
    ran = cli("backfill", "/home/photos")
    assert ran.code == 2
    assert "use s3://bucket" in ran.err
