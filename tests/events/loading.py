"""The events of this folder, with what a test needs to be different."""

import copy
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from aws_lambda_powertools.utilities.typing import LambdaContext

FOLDER = Path(__file__).parent

Event = dict[str, Any]


def load(name: str) -> Event:
    """An event by its file's name without `.json`."""
    event: Event = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return event


def s3_event(
    name: str,
    *,
    bucket: str = "photos",
    key: str | None = None,
    sequencer: str | None = None,
    **changes: object,
) -> Event:
    """One of S3's events about another object; a change to None removes the field."""
    event = load(name)
    s3 = event["Records"][0]["s3"]
    s3["bucket"] = {**s3["bucket"], "name": bucket, "arn": f"arn:aws:s3:::{bucket}"}
    if key is not None:
        changes["key"] = quote_plus(key)
    if sequencer is not None:
        changes["sequencer"] = sequencer
    s3["object"] = {
        field: value for field, value in {**s3["object"], **changes}.items() if value is not None
    }
    return event


def sqs_event(bodies: Mapping[str, str | Event]) -> Event:
    """A batch of messages, given as bodies by message id."""
    event = load("sqs_batch")
    (message,) = event["Records"]
    event["Records"] = []
    for message_id, body in bodies.items():
        text = body if isinstance(body, str) else json.dumps(body)
        event["Records"].append(
            {
                **copy.deepcopy(message),
                "messageId": message_id,
                "body": text,
                "md5OfBody": hashlib.md5(
                    text.encode("utf-8", "surrogatepass"), usedforsecurity=False
                ).hexdigest(),
            }
        )
    return event


class Context(LambdaContext):
    """What Lambda hands to a handler."""

    def __init__(self, function_name: str) -> None:
        self._function_name = function_name
        self._function_version = "7"
        self._invoked_function_arn = f"arn:aws:lambda:eu-west-1:123456789012:{function_name}"
        self._memory_limit_in_mb = 1769
        self._aws_request_id = "8a5b2f0e-2f6c-4f3a-9a50-3f5d1f0f4c11"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 220_000
