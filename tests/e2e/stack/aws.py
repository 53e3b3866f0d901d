"""S3 and SQS on this machine: moto's server, with what S3 does and moto leaves out."""

import json
import time
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import quote_plus

import boto3
from botocore.config import Config
from moto.core.utils import iso_8601_datetime_with_milliseconds
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3 import notifications
from moto.s3.models import S3Backend
from moto.sqs.models import sqs_backends
from werkzeug.serving import WSGIRequestHandler, make_server

from facesearch.files import complete_file
from tests.e2e.stack.wiring import ACCOUNT, Notification, Properties, Queue, StackBucket

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}


class _OneAtATime:
    """moto's queues lose messages when one is sent while another is deleted."""

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application
        self._lock = Lock()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        with self._lock:
            return list(self._application(environ, start_response))


class _Silent(WSGIRequestHandler):
    """Its base prints every request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None: ...


@contextmanager
def serving(addresses: Sequence[str], port: int) -> Iterator[None]:
    """Answer S3's and SQS's protocols on several of this machine's addresses."""
    application = _OneAtATime(DomainDispatcherApplication(create_backend_app))
    servers = [
        make_server(address, port, application, threaded=True, request_handler=_Silent)
        for address in addresses
    ]
    with ExitStack() as ending:
        ending.enter_context(_telling_as_s3_does())
        for server in servers:
            Thread(target=server.serve_forever, daemon=True).start()
            ending.callback(server.server_close)
            ending.callback(server.shutdown)
        yield


@contextmanager
def _telling_as_s3_does() -> Iterator[None]:
    """Events carry a sequencer and the version; a delete marker is told of, too."""

    def event(name: str, bucket: Any, key: Any, notification_id: str) -> dict[str, Any]:
        stored = {"key": quote_plus(key.name, safe="/"), "sequencer": sequencer(time.time_ns())}
        if bucket.is_versioned:
            stored["versionId"] = key.version_id
        if hasattr(key, "etag"):
            stored |= {"size": key.size, "eTag": key.etag.strip('"')}
        record = {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": bucket.region_name,
            "eventTime": iso_8601_datetime_with_milliseconds(),
            "eventName": name.removeprefix("s3:"),
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": notification_id,
                "bucket": {"name": bucket.name, "arn": bucket.arn},
                "object": stored,
            },
        }
        return {"Records": [record]}

    mark = S3Backend._set_delete_marker

    def mark_and_tell(backend: Any, bucket_name: str, key_name: str) -> Any:
        marker = mark(backend, bucket_name, key_name)
        kind = notifications.S3NotificationEvent.OBJECT_REMOVED_DELETE_MARKER_CREATED_EVENT
        notifications.send_event(backend.account_id, kind, backend.get_bucket(bucket_name), marker)
        return marker

    with (
        patch.object(notifications, "_get_s3_event", event),
        patch.object(S3Backend, "_set_delete_marker", mark_and_tell),
    ):
        yield


def sequencer(nanoseconds: int) -> str:
    """As seen in S3's events: seconds in ten hexadecimal digits, then units of 2**-32 s."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{seconds:010X}{(rest << 32) // 1_000_000_000:08X}"


class LocalAws:
    """The bucket and the queues of a template, on the local server."""

    def __init__(self, url: str, region: str) -> None:
        self._region = region
        session = boto3.Session(
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=region,
        )
        pool = Config(max_pool_connections=32)
        self.s3: S3Client = session.client("s3", endpoint_url=url, config=pool)
        self.sqs: SQSClient = session.client("sqs", endpoint_url=url, config=pool)

    def make_queues(self, queues: Iterable[Queue]) -> dict[str, str]:
        """Their URLs by ARN."""
        # Dead letters' queues first: the others name them.
        return {
            queue.arn: self._make_queue(queue)
            for queue in sorted(queues, key=lambda queue: bool(queue.dead_letters))
        }

    def _make_queue(self, queue: Queue) -> str:
        attributes = dict(queue.attributes)
        if queue.dead_letters:
            redrive = {"deadLetterTargetArn": queue.dead_letters, "maxReceiveCount": queue.tries}
            attributes["RedrivePolicy"] = json.dumps(redrive)
        made = self.sqs.create_queue(QueueName=queue.name, Attributes=attributes)  # type: ignore[arg-type]
        return made["QueueUrl"]

    def make_bucket(self, bucket: StackBucket, saved: Path) -> None:
        """With the objects that `save` left, of which nobody is told again."""
        place: Any = {"LocationConstraint": self._region}
        self.s3.create_bucket(Bucket=bucket.name, CreateBucketConfiguration=place)
        if bucket.versioned:
            versioning: Any = {"Status": "Enabled"}
            self.s3.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration=versioning)
        if bucket.cors:
            rules: Any = [_cors_rule(each) for each in bucket.cors]
            self.s3.put_bucket_cors(Bucket=bucket.name, CORSConfiguration={"CORSRules": rules})
        self._restore(bucket.name, saved)
        configurations: Any = [_configuration(each) for each in bucket.notifications]
        self.s3.put_bucket_notification_configuration(
            Bucket=bucket.name,
            NotificationConfiguration={"QueueConfigurations": configurations},
        )

    def _restore(self, bucket: str, saved: Path) -> None:
        if not saved.is_file():
            return
        with zipfile.ZipFile(saved) as archive:
            described = json.loads(archive.read("objects.json"))
            for number, (key, metadata) in enumerate(described):
                body = archive.read(str(number))
                self.s3.put_object(Bucket=bucket, Key=key, Body=body, Metadata=metadata)
            for arn, body in json.loads(archive.read("messages.json")):
                self.sqs.send_message(QueueUrl=self._url(arn), MessageBody=body)

    def save(self, bucket: str, saved: Path) -> None:
        """The bucket's current objects, and every message that was not done with."""
        described: list[tuple[str, dict[str, str]]] = []
        with complete_file(saved) as file, zipfile.ZipFile(file, "w") as archive:
            for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                for item in page.get("Contents", []):
                    found = self.s3.get_object(Bucket=bucket, Key=item["Key"])
                    archive.writestr(str(len(described)), found["Body"].read())
                    described.append((item["Key"], found["Metadata"]))
            archive.writestr("objects.json", json.dumps(described))
            archive.writestr("messages.json", json.dumps(self._messages()))

    def _messages(self) -> list[tuple[str, str]]:
        # Past the protocol, which hides those that were received and neither done nor given up.
        queues = sqs_backends[ACCOUNT][self._region].queues.values()
        return [(queue.queue_arn, each.body) for queue in queues for each in queue._messages]

    def _url(self, arn: str) -> str:
        return self.sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]


def _cors_rule(rule: Properties) -> dict[str, Any]:
    """S3's API says seconds where CloudFormation does not."""
    properties = dict(rule)
    if "MaxAge" in properties:
        properties["MaxAgeSeconds"] = properties.pop("MaxAge")
    return properties


def _configuration(notification: Notification) -> dict[str, Any]:
    configuration = {"QueueArn": notification.queue_arn, "Events": [notification.event]}
    rules = [{"Name": name, "Value": value} for name, value in notification.rules.items()]
    return configuration | ({"Filter": {"Key": {"FilterRules": rules}}} if rules else {})
