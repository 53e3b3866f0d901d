"""What the commands for operators share: AWS clients, the bucket's queue, AWS's errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from facesearch.errors import InvalidRequest, ReadError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

MOST_AT_ONCE = 10
"""The most messages in one request to SQS."""

_CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 5}
)
_CREATED = "s3:ObjectCreated:"


def open_s3() -> "S3Client":
    with translate_aws_errors():
        return boto3.client("s3", config=_CONFIG)


def open_sqs() -> "SQSClient":
    with translate_aws_errors():
        return boto3.client("sqs", config=_CONFIG)


def open_lambda() -> Any:
    """A client of Lambda. A call that takes long is no failure, and is not made twice."""
    config = Config(connect_timeout=5, read_timeout=300, retries={"total_max_attempts": 1})
    with translate_aws_errors():
        return boto3.client("lambda", config=config)


def notified_queue(s3: "S3Client", sqs: "SQSClient", bucket: str) -> str:
    """The URL of the queue that S3 notifies of new objects. Raises `InvalidRequest`."""
    with translate_aws_errors():
        notifications = s3.get_bucket_notification_configuration(Bucket=bucket)
        arns = {
            configuration["QueueArn"]
            for configuration in notifications.get("QueueConfigurations", [])
            if any(event.startswith(_CREATED) for event in configuration["Events"])
        }
        if len(arns) != 1:
            raise InvalidRequest(
                f"bucket '{bucket}' tells {len(arns) or 'no'} queues of new objects: "
                "name the queue with --queue"
            )
        _, _, _, _, account, name = arns.pop().split(":")
        queue = sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)
    return queue["QueueUrl"]


@contextmanager
def translate_aws_errors() -> Iterator[None]:
    """Translate refusals of AWS and failed connections into `ReadError`."""
    try:
        yield
    except ClientError as error:
        reason = error.response["Error"]
        raise ReadError(
            f"AWS refused {error.operation_name} ({reason['Code']}): {reason['Message']}"
        ) from error
    except BotoCoreError as error:
        raise ReadError(f"AWS cannot be asked ({type(error).__name__}): {error}") from error
