"""Parse S3's event notifications: what changed, and in which order."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote_plus

from aws_lambda_powertools.utilities.data_classes.s3_event import S3Event, S3EventRecord

from facesearch.errors import InvalidRequest
from facesearch.faces import Removal
from facesearch.indexing import PhotoToIndex
from facesearch.photos.ids import photo_id

SEQUENCER_DIGITS = 18
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class VersionRemoval:
    """A version of an object, or a delete marker, was deleted for good.

    Another version may now be the current one: only the bucket knows whether the photo exists.
    `sequence` as in `Photo`.
    """

    photo_id: str
    sequence: int


Change = PhotoToIndex | Removal | VersionRemoval


def parse_message(body: str) -> list[Change]:
    """Parse a message of S3. Its test message holds no changes.

    Raises `InvalidRequest` for a message that S3 never sends: it can never succeed.
    """
    try:
        message = json.loads(body)
        if message.get("Event") == "s3:TestEvent":
            return []
        changes = [_change(record) for record in S3Event(message).records]
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise InvalidRequest(
            f"the message is not an event of S3 ({type(error).__name__}): look at it in the "
            "dead-letter queue"
        ) from error
    return [change for change in changes if change is not None]


def _change(record: S3EventRecord) -> Change | None:
    kind, _, detail = record.event_name.removeprefix("s3:").partition(":")
    stored = record.s3.get_object
    key = unquote_plus(stored.key, errors="strict")
    if not key:
        raise ValueError("the key is empty")
    photo = photo_id(record.s3.bucket.name, key)
    # JSON can spell lone surrogates, which no store takes.
    photo.encode()
    sequence = _sequence(record)
    if kind == "ObjectCreated":
        # Consoles and tools make folders visible with empty objects.
        folder = key.endswith("/") and not stored.get("size")
        return None if folder else PhotoToIndex(photo, sequence)
    if kind in ("ObjectRemoved", "LifecycleExpiration"):
        if detail == "Delete" and stored.version_id is not None:
            return VersionRemoval(photo, sequence)
        return Removal(photo, sequence)
    if kind == "ObjectTagging":
        # Sent only where a tag names the collection.
        return PhotoToIndex(photo, sequence)
    if kind == "ObjectRestore" and detail == "Completed":
        # It could not be read while it was archived.
        return PhotoToIndex(photo, sequence)
    # Other restores, transitions: the photo stays what it is.
    return None


def _sequence(record: S3EventRecord) -> int:
    sequencer = record.s3.get_object.get("sequencer")
    return sequence_of_sequencer(sequencer) if sequencer else sequence_of_time(record.event_time)


def sequence_of_sequencer(sequencer: str) -> int:
    """`Photo.sequence` from S3's hexadecimal sequencer. Raises `ValueError` for another text.

    AWS defines the order of two of them: pad the shorter with zeros on the right, then compare.
    What they hold is not documented, but seen in real events: seconds since 1970 in the first
    ten digits, then the fraction in units of 2**-32 s. Other texts keep their order all the same.
    """
    if not re.fullmatch(r"[0-9A-Fa-f]+", sequencer):
        raise ValueError("the sequencer is not hexadecimal")
    padded = sequencer.ljust(SEQUENCER_DIGITS, "0")[:SEQUENCER_DIGITS]
    # 72 bits to 63: from units of 2**-32 s to 2**-23 s.
    return int(padded, 16) >> 9


def sequence_of_time(time: str) -> int:
    """`Photo.sequence` from an ISO 8601 time with its zone. Raises `ValueError` for others."""
    moment = datetime.fromisoformat(time)
    if moment.tzinfo is None or moment < _EPOCH:
        raise ValueError("the time has no zone, or lies before 1970")
    return ((moment - _EPOCH) // timedelta(microseconds=1) << 23) // 1_000_000
