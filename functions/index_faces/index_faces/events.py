"""Parse S3's event notifications: what changed, and in which order."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote_plus

import msgspec

from facesearch.errors import InvalidRequest
from facesearch.indexing import PhotoToIndex
from facesearch.photos.ids import photo_id
from facesearch.vision.limits import IndexLimits

SEQUENCER_DIGITS = 18
MOST_SEQUENCER_DIGITS = 64
"""S3 sends 16 to 18. What is much longer is not S3's."""
MOST_RECORDS = 100
"""In a message; S3 sends one."""
MOST_KEY_BYTES = 1024
"""S3's own limit."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PhotoToCheck:
    """Something happened to an object after which only the bucket knows whether it exists.

    Its end, which a message may tell wrongly; or that of one of its versions, or of a delete
    marker: another version may now be the current one. `sequence` as in `Photo`, `limits` as in
    `PhotoToIndex`.
    """

    photo_id: str
    sequence: int
    limits: IndexLimits | None = None


Change = PhotoToIndex | PhotoToCheck


@dataclass(frozen=True, slots=True)
class Message:
    """What a message says. `refused` has an error for each record that S3 never sends."""

    changes: list[Change]
    refused: list[InvalidRequest]


class _Bucket(msgspec.Struct):
    name: str


class _Object(msgspec.Struct):
    key: str
    size: int | None = None
    sequencer: str | None = None


class _Entity(msgspec.Struct):
    bucket: _Bucket
    object: _Object


class _Record(msgspec.Struct, rename="camel"):
    event_name: str
    event_time: str
    s3: _Entity
    limits: dict[str, float] | None = None
    """Not S3's: limits on faces that hold for a photo which is embedded again."""


class _Body(msgspec.Struct):
    records: list[msgspec.Raw] | None = msgspec.field(default=None, name="Records")
    event: str | None = msgspec.field(default=None, name="Event")


def parse_message(body: str) -> Message:
    """Parse a message of S3. Its test message holds no changes.

    Each record counts by itself: one that S3 never sends does not hold up the others.
    """
    try:
        message = msgspec.json.decode(body, type=_Body)
        if message.event == "s3:TestEvent":
            return Message([], [])
        if message.records is None:
            raise ValueError("there are no records")
        if len(message.records) > MOST_RECORDS:
            raise ValueError("there are more records than S3 sends")
    except (ValueError, RecursionError) as error:
        return Message([], [_refusal(error)])
    parsed = Message([], [])
    for record in message.records:
        try:
            change = _change(msgspec.json.decode(record, type=_Record))
        except (ValueError, OverflowError, RecursionError) as error:
            parsed.refused.append(_refusal(error))
        else:
            parsed.changes.extend([change] if change is not None else [])
    return parsed


def _refusal(error: Exception) -> InvalidRequest:
    # Its own text may hold a key, which may name a person.
    return InvalidRequest(
        f"the message is not an event of S3 ({type(error).__name__}): look at it in the "
        "dead-letter queue"
    )


def _change(record: _Record) -> Change | None:
    kind, _, detail = record.event_name.removeprefix("s3:").partition(":")
    stored = record.s3.object
    key = unquote_plus(stored.key, errors="strict")
    bucket = record.s3.bucket.name
    if not bucket or "/" in bucket:
        raise ValueError("the bucket's name is none")
    # Encoding fails on lone surrogates, which no store takes.
    if not 0 < len(key.encode()) <= MOST_KEY_BYTES:
        raise ValueError("the key is empty or too long")
    photo = photo_id(bucket, key)
    sequence = _sequence(record)
    limits = IndexLimits.from_record(record.limits) if record.limits else None
    if kind == "ObjectCreated":
        # Consoles and tools make folders visible with empty objects.
        folder = key.endswith("/") and not stored.size
        return None if folder else PhotoToIndex(photo, sequence, limits=limits)
    if kind in ("ObjectRemoved", "LifecycleExpiration"):
        return PhotoToCheck(photo, sequence, limits)
    if kind == "ObjectTagging":
        # Sent only where a tag names the collection.
        return PhotoToIndex(photo, sequence)
    if kind == "ObjectRestore" and detail == "Completed":
        # It could not be read while it was archived.
        return PhotoToIndex(photo, sequence)
    # Other restores, transitions: the photo stays what it is.
    return None


def _sequence(record: _Record) -> int:
    sequencer = record.s3.object.sequencer
    return sequence_of_sequencer(sequencer) if sequencer else sequence_of_time(record.event_time)


def sequence_of_sequencer(sequencer: str) -> int:
    """`Photo.sequence` from S3's hexadecimal sequencer. Raises `ValueError` for another text.

    AWS defines the order of two of them: pad the shorter with zeros on the right, then compare.
    What they hold is not documented, but seen in real events: seconds since 1970 in the first
    ten digits, then the fraction in units of 2**-32 s. Other texts keep their order all the same.
    """
    if not re.fullmatch(r"[0-9A-Fa-f]+", sequencer):
        raise ValueError("the sequencer is not hexadecimal")
    if len(sequencer) > MOST_SEQUENCER_DIGITS:
        raise ValueError("the sequencer is too long")
    padded = sequencer.ljust(SEQUENCER_DIGITS, "0")[:SEQUENCER_DIGITS]
    # 72 bits to 63: from units of 2**-32 s to 2**-23 s.
    return int(padded, 16) >> 9


def sequencer_of_sequence(sequence: int) -> str:
    """A sequencer that gives this `Photo.sequence`."""
    return f"{sequence << 9:0{SEQUENCER_DIGITS}X}"


def sequence_of_time(time: str) -> int:
    """`Photo.sequence` from an ISO 8601 time with its zone. Raises `ValueError` for others."""
    moment = datetime.fromisoformat(time)
    if moment.tzinfo is None or moment < _EPOCH:
        raise ValueError("the time has no zone, or lies before 1970")
    return ((moment - _EPOCH) // timedelta(microseconds=1) << 23) // 1_000_000


def sequence_of_seconds(seconds: float) -> int:
    """`Photo.sequence` of a moment, in seconds since 1970."""
    return int(seconds * 2**23)
