"""A photo that kills the process that indexes it: it alone ends in the dead letters.

The function runs in a process of its own, which the photo really kills. The queue is moto's; only
its time-outs are cut short.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cdk.assets import ROOT
from facesearch.stores import FaceStore
from tests.events.loading import s3_event
from tests.integration.conftest import REGION, TakePhoto

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

pytestmark = pytest.mark.usefixtures("functions")

TRIES = 5
BATCH = 16
KILLERS = {
    "killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "segmentation fault": "ctypes.string_at(0)",
    "out of memory": "kill_as_the_system_does()",
}

HOOK = """
import ctypes, os, signal
from facesearch.photos.bucket import S3Photos

read = S3Photos.read

def read_or_die(self, photo_id):
    content = read(self, photo_id)
    if content.data == b"the killing photo":
        {death}
    return content

def kill_as_the_system_does():
    # The process with the highest score goes, among this one and the one that started it.
    def score(pid):
        with open(f"/proc/{{pid}}/oom_score_adj") as file:
            return int(file.read())
    here, parent = os.getpid(), os.getppid()
    os.kill(max((here, parent), key=score), signal.SIGKILL)
    signal.pause()

S3Photos.read = read_or_die
"""


@pytest.fixture
def queues(sqs: "SQSClient") -> tuple[str, str]:
    """The queue of changes and its dead letters, as the stack has them."""
    dead = sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:123456789012:dead-letters"
    redrive = {"deadLetterTargetArn": arn, "maxReceiveCount": TRIES}
    changes = sqs.create_queue(
        QueueName="changes",
        Attributes={"RedrivePolicy": json.dumps(redrive), "VisibilityTimeout": "1320"},
    )["QueueUrl"]
    return changes, dead


@pytest.fixture(params=KILLERS)
def hooked(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """An environment in which a certain photo kills whatever process reads it."""
    folder = tmp_path / "hook"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(HOOK.format(death=KILLERS[request.param]))
    path = os.pathsep.join([str(folder), str(ROOT), *filter(None, sys.path)])
    return {**os.environ, "PYTHONPATH": path}


def receive(sqs: "SQSClient", queue: str) -> list[dict[str, Any]]:
    """A batch as Lambda hands it over."""
    records: list[dict[str, Any]] = []
    while len(records) < BATCH:
        messages = sqs.receive_message(
            QueueUrl=queue,
            MaxNumberOfMessages=min(10, BATCH - len(records)),
            MessageSystemAttributeNames=["All"],
        ).get("Messages", [])
        if not messages:
            break
        records += [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": dict(message["Attributes"]),
                "messageAttributes": {},
                "eventSourceARN": f"arn:aws:sqs:{REGION}:123456789012:changes",
            }
            for message in messages
        ]
    return records


def invoke(records: list[dict[str, Any]], environ: dict[str, str]) -> set[str] | None:
    """The ids of failed messages; None if the process was killed."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.integration.index_once"],
        input=json.dumps({"Records": records}),
        check=False,
        capture_output=True,
        text=True,
        env=environ,
        cwd=ROOT,
    )
    if ran.returncode < 0:
        return None
    assert ran.returncode == 0, ran.stderr
    answer = json.loads(ran.stdout.splitlines()[-1])
    return {each["itemIdentifier"] for each in answer["batchItemFailures"]}


def test_killing_photo_alone_ends_in_the_dead_letters(
    *,
    s3: "S3Client",
    sqs: "SQSClient",
    bucket: str,
    queues: tuple[str, str],
    store: FaceStore,
    photo: TakePhoto,
    hooked: dict[str, str],
) -> None:
    changes, dead = queues
    keys = [f"{number:02}.jpg" for number in range(BATCH)]
    for key in keys:
        data = b"the killing photo" if key == "05.jpg" else photo("madonna", 1)
        s3.put_object(Bucket=bucket, Key=key, Body=data)
        sqs.send_message(
            QueueUrl=changes, MessageBody=json.dumps(s3_event("s3_object_created_put", key=key))
        )
    killed = []
    while records := receive(sqs, changes):
        failed = invoke(records, hooked)
        killed.append(failed is None)
        for record in records:
            handle = record["receiptHandle"]
            if failed is not None and record["messageId"] not in failed:
                sqs.delete_message(QueueUrl=changes, ReceiptHandle=handle)
            else:
                # Its time is up.
                sqs.change_message_visibility(
                    QueueUrl=changes, ReceiptHandle=handle, VisibilityTimeout=0
                )
    # The batch dies once; from then on, the photo is alone.
    assert killed == [True] + [False] * (TRIES - 1)
    stored = {each.photo.photo_id.rpartition("/")[2] for each in store.photos()}
    assert stored == set(keys) - {"05.jpg"}
    letters = sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10).get("Messages", [])
    assert ["05.jpg" in letter["Body"] for letter in letters] == [True]
