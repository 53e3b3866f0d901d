"""`facesearch dlq`: what was given up, seen and sent back."""

import json
from typing import TYPE_CHECKING

import pytest

from facesearch.faces import photo_key
from tests.events.loading import load
from tests.integration.cli.running import Cli

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def dead_letters(sqs: "SQSClient") -> str:
    return sqs.create_queue(QueueName="dead-letters")["QueueUrl"]


@pytest.fixture
def queue(sqs: "SQSClient", dead_letters: str) -> str:
    """The queue that gives messages up to `dead_letters`."""
    arn = sqs.get_queue_attributes(QueueUrl=dead_letters, AttributeNames=["QueueArn"])
    policy = {"deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": 5}
    attributes = {"RedrivePolicy": json.dumps(policy)}
    return sqs.create_queue(QueueName="changes", Attributes=attributes)["QueueUrl"]  # type: ignore[arg-type]


def bodies(sqs: "SQSClient", queue: str) -> list[str]:
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    return [message["Body"] for message in received.get("Messages", [])]


def test_list_names_photos_as_the_log_does_and_never_by_key(
    cli: Cli, sqs: "SQSClient", dead_letters: str
) -> None:
    event = json.dumps(load("s3_object_created_put"))
    sqs.send_message(QueueUrl=dead_letters, MessageBody=event)
    ran = cli("dlq", "list", dead_letters)
    assert ran.code == 0
    assert photo_key("s3://photos/people/Zoë Kravitz/portrait+1.jpg") in ran.out
    assert "Kravitz" not in ran.out
    assert ran.out.endswith("1 dead letter\n")


def test_list_json_tells_what_is_no_event(cli: Cli, sqs: "SQSClient", dead_letters: str) -> None:
    sqs.send_message(QueueUrl=dead_letters, MessageBody="{}")
    (letter,) = cli("dlq", "list", dead_letters, "--json").json["letters"]
    assert letter["photos"] == []
    assert letter["problem"] == "not an event of S3"
    assert letter["tries"] == 1


def test_list_leaves_every_message_to_others(cli: Cli, sqs: "SQSClient", dead_letters: str) -> None:
    for number in range(12):
        sqs.send_message(QueueUrl=dead_letters, MessageBody=str(number))
    assert len(cli("dlq", "list", dead_letters, "--json").json["letters"]) == 12
    assert len(bodies(sqs, dead_letters)) == 10


def test_redrive_sends_all_back_to_the_queue_that_gave_them_up(
    cli: Cli, sqs: "SQSClient", queue: str, dead_letters: str
) -> None:
    for number in range(12):
        sqs.send_message(QueueUrl=dead_letters, MessageBody=str(number))
    ran = cli("dlq", "redrive", dead_letters, "--json")
    assert ran.json == {"sent": 12, "to": queue}
    assert sorted([*bodies(sqs, queue), *bodies(sqs, queue)], key=int) == [
        str(number) for number in range(12)
    ]
    assert bodies(sqs, dead_letters) == []


def test_redrive_of_a_queue_that_nobody_gives_up_to_asks_where_to(
    cli: Cli, dead_letters: str
) -> None:
    ran = cli("dlq", "redrive", dead_letters)
    assert ran.code == 2
    assert "say with --to" in ran.err


def test_redrive_to_a_queue_that_is_not_there_keeps_the_messages(
    cli: Cli, sqs: "SQSClient", dead_letters: str
) -> None:
    sqs.send_message(QueueUrl=dead_letters, MessageBody="precious")
    nowhere = dead_letters.replace("dead-letters", "nowhere")
    ran = cli("dlq", "redrive", dead_letters, "--to", nowhere)
    assert ran.code == 1
    assert ran.err.startswith("error: AWS refused SendMessageBatch")
    sent = sqs.get_queue_attributes(QueueUrl=dead_letters, AttributeNames=["All"])["Attributes"]
    assert sent["ApproximateNumberOfMessagesNotVisible"] == "1"
