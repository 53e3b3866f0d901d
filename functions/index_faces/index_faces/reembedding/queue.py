"""The queue of photos to embed again: as messages of S3, which order and name them as it does."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from facesearch.errors import ReadError
from facesearch.photos.ids import bucket_and_key
from facesearch.stores.opensearch.fanned import PhotoToSend
from index_faces.events import sequencer_of_sequence
from index_faces.queue import MOST_AT_ONCE

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

SENDERS = 8
_CONFIG = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=SENDERS,
)


class PhotoQueue:
    """The `Workers` of a rebuild: whoever takes messages from the queue."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    @classmethod
    def at(cls, url: str) -> "PhotoQueue":
        """Connects at the first request."""
        return cls(boto3.client("sqs", config=_CONFIG), url)

    def send(self, photos: Sequence[PhotoToSend], *, again: bool) -> None:
        """As `Workers.send`. Raises `ReadError` unless the queue takes all."""
        batches = [photos[at : at + MOST_AT_ONCE] for at in range(0, len(photos), MOST_AT_ONCE)]
        with ThreadPoolExecutor(SENDERS) as pool:
            for _ in pool.map(lambda batch: self._send(batch, again=again), batches):
                pass

    def busy(self) -> bool:
        return self.waiting() > 0

    def waiting(self) -> int:
        """About how many messages are not done."""
        try:
            answer = self._client.get_queue_attributes(
                QueueUrl=self._url,
                AttributeNames=[
                    "ApproximateNumberOfMessages",
                    "ApproximateNumberOfMessagesDelayed",
                    "ApproximateNumberOfMessagesNotVisible",
                ],
            )
        except (BotoCoreError, ClientError) as error:
            raise ReadError(f"the queue cannot be asked ({type(error).__name__})") from error
        return sum(map(int, answer["Attributes"].values()))

    def _send(self, photos: Sequence[PhotoToSend], *, again: bool) -> None:
        try:
            answer = self._client.send_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(place), "MessageBody": message(photo, check=again)}
                    for place, photo in enumerate(photos)
                ],
            )
        except (BotoCoreError, ClientError) as error:
            raise ReadError(f"the queue takes nothing ({type(error).__name__})") from error
        if answer.get("Failed"):
            raise ReadError("the queue did not take a message")


def message(photo: PhotoToSend, *, check: bool) -> str:
    """What S3 would say of the photo; if to `check`, so that its bucket is asked for it first.

    Limits on faces that were recorded for the photo go along, which S3 knows nothing of.
    """
    bucket, key = bucket_and_key(photo.photo_id)
    about = {
        "key": quote_plus(key),
        "sequencer": sequencer_of_sequence(photo.sequence),
        # One of no bytes might be a folder.
        **({"versionId": "unknown"} if check else {"size": 1}),
    }
    record = {
        "eventName": "ObjectRemoved:Delete" if check else "ObjectCreated:Put",
        "eventTime": "1970-01-01T00:00:00Z",  # the sequencer orders it
        "s3": {"bucket": {"name": bucket}, "object": about},
        **({"limits": dict(photo.limits)} if photo.limits else {}),
    }
    return json.dumps({"Records": [record]})
