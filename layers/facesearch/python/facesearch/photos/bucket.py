"""Photos in S3."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

from facesearch.collections import CollectionRule
from facesearch.errors import (
    BucketUnavailable,
    FacesearchError,
    ImageTooLarge,
    NotFound,
    PhotoArchived,
    PhotoKeyUnusable,
    ReadError,
)
from facesearch.photos.ids import bucket_and_key
from facesearch.photos.reading import MAX_FILE_BYTES, READERS, PhotoContent

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CLIENT_CONFIG = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=READERS,
    # Addresses signed by the older version, boto3's default, do not open encrypted buckets.
    signature_version="s3v4",
)

URL_S = 300

_AWS = (".amazonaws.com", ".amazonaws.com.cn")
# HEAD answers have no body that could name the reason.
_GONE = ("NoSuchKey", "404")
# S3's own way to say that it has too much to do, whatever the photo.
_BUSY = (429, 503)


def open_client() -> "S3Client":
    """Region, credentials and endpoint as boto3 finds them; waits and retries are bounded."""
    return boto3.client("s3", config=CLIENT_CONFIG)


class S3Photos:
    """Reads photos by id. Several threads may share it.

    Error messages name neither photo nor key: those may be personal, and errors are logged. `rule`
    says how the bucket names collections. Without it, `read` gives no collection.
    """

    def __init__(self, client: "S3Client", rule: CollectionRule | None = None) -> None:
        self._client = client
        self._rule = rule

    def read(self, photo_id: str) -> PhotoContent:
        """The photo with its ETag as revision and its user metadata: an `reading.ReadPhoto`.

        Raises `BucketUnavailable` when the bucket does not answer at all.
        """
        bucket, key = bucket_and_key(photo_id)
        collection = self._collection(bucket, key)
        with self._translated(bucket):
            answer = self._client.get_object(Bucket=bucket, Key=key)
            with closing(answer["Body"]) as body:
                _check_size(answer["ContentLength"])
                data = body.read()
        metadata = {name: _decoded(value) for name, value in answer["Metadata"].items()}
        return PhotoContent(data, answer["ETag"].strip('"'), metadata, collection)

    def _collection(self, bucket: str, key: str) -> str | None:
        """Raises `InvalidCollection`, `NotFound` or `ReadError`."""
        if self._rule is None or self._rule.by == "none":
            return None
        if self._rule.by == "prefix":
            return self._rule.of_key(key)
        with self._translated(bucket, "s3:GetObjectTagging"):
            answer = self._client.get_object_tagging(Bucket=bucket, Key=key)
        return self._rule.of_tags({tag["Key"]: tag["Value"] for tag in answer["TagSet"]})

    def url(self, photo_id: str) -> str:
        """Where anyone can fetch the photo for `URL_S` seconds, with this client's rights.

        Raises `ReadError` when it has none.
        """
        bucket, key = bucket_and_key(photo_id)
        # Without credentials, there is nothing to sign with.
        with _translated(bucket):
            return self.signer(bucket).generate_presigned_url(
                "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=URL_S
            )

    def signer(self, bucket: str) -> "S3Client":
        """The client that signs addresses for others. On AWS, these must name the bucket's region.

        Addresses without it lead to another region, which redirects requests for a new bucket; the
        signature is lost on the way.
        """
        # A name with a dot matches no certificate as a part of the host's.
        return self._client if "." in bucket else self._regional

    @cached_property
    def _regional(self) -> "S3Client":
        if not self._client.meta.endpoint_url.endswith(_AWS):
            return self._client
        # In us-east-1 botocore would still name the bucket without the region.
        style = Config(
            s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"}
        )
        config: Config = CLIENT_CONFIG.merge(style)
        return boto3.client("s3", config=config)

    def exists(self, photo_id: str) -> bool:
        """Whether the bucket has a current version of the photo. Raises as `read` does."""
        bucket, key = bucket_and_key(photo_id)
        try:
            with self._translated(bucket):
                self._client.head_object(Bucket=bucket, Key=key)
        except NotFound:
            return False
        return True

    def delete(self, photo_id: str) -> None:
        """Delete the photo; of a versioned bucket, its current version.

        Raises `NotFound`, or as `read` does.
        """
        bucket, key = bucket_and_key(photo_id)
        with self._translated(bucket, "s3:DeleteObject, s3:GetObject and s3:ListBucket"):
            self._client.head_object(Bucket=bucket, Key=key)
            self._client.delete_object(Bucket=bucket, Key=key)

    @contextmanager
    def _translated(
        self, bucket: str, actions: str = "s3:GetObject and s3:ListBucket"
    ) -> Iterator[None]:
        """Also tells a photo's own failure from one of the bucket, which any photo would meet."""
        try:
            with _translated(bucket, actions):
                yield
        except ReadError as error:
            cause = error.__cause__
            if _is_busy(cause) or (_is_of_s3(cause) and not self._answers(bucket)):
                raise BucketUnavailable(
                    f"bucket '{bucket}' hands out no photo now ({_name(cause)}): try again when "
                    "S3 answers"
                ) from cause
            raise

    def _answers(self, bucket: str) -> bool:
        """Whether S3 has an answer for the bucket, were it a refusal."""
        try:
            self._client.head_bucket(Bucket=bucket)
        except (ClientError, BotoCoreError) as error:
            return not (_is_busy(error) or _is_of_s3(error))
        return True


def _decoded(value: str) -> str:
    """User metadata beyond ASCII travels in encoded words (RFC 2047), both ways."""
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        return value


def _check_size(size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise ImageTooLarge(
            f"the photo has {size / 2**20:.0f} MB, the limit is {MAX_FILE_BYTES // 2**20} MB: "
            "scale it down first"
        )


def _is_busy(error: BaseException | None) -> bool:
    return isinstance(error, ClientError) and _status(error) in _BUSY


def _is_of_s3(error: BaseException | None) -> bool:
    """Whether S3 failed, or could not be reached: perhaps for this one photo."""
    if isinstance(error, ClientError):
        return _status(error) >= 500
    return isinstance(error, NotConnected | HTTPClientError)


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _name(error: BaseException | None) -> str:
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"]
    return type(error).__name__


@contextmanager
def _translated(bucket: str, actions: str = "s3:GetObject and s3:ListBucket") -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise _refusal(error, bucket, actions) from error
    except BotoCoreError as error:
        raise ReadError(
            f"reading from bucket '{bucket}' failed ({type(error).__name__}): try again"
        ) from error


def _refusal(error: ClientError, bucket: str, actions: str) -> FacesearchError:
    """Translate an error of S3. What only the photo's owner can mend becomes an `InputError`."""
    code = error.response["Error"]["Code"]
    if code in _GONE:
        return NotFound(f"bucket '{bucket}' has no such photo: check its key")
    if code == "InvalidObjectState":
        return PhotoArchived(f"bucket '{bucket}' has the photo in an archive: restore it first")
    # S3 has no code for a key that this role may not use, but it names the action.
    if code.startswith("KMS.") or "kms:" in error.response["Error"].get("Message", ""):
        return PhotoKeyUnusable(
            f"bucket '{bucket}' has the photo under a KMS key that cannot be used ({code}): allow "
            "kms:Decrypt with that key and enable it, then run facesearch backfill --again"
        )
    return ReadError(
        f"bucket '{bucket}' does not hand out the photo ({code}): check that it exists and "
        f"that {actions} are allowed"
    )
