"""S3's events as S3 would send them, for tests that decide themselves when they arrive."""

import json
import time
from urllib.parse import quote_plus


def created(bucket: str, key: str, at: float | None = None) -> str:
    """The message that tells of an object put at a time (default: now)."""
    return _message("ObjectCreated:Put", bucket, key, at)


def removed(bucket: str, key: str, at: float | None = None) -> str:
    """The message that tells of an object deleted from a bucket with versions."""
    return _message("ObjectRemoved:DeleteMarkerCreated", bucket, key, at)


def _message(name: str, bucket: str, key: str, at: float | None) -> str:
    nanoseconds = time.time_ns() if at is None else int(at * 1e9)
    stored = {"key": quote_plus(key, safe="/"), "sequencer": sequencer(nanoseconds), "size": 1}
    record = {
        "eventSource": "aws:s3",
        "eventName": name,
        "eventTime": "2026-01-01T00:00:00.000Z",
        "s3": {"bucket": {"name": bucket}, "object": stored},
    }
    return json.dumps({"Records": [record]})


def sequencer(nanoseconds: int) -> str:
    """As seen in S3's events: seconds in ten hexadecimal digits, then units of 2**-32 s."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{seconds:010X}{(rest << 32) // 1_000_000_000:08X}"
