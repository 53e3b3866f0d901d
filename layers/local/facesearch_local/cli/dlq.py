"""`facesearch dlq`: list the messages in the dead-letter queue, and send them again."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from facesearch.errors import InvalidRequest, ReadError
from facesearch.faces import photo_key
from facesearch_local.cli.aws import MOST_AT_ONCE, open_sqs, translate_aws_errors
from facesearch_local.cli.command import CommandGroup
from facesearch_local.cli.options import json_option
from facesearch_local.cli.output import print_json
from index_faces.events import parse_message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

HIDDEN_S = 120
"""How long a received message is hidden from other receivers."""

WAIT_S = 1
"""SQS queries all of its servers only when it may wait."""


@dataclass(frozen=True, slots=True)
class _DeadLetter:
    """A message in the dead-letter queue.

    `photos` are hashes, as in the logs: keys may name people.
    """

    message_id: str
    sent: str
    tries: int
    photos: tuple[str, ...]
    problem: str


@click.group(
    cls=CommandGroup,
    epilog="""\b
Examples:
  facesearch dlq list https://sqs.eu-west-1.amazonaws.com/123456789012/dead-letters
  facesearch dlq redrive https://sqs.eu-west-1.amazonaws.com/123456789012/dead-letters""",
)
def command() -> None:
    """Messages that failed too often: look at them, send them again.

    QUEUE is the URL of the dead-letter queue, the stack's output DeadLetterQueue.
    """


@command.command(
    "list",
    epilog="""\b
Examples:
  facesearch dlq list https://sqs.eu-west-1.amazonaws.com/123456789012/dead-letters
  facesearch dlq list QUEUE --json | jq '.letters[].photos[]'""",
)
@click.argument("queue_url", metavar="QUEUE")
@click.option("--most", type=click.IntRange(1, 10_000), default=100, show_default=True)
@json_option
def list_letters(queue_url: str, most: int, as_json: bool) -> None:
    """Tell what is in the queue, and leave it there.

    A photo's name here is the one in the function's log, which holds the reason of each failure.
    """
    with _received(open_sqs(), queue_url, most) as messages:
        letters = [_letter(message) for message in messages]
    if as_json:
        print_json(
            {
                "letters": [
                    {
                        "message_id": letter.message_id,
                        "sent": letter.sent,
                        "tries": letter.tries,
                        "photos": list(letter.photos),
                        "problem": letter.problem,
                    }
                    for letter in letters
                ]
            }
        )
        return
    for letter in letters:
        what = " ".join(letter.photos) or letter.problem
        click.echo(f"{letter.message_id}  {letter.sent}  received {letter.tries}×  {what}")
    click.echo(f"{len(letters):,} dead letter{'' if len(letters) == 1 else 's'}")


@command.command(
    epilog="""\b
Examples:
  facesearch dlq redrive https://sqs.eu-west-1.amazonaws.com/123456789012/dead-letters
  facesearch dlq redrive QUEUE --to https://sqs.eu-west-1.amazonaws.com/123456789012/changes"""
)
@click.argument("queue_url", metavar="QUEUE")
@click.option("--to", "target", metavar="URL", help="Default: the queue that gave them up.")
@json_option
def redrive(queue_url: str, target: str | None, as_json: bool) -> None:
    """Send all messages back to the queue that gave them up.

    Do that when what made them fail is put right. Cut short, it can be run again.
    """
    sqs = open_sqs()
    back_to = target or _source(sqs, queue_url)
    sent = 0
    while messages := _receive(sqs, queue_url, MOST_AT_ONCE):
        _move(sqs, messages, queue_url, back_to)
        sent += len(messages)
    if as_json:
        print_json({"sent": sent, "to": back_to})
    else:
        click.echo(f"{sent:,} message{'' if sent == 1 else 's'} sent back to {back_to}")


def _letter(message: "MessageTypeDef") -> _DeadLetter:
    attributes = message["Attributes"]
    parsed = parse_message(message["Body"])
    sent = datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1000, UTC)
    return _DeadLetter(
        message["MessageId"],
        sent.isoformat(timespec="seconds"),
        int(attributes["ApproximateReceiveCount"]),
        tuple(photo_key(change.photo_id) for change in parsed.changes),
        "not an event of S3" if parsed.refused else "",
    )


def _source(sqs: "SQSClient", queue_url: str) -> str:
    with translate_aws_errors():
        sources = sqs.list_dead_letter_source_queues(QueueUrl=queue_url)["queueUrls"]
    if len(sources) != 1:
        raise InvalidRequest(
            f"{len(sources) or 'no'} queues give messages up to {queue_url}: "
            "say with --to which one they go to"
        )
    return sources[0]


@contextmanager
def _received(sqs: "SQSClient", queue_url: str, most: int) -> Iterator[Sequence["MessageTypeDef"]]:
    """Receive up to `most` messages. At the end, they are visible to others again."""
    messages: list[MessageTypeDef] = []
    try:
        while len(messages) < most:
            more = _receive(sqs, queue_url, min(MOST_AT_ONCE, most - len(messages)))
            messages += more
            if not more:
                break
        yield messages
    finally:
        for start in range(0, len(messages), MOST_AT_ONCE):
            with translate_aws_errors():
                sqs.change_message_visibility_batch(
                    QueueUrl=queue_url,
                    Entries=[
                        {
                            "Id": str(number),
                            "ReceiptHandle": message["ReceiptHandle"],
                            "VisibilityTimeout": 0,
                        }
                        for number, message in enumerate(messages[start : start + MOST_AT_ONCE])
                    ],
                )


def _receive(sqs: "SQSClient", queue_url: str, most: int) -> list["MessageTypeDef"]:
    with translate_aws_errors():
        received = sqs.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=most,
            MessageSystemAttributeNames=["All"],
            VisibilityTimeout=HIDDEN_S,
            WaitTimeSeconds=WAIT_S,
        )
    return received.get("Messages", [])


def _move(sqs: "SQSClient", messages: Sequence["MessageTypeDef"], origin: str, target: str) -> None:
    """Move messages from `origin` to `target`. Raises `ReadError` if it takes only some."""
    with translate_aws_errors():
        answer = sqs.send_message_batch(
            QueueUrl=target,
            Entries=[
                {"Id": str(number), "MessageBody": message["Body"]}
                for number, message in enumerate(messages)
            ],
        )
        taken = [messages[int(each["Id"])] for each in answer.get("Successful", [])]
        if taken:
            sqs.delete_message_batch(
                QueueUrl=origin,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(taken)
                ],
            )
    for failed in answer.get("Failed", [])[:1]:
        raise ReadError(
            f"{target} did not take a message ({failed['Code']}): run the command again"
        )
