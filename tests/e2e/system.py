"""A running stack as its users see it: a bucket, an HTTP API, and the operator's queues."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.e2e.stack.aws import CREDENTIALS, LocalAws
from tests.e2e.stack.config import ROOT, Config, Running
from tests.e2e.stack.docker import docker

WAIT_S = 240.0
RETRY_S = 6
"""Instead of the minutes that the template's visibility timeout makes a failed message wait."""


@dataclass(frozen=True, slots=True)
class SystemAnswer:
    status: int
    headers: Mapping[str, str]
    json: Any


class RunningSystem:
    """What a test does to the stack, and what it sees of it."""

    def __init__(self, config: Config, running: Running) -> None:
        aws = LocalAws(running.aws_url, config.region)
        self.s3, self.sqs = aws.s3, aws.sqs
        self.bucket = running.bucket
        self.queue_url = running.queue_url
        self.dead_letters_url = running.dead_letters_url
        self.config = config
        self._running = running

    def put(self, key: str, photo: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=photo)

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.bucket, Key=key)

    def search(self, photo: bytes) -> SystemAnswer:
        """POST /v1/search over HTTP."""
        headers = {"Content-Type": "image/jpeg"}
        request = Request(f"{self._running.api_url}/v1/search", photo, headers, method="POST")  # noqa: S310
        try:
            with urlopen(request, timeout=60) as response:  # noqa: S310
                return SystemAnswer(response.status, dict(response.headers), json.load(response))
        except HTTPError as error:
            return SystemAnswer(error.code, dict(error.headers), json.load(error))

    def found(self, photo: bytes) -> list[str]:
        """The keys of the photos that a search finds, nearest first."""
        answer = self.search(photo)
        assert answer.status == 200, answer
        matches = answer.json["results"][0]["matches"]
        faces = [match["face_id"] for match in matches]
        assert len(faces) == len(set(faces)), faces
        start = f"s3://{self.bucket}/"
        # A photo may show several people.
        return list(dict.fromkeys(match["photo_id"].removeprefix(start) for match in matches))

    def make_bucket(self, name: str) -> None:
        """Another one, of which nobody is told."""
        self.s3.create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )

    def send(self, *bodies: str) -> None:
        """Messages past S3, in this order."""
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)

    def waiting(self, queue_url: str | None = None) -> int:
        """Messages in a queue (default: the changes'), those in flight included."""
        attributes = self.sqs.get_queue_attributes(
            QueueUrl=queue_url or self.queue_url, AttributeNames=["All"]
        )["Attributes"]
        hidden = int(attributes["ApproximateNumberOfMessagesNotVisible"])
        return int(attributes["ApproximateNumberOfMessages"]) + hidden

    def wait_until_idle(self) -> None:
        """Until every change is done with, and searches see it."""
        wait_for(lambda: self.waiting() == 0, "the queue to be empty")
        self.opensearch("POST", "/_refresh")

    def keys(self) -> set[str]:
        """The keys of the photos that the index holds; none of them twice."""
        self.opensearch("POST", "/_refresh")
        # A forgotten photo leaves a document behind, which remembers when.
        known = {"bool": {"must_not": {"term": {"forgotten": True}}}}
        query = {"query": known, "size": 10_000, "_source": ["photo_id"]}
        hits = self.opensearch("POST", "/faces-*/_search", query)["hits"]["hits"]
        keys = [hit["_source"]["photo_id"].removeprefix(f"s3://{self.bucket}/") for hit in hits]
        assert len(keys) == len(set(keys))
        return set(keys)

    def dead_letters(self) -> list[str]:
        """The bodies of up to ten of them, which stay."""
        received = self.sqs.receive_message(
            QueueUrl=self.dead_letters_url, MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return [message["Body"] for message in received.get("Messages", [])]

    def operate(self, *arguments: str) -> str:
        """What the operator's command line prints."""
        environment = {
            **os.environ,
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": self._running.aws_url,
            "AWS_REGION": self.config.region,
            "AWS_DEFAULT_REGION": self.config.region,
        }
        command = [sys.executable, "-m", "facesearch_local.cli", *arguments]
        return subprocess.run(
            command, env=environment, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    def clear(self) -> None:
        """No photo, no face, no message."""
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket):
            for item in page.get("Contents", []):
                self.delete(item["Key"])
        self.wait_until_idle()
        letters = self.sqs.receive_message(
            QueueUrl=self.dead_letters_url, MaxNumberOfMessages=10
        ).get("Messages", [])
        for letter in letters:
            self.sqs.delete_message(
                QueueUrl=self.dead_letters_url, ReceiptHandle=letter["ReceiptHandle"]
            )
        everything: object = {"query": {"match_all": {}}}
        self.opensearch("POST", "/faces-*/_delete_by_query?refresh=true", everything)

    def opensearch(self, method: str, path: str, body: object = None) -> Any:
        """Straight to the engine, past the code under test."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        url = f"{self._running.opensearch_url}{path}"
        with urlopen(Request(url, data, headers, method=method), timeout=60) as response:  # noqa: S310
            return json.load(response)

    def kill(self, part: str) -> None:
        """A container, as a power cut would; `opensearch` or `index-0`."""
        docker("kill", f"{self.config.name}-{part}")

    def lost_batches(self) -> int:
        """How many batches the function has not answered for."""
        return self.config.log_file.read_text().count(" messages come again: ")

    def failed_batches(self) -> int:
        """How many batches the function has answered for with messages that failed."""
        return len(re.findall(r"[1-9]\d* of them failed", self.config.log_file.read_text()))

    def start_opensearch(self) -> None:
        docker("start", f"{self.config.name}-opensearch")
        wait_for(self._opensearch_answers, "OpenSearch to start")

    def _opensearch_answers(self) -> bool:
        try:
            self.opensearch("GET", "/_cluster/health?wait_for_status=yellow&timeout=5s")
        except OSError:
            return False
        return True

    def restart(self) -> None:
        """All of it, as a developer does in the evening and in the morning."""
        stack_command("down", f"--name={self.config.name}").check_returncode()
        stack_command("up", *self.config.options).check_returncode()

    @contextmanager
    def prompt_retries(self, after_s: int = RETRY_S) -> Iterator[None]:
        """Failed messages come again after seconds."""
        answer = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["All"])
        before = answer["Attributes"]["VisibilityTimeout"]
        self.sqs.set_queue_attributes(
            QueueUrl=self.queue_url, Attributes={"VisibilityTimeout": str(after_s)}
        )
        try:
            yield
        finally:
            self.sqs.set_queue_attributes(
                QueueUrl=self.queue_url, Attributes={"VisibilityTimeout": before}
            )


def wait_for(condition: Callable[[], bool], what: str, most_s: float = WAIT_S) -> None:
    deadline = time.monotonic() + most_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {most_s:.0f} s for {what}"
        time.sleep(0.2)


def stack_command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """What `make up` and `make down` run."""
    return subprocess.run(
        [sys.executable, "-m", "tests.e2e.stack", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
