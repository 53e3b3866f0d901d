"""List a bucket's objects, and tell the queue of them as S3 does."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote_plus

from facesearch.errors import InvalidRequest, ReadError
from facesearch_local.cli.aws import MOST_AT_ONCE, translate_aws_errors

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

T = TypeVar("T")

SCHEME = "s3://"

_ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object of a bucket.

    `size` is in bytes. `modified` and `listed`, when it was listed, are by S3's clock: were ours
    ahead, a deletion to come would look older than what we send.
    """

    bucket: str
    key: str
    size: int
    etag: str
    storage_class: str
    modified: datetime
    listed: datetime

    @property
    def is_archived(self) -> bool:
        """Whether its storage class cannot be read."""
        return self.storage_class in _ARCHIVED

    @property
    def is_folder(self) -> bool:
        """Whether it is no file: consoles and tools make folders visible with empty objects."""
        return self.key.endswith("/") and not self.size

    def message(self, at: datetime) -> str:
        """The message by which S3 would tell of it, ordered by the time `at`."""
        return _message("ObjectCreated:Put", self.bucket, self.key, at, {"size": self.size})


def check_message(bucket: str, key: str, at: datetime) -> str:
    """The message of S3 after which the function asks the bucket whether the object exists."""
    return _message("ObjectRemoved:Delete", bucket, key, at, {"versionId": "unknown"})


def bucket_and_prefix(place: str) -> tuple[str, str]:
    """The parts of `s3://bucket/prefix`. Raises `InvalidRequest`."""
    bucket, _, prefix = place.removeprefix(SCHEME).partition("/")
    if not place.startswith(SCHEME) or not bucket:
        raise InvalidRequest(f"'{place}' is no place in S3: use s3://bucket or s3://bucket/prefix")
    return bucket, prefix


def list_objects(
    s3: "S3Client", bucket: str, prefix: str, after: str = ""
) -> Iterator[ListedObject]:
    """The objects after key `after`, in the order of their keys (code points)."""
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=prefix, StartAfter=after
    )
    with translate_aws_errors():
        for page in pages:
            listed = parsedate_to_datetime(page["ResponseMetadata"]["HTTPHeaders"]["date"])
            for stored in page.get("Contents", []):
                yield ListedObject(
                    bucket,
                    stored["Key"],
                    stored["Size"],
                    stored["ETag"].strip('"'),
                    stored.get("StorageClass", "STANDARD"),
                    stored["LastModified"],
                    listed,
                )


def in_batches(items: Iterable[T], size: int = MOST_AT_ONCE) -> Iterator[list[T]]:
    """So many at a time; by default, as many as one request to SQS takes."""
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch


def send_messages(sqs: "SQSClient", queue_url: str, messages: Sequence[str]) -> None:
    """Send one batch. Raises `ReadError` unless the queue takes all: it is safe to send again."""
    with translate_aws_errors():
        answer = sqs.send_message_batch(
            QueueUrl=queue_url,
            Entries=[
                {"Id": str(number), "MessageBody": body} for number, body in enumerate(messages)
            ],
        )
    for failed in answer.get("Failed", [])[:1]:
        raise ReadError(
            f"the queue did not take a message ({failed['Code']}): run the command again"
        )


def _message(event: str, bucket: str, key: str, at: datetime, stored: dict[str, int | str]) -> str:
    record = {
        "eventSource": "aws:s3",
        "eventName": event,
        # There is no sequencer, so the time orders it.
        "eventTime": at.isoformat(),
        "s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key), **stored}},
    }
    return json.dumps({"Records": [record]})
