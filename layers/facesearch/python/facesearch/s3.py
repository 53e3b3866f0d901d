"""Photos in S3, and the ids that they go by."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from facesearch.errors import ImageTooLarge, InvalidRequest, NotFound, ReadError
from facesearch.indexing import MAX_FILE_BYTES, READERS, PhotoContent

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CLIENT_CONFIG = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=READERS,
)

_SCHEME = "s3://"
# HEAD answers have no body that could name the reason.
_GONE = ("NoSuchKey", "404")


def photo_id(bucket: str, key: str) -> str:
    """`s3://bucket/key`, the key as it is: neither quoted nor normalised."""
    return f"{_SCHEME}{bucket}/{key}"


def bucket_and_key(photo_id: str) -> tuple[str, str]:
    """The parts of a photo id. Raises `InvalidRequest` for one of another place."""
    bucket, _, key = photo_id.removeprefix(_SCHEME).partition("/")
    if not photo_id.startswith(_SCHEME) or not bucket or not key:
        raise InvalidRequest(f"'{photo_id}' is not a photo in S3: use s3://bucket/key")
    return bucket, key


def open_client() -> "S3Client":
    """Region, credentials and endpoint as boto3 finds them; waits and retries are bounded."""
    return boto3.client("s3", config=CLIENT_CONFIG)


class S3Photos:
    """Reads photos by id; one client serves several threads.

    Messages name neither photo nor key: those may be personal, and errors get logged.
    """

    def __init__(self, client: "S3Client") -> None:
        self._client = client

    def read(self, photo_id: str) -> PhotoContent:
        """The photo with its ETag as revision and its user metadata: an `indexing.ReadPhoto`."""
        bucket, key = bucket_and_key(photo_id)
        with _translated(bucket):
            answer = self._client.get_object(Bucket=bucket, Key=key)
            with closing(answer["Body"]) as body:
                _check_size(answer["ContentLength"])
                data = body.read()
        return PhotoContent(data, answer["ETag"].strip('"'), answer["Metadata"])

    def exists(self, photo_id: str) -> bool:
        """Whether the bucket has a current version of the photo. Raises `ReadError`."""
        bucket, key = bucket_and_key(photo_id)
        try:
            with _translated(bucket):
                self._client.head_object(Bucket=bucket, Key=key)
        except NotFound:
            return False
        return True


def _check_size(size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise ImageTooLarge(
            f"the photo has {size / 2**20:.0f} MB, the limit is {MAX_FILE_BYTES // 2**20} MB: "
            "scale it down first"
        )


@contextmanager
def _translated(bucket: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _GONE:
            raise NotFound(f"bucket '{bucket}' has no such photo: check its key") from error
        raise ReadError(
            f"bucket '{bucket}' does not hand out the photo ({code}): check that it exists and "
            "that s3:GetObject and s3:ListBucket are allowed"
        ) from error
    except BotoCoreError as error:
        raise ReadError(
            f"reading from bucket '{bucket}' failed ({type(error).__name__}): try again"
        ) from error
