"""SQS and Lambda's poller on a clock of their own, deterministic: days pass in seconds.

Simulated after AWS's documentation: a message is hidden while it is delayed and, once received, for
the queue's or its own visibility time-out; each receive counts; a message received `tries` times
goes to the dead letters at the next; one older than `kept_s` is lost. The poller hands batches to
the real handler, one at a time, deletes what the handler does not call failed, and leaves the rest
as it is. Not simulated: SQS's rare duplicates, Lambda's throttles, several pollers at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.events.loading import Event, load

ARN = "arn:aws:sqs:eu-west-1:123456789012:changes"
INVOCATION_S = 1.0


@dataclass
class Clock:
    """Seconds since 1970, moved by hand."""

    now: float

    def __call__(self) -> float:
        return self.now


@dataclass
class Message:
    number: int
    body: str
    sent: float
    visible: float
    attributes: Mapping[str, Any] = field(default_factory=dict)
    receives: int = 0


@dataclass
class SimulatedQueue:
    """The queue, and the part of boto3's client that the function uses."""

    clock: Clock
    visibility_s: int
    kept_s: int
    tries: int
    waiting: dict[str, Message] = field(default_factory=dict)
    dead: list[tuple[float, Message]] = field(default_factory=list)
    lost: list[Message] = field(default_factory=list)
    sent: int = 0

    def send(self, body: str, attributes: Mapping[str, Any] | None = None, delay: int = 0) -> None:
        self.sent += 1
        now = self.clock()
        message = Message(self.sent, body, now, now + delay, attributes or {})
        self.waiting[f"receipt-{self.sent}"] = message

    def receive(self, most: int) -> list[tuple[str, Message]]:
        now = self.clock()
        received: list[tuple[str, Message]] = []
        for receipt, message in list(self.waiting.items()):
            if now - message.sent > self.kept_s:
                self.lost.append(self.waiting.pop(receipt))
            elif message.visible <= now and len(received) < most:
                if message.receives >= self.tries:
                    self.dead.append((now, self.waiting.pop(receipt)))
                    continue
                message.receives += 1
                message.visible = now + self.visibility_s
                received.append((receipt, message))
        return received

    def next_visible(self) -> float | None:
        return min((message.visible for message in self.waiting.values()), default=None)

    def get_queue_url(self, **_: str) -> dict[str, str]:
        return {"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/123456789012/changes"}

    def change_message_visibility_batch(self, **request: Any) -> dict[str, Any]:
        entries: Sequence[Mapping[str, Any]] = request["Entries"]
        assert len(entries) <= 10
        for each in entries:
            assert 0 <= each["VisibilityTimeout"] <= 43_200
            message = self.waiting[each["ReceiptHandle"]]
            message.visible = self.clock() + each["VisibilityTimeout"]
        return {"Successful": [{"Id": each["Id"]} for each in entries]}

    def delete_message_batch(self, **request: Any) -> dict[str, Any]:
        entries: Sequence[Mapping[str, Any]] = request["Entries"]
        assert len(entries) <= 10
        for each in entries:
            self.waiting.pop(each["ReceiptHandle"], None)
        return {"Successful": [{"Id": each["Id"]} for each in entries]}

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        entries: Sequence[Mapping[str, Any]] = request["Entries"]
        assert len(entries) <= 10
        for each in entries:
            assert 0 <= each["DelaySeconds"] <= 900
            self.send(each["MessageBody"], each["MessageAttributes"], each["DelaySeconds"])
        return {"Successful": [{"Id": each["Id"]} for each in entries]}


Handle = Callable[[Event], Mapping[str, Any]]


def poll(queue: SimulatedQueue, handle: Handle, *, batch_size: int, until: float) -> None:
    """Do what Lambda does with the queue, until that time."""
    while True:
        batch = queue.receive(batch_size)
        if batch:
            answer = handle({"Records": [_record(receipt, each) for receipt, each in batch]})
            failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
            for receipt, message in batch:
                if f"message-{message.number}" not in failed:
                    queue.waiting.pop(receipt, None)
            queue.clock.now += INVOCATION_S
        upcoming = queue.next_visible()
        if upcoming is None or upcoming > until:
            queue.clock.now = max(queue.clock.now, until)
            return
        queue.clock.now = max(queue.clock.now, upcoming)


def _record(receipt: str, message: Message) -> dict[str, Any]:
    (record,) = load("sqs_batch")["Records"]
    written = {
        name: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
        for name, value in message.attributes.items()
    }
    return {
        **record,
        "messageId": f"message-{message.number}",
        "receiptHandle": receipt,
        "body": message.body,
        "attributes": {
            **record["attributes"],
            "ApproximateReceiveCount": str(message.receives),
            "SentTimestamp": str(int(message.sent * 1000)),
        },
        "messageAttributes": written,
        "eventSourceARN": ARN,
    }
