"""`facesearch backfill`: index photos that are in the bucket already."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

import click

from facesearch.errors import InvalidRequest, ReadError
from facesearch.files import complete_file
from facesearch_local.cli.aws import (
    MOST_AT_ONCE,
    notified_queue,
    open_s3,
    open_sqs,
    translate_aws_errors,
)
from facesearch_local.cli.command import Command
from facesearch_local.cli.options import json_option
from facesearch_local.cli.output import print_json, saved
from facesearch_local.cli.progress import show_progress

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

_SCHEME = "s3://"

ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")
"""Storage classes that cannot be read. Such photos are not indexed again: they keep their faces."""


@dataclass(frozen=True, slots=True)
class _BucketObject:
    """An object of the bucket; `size` is in bytes, `at` is the time that orders its message."""

    bucket: str
    key: str
    size: int
    at: datetime

    def message(self) -> str:
        """The message that S3 would send. It has no sequencer, so the time orders it."""
        stored = {"key": quote_plus(self.key), "size": self.size}
        record = {
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "eventTime": self.at.isoformat(),
            "s3": {"bucket": {"name": self.bucket}, "object": stored},
        }
        return json.dumps({"Records": [record]})


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch backfill s3://my-photos --dry-run
  facesearch backfill s3://my-photos/2019/ --state backfill.state
  facesearch backfill s3://my-photos/encrypted/ --again
  facesearch backfill s3://my-photos --queue https://sqs.eu-west-1.amazonaws.com/…/changes""",
)
@click.argument("place", metavar="s3://BUCKET/PREFIX")
@click.option(
    "--queue",
    "queue_url",
    metavar="URL",
    help="Where the messages go (default: the queue that the bucket tells of new objects).",
)
@click.option(
    "--state",
    "state_file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Holds how far it got: with the same file, the next run goes on from there.",
)
@click.option(
    "--again",
    is_flag=True,
    help="Have photos looked at again that are indexed already, or failed. Archived ones are left "
    "out.",
)
@click.option("--dry-run", is_flag=True, help="Only count.")
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
def command(
    *,
    place: str,
    queue_url: str | None,
    state_file: Path | None,
    again: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Have the photos indexed that are in a bucket already.

    Sends a message for each object whose key starts with PREFIX, as S3 does for new ones. It is
    harmless to send one twice, and photos that are indexed already stay as they are, unless they
    are to be looked at --again: those of a key that could not be used, for instance.
    """
    bucket, prefix = _bucket_and_prefix(place)
    s3, sqs = open_s3(), open_sqs()
    after = state_file.read_text("utf-8") if state_file and state_file.exists() else ""

    def objects() -> Iterator[_BucketObject]:
        return _objects(s3, bucket, prefix, after, again=again)

    total = sum(1 for _ in objects())
    sent = 0
    if not dry_run:
        queue = queue_url or notified_queue(s3, sqs, bucket)
        with show_progress("Sending", "photos", total, quiet=quiet or as_json) as advance:
            for stored in _batches(objects()):
                _send(sqs, queue, stored)
                _remember(state_file, stored[-1].key)
                sent += len(stored)
                advance(len(stored))
    if as_json:
        print_json({"photos": total, "sent": sent, "after": after})
    elif dry_run:
        click.echo(f"{total:,} photos would be sent")
    else:
        click.echo(f"{sent:,} photos sent: they are indexed as fast as the queue is worked off")


def _bucket_and_prefix(place: str) -> tuple[str, str]:
    bucket, _, prefix = place.removeprefix(_SCHEME).partition("/")
    if not place.startswith(_SCHEME) or not bucket:
        raise InvalidRequest(f"'{place}' is no place in S3: use s3://bucket or s3://bucket/prefix")
    return bucket, prefix


def _objects(
    s3: "S3Client", bucket: str, prefix: str, after: str, *, again: bool
) -> Iterator[_BucketObject]:
    """List the objects after key `after`, in the order of their keys."""
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=prefix, StartAfter=after
    )
    with translate_aws_errors():
        for page in pages:
            # S3's clock: were ours ahead, a deletion to come would look older than this.
            now = parsedate_to_datetime(page["ResponseMetadata"]["HTTPHeaders"]["date"])
            for stored in page.get("Contents", []):
                if again and stored.get("StorageClass") in ARCHIVED:
                    continue
                at = now if again else stored["LastModified"]
                yield _BucketObject(bucket, stored["Key"], stored["Size"], at)


def _batches(objects: Iterator[_BucketObject]) -> Iterator[Sequence[_BucketObject]]:
    while ten := list(islice(objects, MOST_AT_ONCE)):
        yield ten


def _send(sqs: "SQSClient", queue_url: str, objects: Sequence[_BucketObject]) -> None:
    """Send the messages of objects. Raises `ReadError` unless the queue takes all of them.

    It is safe to send them again.
    """
    with translate_aws_errors():
        answer = sqs.send_message_batch(
            QueueUrl=queue_url,
            Entries=[
                {"Id": str(number), "MessageBody": stored.message()}
                for number, stored in enumerate(objects)
            ],
        )
    for failed in answer.get("Failed", [])[:1]:
        raise ReadError(
            f"the queue did not take a message ({failed['Code']}): run the command again"
        )


def _remember(state_file: Path | None, key: str) -> None:
    if state_file is None:
        return
    with saved(state_file), complete_file(state_file) as file:
        file.write(key.encode())
