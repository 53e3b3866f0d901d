"""What Lambda's event source mapping does: messages from the queue to the function, in batches."""

import logging
import time
from collections.abc import Sequence
from threading import Event
from typing import TYPE_CHECKING, Any

from tests.e2e.stack.function import ExecutionEnvironment, InvocationFailed
from tests.e2e.stack.wiring import Mapped

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

MOST_RECEIVED = 10
"""SQS hands out no more at once."""

POLL_S = 0.2

_log = logging.getLogger(__name__)


class Poller:
    """One of the mapping's pollers, with an execution environment of its own."""

    def __init__(
        self,
        mapped: Mapped,
        queue_url: str,
        region: str,
        sqs: "SQSClient",
        environment: ExecutionEnvironment,
    ) -> None:
        self._mapped = mapped
        self._queue_url = queue_url
        self._region = region
        self._sqs = sqs
        self._environment = environment

    def run(self, stopping: Event) -> None:
        """Feed the function until `stopping`; the batch in hand is finished."""
        while not stopping.is_set():
            messages = self._gather()
            if messages:
                self._delete(self._succeeded(messages))
            else:
                stopping.wait(POLL_S)

    def _gather(self) -> list["MessageTypeDef"]:
        """A batch: full, or as much as came within the window after the first message."""
        messages = self._receive(self._mapped.batch_size)
        closing = time.monotonic() + self._mapped.window_s
        while messages and len(messages) < self._mapped.batch_size:
            more = self._receive(self._mapped.batch_size - len(messages))
            messages += more
            if time.monotonic() >= closing:
                break
            if not more:
                time.sleep(POLL_S)
        return messages

    def _receive(self, most: int) -> list["MessageTypeDef"]:
        received = self._sqs.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=min(most, MOST_RECEIVED),
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return received.get("Messages", [])

    def _succeeded(self, messages: Sequence["MessageTypeDef"]) -> list["MessageTypeDef"]:
        """Those that are done with. The others become visible when their time-out has passed."""
        records = [self._record(message) for message in messages]
        try:
            answer = self._environment.invoke({"Records": records})
        except InvocationFailed as error:
            _log.warning("%d messages come again: %s", len(messages), error)
            return []
        failed = _failures(answer) if self._mapped.partial_failures else set()
        if not failed <= {message["MessageId"] for message in messages}:
            _log.warning("the function names messages that it was not given: all come again")
            return []
        _log.info("%d messages, %d of them failed", len(messages), len(failed))
        return [message for message in messages if message["MessageId"] not in failed]

    def _delete(self, messages: Sequence["MessageTypeDef"]) -> None:
        for start in range(0, len(messages), MOST_RECEIVED):
            self._sqs.delete_message_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(messages[start : start + MOST_RECEIVED])
                ],
            )

    def _record(self, message: "MessageTypeDef") -> dict[str, Any]:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {
                name: {"stringValue": value.get("StringValue"), "dataType": value["DataType"]}
                for name, value in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._mapped.queue.arn,
            "awsRegion": self._region,
        }


def _failures(answer: Any) -> set[str]:
    """The ids of the messages that the function wants again; "" for all, as in Lambda."""
    if not answer:
        return set()
    try:
        return {str(each["itemIdentifier"]) for each in answer["batchItemFailures"] or ()}
    except (LookupError, TypeError):
        return {""}
