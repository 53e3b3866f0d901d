"""The queue that the messages come from: when it delivers one again.

A fault here fails no batch. The queue then does what it does by itself: it delivers a message again
after its visibility time-out, and counts that.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from index_faces.delivery import Delivery

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import (
        ChangeMessageVisibilityBatchRequestEntryTypeDef,
        DeleteMessageBatchRequestEntryTypeDef,
        SendMessageBatchRequestEntryTypeDef,
    )

MOST_AT_ONCE = 10
"""What SQS takes in one request."""
MOST_DELAY_S = 840
"""SQS's limit is 900. Less, so that every quarter of an hour has a try: an alarm counts them."""

_Answer = TypeVar("_Answer")
AWAY_S = 300
"""How long SQS is left alone after it could not be reached."""

_CONFIG = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}
)

logger = Logger(service="index_faces", child=True)


class ChangesQueue:
    """The queue of changes, by its ARN."""

    def __init__(self, client: "SQSClient", arn: str) -> None:
        self._client = client
        _, _, _, _, self._account, self._name = arn.split(":")
        self._known_url = ""
        self._away_until = 0.0

    @classmethod
    def from_arn(cls, arn: str) -> "ChangesQueue":
        """Connects at the first request."""
        return cls(boto3.client("sqs", region_name=arn.split(":")[3], config=_CONFIG), arn)

    def hide(self, deliveries: Sequence[Delivery], seconds: Callable[[Delivery], int]) -> None:
        """Deliver the messages again after so many seconds from now, each its own."""
        for part in _parts(deliveries):
            entries: list[ChangeMessageVisibilityBatchRequestEntryTypeDef] = [
                {
                    "Id": str(place),
                    "ReceiptHandle": each.receipt,
                    "VisibilityTimeout": seconds(each),
                }
                for place, each in enumerate(part)
            ]
            self._try(partial(self._client.change_message_visibility_batch, Entries=entries))

    def delete(self, deliveries: Sequence[Delivery]) -> None:
        """Delete the messages now: they must not come again, whatever happens to this process."""
        for part in _parts(deliveries):
            entries: list[DeleteMessageBatchRequestEntryTypeDef] = [
                {"Id": str(place), "ReceiptHandle": each.receipt} for place, each in enumerate(part)
            ]
            self._try(partial(self._client.delete_message_batch, Entries=entries))

    def send_again(
        self, deliveries: Sequence[Delivery], delay_s: Callable[[Delivery], int]
    ) -> set[str]:
        """Send the messages as new ones. Returns the ids of those that may be deleted for it.

        A new message has not been received yet, and is kept for the queue's full time.
        """
        sent: set[str] = set()
        for part in _parts(deliveries):
            entries = [
                _entry(place, each, min(delay_s(each), MOST_DELAY_S))
                for place, each in enumerate(part)
            ]
            answer = self._try(partial(self._client.send_message_batch, Entries=entries))
            if answer is not None:
                sent |= {part[int(each["Id"])].message_id for each in answer.get("Successful", [])}
        return sent

    def _try(self, request: Callable[..., _Answer]) -> _Answer | None:
        """The answer to a request to this queue, or None if there is none."""
        if time.monotonic() < self._away_until:
            return None
        try:
            return request(QueueUrl=self._url())
        except ClientError as error:
            logger.warning("the queue refused", reason=error.response["Error"]["Code"])
        except BotoCoreError as error:
            logger.warning("the queue was not reached", reason=type(error).__name__)
            # A network without a way to SQS: not every batch is to wait for that.
            self._away_until = time.monotonic() + AWAY_S
        return None

    def _url(self) -> str:
        if not self._known_url:
            answer = self._client.get_queue_url(
                QueueName=self._name, QueueOwnerAWSAccountId=self._account
            )
            self._known_url = answer["QueueUrl"]
        return self._known_url


def _parts(deliveries: Sequence[Delivery]) -> Iterator[Sequence[Delivery]]:
    for start in range(0, len(deliveries), MOST_AT_ONCE):
        yield deliveries[start : start + MOST_AT_ONCE]


def _entry(place: int, delivery: Delivery, delay_s: int) -> "SendMessageBatchRequestEntryTypeDef":
    return {
        "Id": str(place),
        "MessageBody": delivery.body,
        "DelaySeconds": delay_s,
        "MessageAttributes": {
            name: {"DataType": "Number", "StringValue": str(number)}
            for name, number in delivery.written().items()
        },
    }
