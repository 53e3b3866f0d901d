"""A running stack as its users see it: a bucket, an HTTP API, and the operator's queues."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.request import Request, urlopen

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.e2e.stack.config import ROOT, Config, Running
from tests.e2e.stack.deployment import Deployment
from tests.e2e.stack.docker import docker, labelled
from tests.e2e.stack.errors import StackError

WAIT_S = 900.0
"""On a busy machine the index may not answer in time, and is left alone for five minutes then."""
INDEX_FUNCTION = "IndexFaces"
"""A part of its name."""
RETRY_S = 6
"""Instead of the minutes that a failed message waits in the end."""


@dataclass(frozen=True, slots=True)
class SystemAnswer:
    status: int
    headers: Mapping[str, str]
    json: Any


class RunningSystem:
    """What a test does to the stack, and what it sees of it."""

    def __init__(self, config: Config, running: Running) -> None:
        deployment = Deployment(running.aws, config.stage, config.folder / "cdk.out")
        self.session = deployment.session
        self.s3, self.sqs = self.session.client("s3"), self.session.client("sqs")
        self.outputs = deployment.outputs()
        self.bucket = self.outputs["PhotoBucket"]
        self.queue_url = self.outputs["ChangesQueue"]
        self.dead_letters_url = self.outputs["DeadLetterQueue"]
        self.api_url = deployment.api_url()
        self.api_key = deployment.api_key()
        self.certificate = deployment.certificate
        self.config = config
        functions = deployment.resources("AWS::Lambda::Function")
        (index,) = (name for name in functions.values() if "IndexFaces" in name)
        self._index_role = self.role_of(index)
        self.running = running

    def role_of(self, function: str) -> str:
        """The role that a function runs as."""
        functions = self.session.client("lambda")
        return str(functions.get_function_configuration(FunctionName=function)["Role"])

    def put(self, key: str, photo: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=photo)

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.bucket, Key=key)

    def search(self, photo: bytes) -> SystemAnswer:
        """POST /v1/search over HTTP."""
        answer = self.request("POST", "/v1/search", photo, {"Content-Type": "image/jpeg"})
        return SystemAnswer(answer.status_code, answer.headers, answer.json())

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """To the API, with its key, by a plain client."""
        return requests.request(
            method,
            f"{self.api_url}{path}",
            data=body,
            headers={"x-api-key": self.api_key, **(headers or {})},
            timeout=60,
            verify=self.certificate,
        )

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

    @contextmanager
    def unreadable(self, key: str) -> Iterator[None]:
        """The bucket's policy refuses the photo to the index function meanwhile."""
        before = self.s3.get_bucket_policy(Bucket=self.bucket)["Policy"]
        policy = json.loads(before)
        refusal = {
            "Effect": "Deny",
            "Principal": {"AWS": self._index_role},
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{self.bucket}/{key}",
        }
        policy["Statement"].append(refusal)
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(policy))
        try:
            yield
        finally:
            self.s3.put_bucket_policy(Bucket=self.bucket, Policy=before)

    def send(self, *bodies: str) -> None:
        """Messages past S3, in this order."""
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)

    def waiting(self, queue_url: str | None = None) -> int:
        """Messages in a queue (default: the changes'): in flight, and sent again for later, too."""
        attributes = self.sqs.get_queue_attributes(
            QueueUrl=queue_url or self.queue_url, AttributeNames=["All"]
        )["Attributes"]
        kinds = ("", "NotVisible", "Delayed")
        return sum(int(attributes[f"ApproximateNumberOfMessages{kind}"]) for kind in kinds)

    def wait_until_idle(self, most_s: float = WAIT_S) -> None:
        """Until every change is done with, and searches see it."""
        wait_for(lambda: self.waiting() == 0, "the queue to be empty", most_s)
        self.opensearch("POST", "/_refresh")

    def keys(self) -> set[str]:
        """The keys of the photos that the index holds; none of them twice."""
        # A search that meets an index in the making fails.
        self.opensearch("GET", "/_cluster/health?wait_for_status=yellow&timeout=30s")
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
        command, environment = self.operating(*arguments)
        return subprocess.run(
            command, env=environment, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    def operating(self, *arguments: str) -> tuple[list[str], dict[str, str]]:
        """The operator's command line, and the environment that it runs in."""
        command = [sys.executable, "-m", "facesearch_local.cli", *arguments]
        # OpenSearch's client trusts by the last one.
        return command, {**os.environ, **self.running.aws, "SSL_CERT_FILE": self.certificate}

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
        url = f"{self.running.opensearch_url}{path}"
        with urlopen(Request(url, data, headers, method=method), timeout=60) as response:  # noqa: S310
            return json.load(response)

    def kill_opensearch(self) -> None:
        """As a power cut would."""
        docker("kill", f"{self.config.name}-opensearch")

    def kill_index_function(self) -> None:
        """Every environment that it runs in."""
        self.kill_function(INDEX_FUNCTION)

    def kill_function(self, name: str) -> None:
        """Every environment that it runs in; a part of its name is enough."""
        for environment in self._environments(name):
            # It may have ended by itself meanwhile.
            with suppress(StackError):
                docker("kill", environment)

    def key_of_index_function(self) -> Credentials:
        """What its code is given, to sign with."""
        (variables, *_) = self._environments(INDEX_FUNCTION).values()
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        return Credentials(*(variables[name] for name in names))

    def domain(self, method: str, path: str, credentials: Credentials | None) -> int:
        """The status of a request to the domain, signed if there is something to sign with."""
        url = f"https://{self.outputs['IndexEndpoint']}{path}"
        request = AWSRequest(method, url, data=b"")
        if credentials is not None:
            request.headers["X-Amz-Content-SHA256"] = sha256(b"").hexdigest()
            SigV4Auth(credentials, "es", self.config.region).add_auth(request)
        headers = dict(request.headers.items())
        return requests.request(
            method, url, headers=headers, timeout=60, verify=self.certificate
        ).status_code

    def _environments(self, function: str) -> dict[str, dict[str, str]]:
        """The variables of the function's running containers, by id."""
        containers = labelled(f"ministack.instance={self.config.name}:{self.config.aws_port}")
        described = {
            each["Id"]: dict(entry.split("=", 1) for entry in each["Config"]["Env"])
            for each in json.loads(docker("inspect", *containers))
            if each["State"]["Running"]
        }
        return {
            name: variables
            for name, variables in described.items()
            if function in variables["AWS_LAMBDA_FUNCTION_NAME"]
        }

    def lost_batches(self) -> int:
        """How many batches the function has not answered for."""
        return self._log().count(" failed processing SQS batch from ")

    def deferred_batches(self) -> int:
        """How many batches the function has sent again, for want of the store."""
        return self._log().count('"message":"messages sent again"')

    def _log(self) -> str:
        return (self.config.folder / "ministack.log").read_text(errors="replace")

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
        self.session.close()
        stack_command("down", f"--name={self.config.name}").check_returncode()
        stack_command("up", *self.config.options).check_returncode()

    @contextmanager
    def indexing_paused(self) -> Iterator[None]:
        """The queue's event source is off meanwhile."""
        functions = self.session.client("lambda")
        (mapping,) = functions.list_event_source_mappings()["EventSourceMappings"]
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        try:
            yield
        finally:
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    @contextmanager
    def prompt_retries(
        self, after_s: int = RETRY_S, queue_url: str = "", role: str = ""
    ) -> Iterator[None]:
        """Failed messages come again after seconds: more than a batch takes on a busy machine.

        The queue (default: the changes') refuses its function's own, longer times, and has this.
        """
        queue_url = queue_url or self.queue_url
        answer = self.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])
        before = {name: answer["Attributes"][name] for name in ("VisibilityTimeout", "Policy")}
        policy = json.loads(before["Policy"])
        refusal = {
            "Effect": "Deny",
            "Principal": {"AWS": role or self._index_role},
            "Action": "sqs:ChangeMessageVisibility",
            "Resource": answer["Attributes"]["QueueArn"],
        }
        policy["Statement"].append(refusal)
        meanwhile = {"VisibilityTimeout": str(after_s), "Policy": json.dumps(policy)}
        self.sqs.set_queue_attributes(QueueUrl=queue_url, Attributes=meanwhile)
        try:
            yield
        finally:
            self.sqs.set_queue_attributes(QueueUrl=queue_url, Attributes=before)


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


def free_ports(count: int) -> list[int]:
    """Of this machine; nobody holds them for the caller."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]
