"""Reading photos from S3, and what its refusals become."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from botocore.stub import Stubber

from facesearch.errors import (
    BucketUnavailable,
    ImageTooLarge,
    InvalidRequest,
    NotFound,
    PhotoArchived,
    PhotoKeyUnusable,
    ReadError,
)
from facesearch.photos import reading
from facesearch.photos.bucket import S3Photos, open_client
from facesearch.photos.ids import bucket_and_key, photo_id

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def test_photo_id_and_its_parts_are_the_same_thing() -> None:
    for key in ("a.jpg", "folder/a b?c#d%.jpg", "/leading", "folder/"):
        assert bucket_and_key(photo_id("photos", key)) == ("photos", key)


@pytest.mark.parametrize("text", ["file:///a.jpg", "s3://photos", "s3://photos/", "s3:///a.jpg"])
def test_id_of_another_place_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="use s3://bucket/key"):
        bucket_and_key(text)


def test_read_beyond_the_size_limit_is_refused_before_the_body(
    s3: "S3Client", bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facesearch.photos.bucket.MAX_FILE_BYTES", 1000)
    s3.put_object(Bucket=bucket, Key="big.jpg", Body=bytes(1001))
    with pytest.raises(ImageTooLarge, match="the limit is"):
        S3Photos(s3).read("s3://photos/big.jpg")
    assert reading.MAX_FILE_BYTES > 1000


def test_read_of_a_missing_key_is_not_found(s3: "S3Client", bucket: str) -> None:
    with pytest.raises(NotFound, match="no such photo"):
        S3Photos(s3).read("s3://photos/missing.jpg")


@pytest.mark.parametrize("storage", ["GLACIER", "DEEP_ARCHIVE"])
def test_read_of_an_archived_photo_says_so_until_it_is_restored(
    s3: "S3Client", bucket: str, storage: Literal["GLACIER", "DEEP_ARCHIVE"]
) -> None:
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=b"photo", StorageClass=storage)
    with pytest.raises(PhotoArchived, match="restore it first"):
        S3Photos(s3).read("s3://photos/a.jpg")
    s3.restore_object(Bucket=bucket, Key="a.jpg", RestoreRequest={"Days": 1})
    assert S3Photos(s3).read("s3://photos/a.jpg").data == b"photo"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("KMS.DisabledException", "arn:aws:kms:eu-west-1:1:key/k is disabled."),
        ("KMS.NotFoundException", "Invalid arn"),
        ("KMS.KMSInvalidStateException", "arn:aws:kms:eu-west-1:1:key/k is pending deletion."),
        (
            "AccessDenied",
            "User: arn:aws:sts::1:assumed-role/r/f is not authorized to perform: kms:Decrypt on "
            "resource: arn:aws:kms:eu-west-1:1:key/k",
        ),
    ],
)
def test_read_of_a_photo_under_an_unusable_key_says_so(
    s3: "S3Client", code: str, message: str
) -> None:
    with Stubber(s3) as stubber:
        stubber.add_client_error("get_object", code, message, http_status_code=403)
        with pytest.raises(PhotoKeyUnusable, match="kms:Decrypt"):
            S3Photos(s3).read("s3://photos/a.jpg")


def test_read_that_is_denied_otherwise_may_be_tried_again(s3: "S3Client") -> None:
    with Stubber(s3) as stubber:
        stubber.add_client_error("get_object", "AccessDenied", "Access Denied", 403)
        with pytest.raises(ReadError, match="s3:GetObject"):
            S3Photos(s3).read("s3://photos/a.jpg")


def test_read_from_a_server_that_does_not_answer_fails_soon(
    aws: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    photos = S3Photos(open_client())
    with pytest.raises(BucketUnavailable, match="EndpointConnectionError"):
        photos.read("s3://photos/a.jpg")
    with pytest.raises(BucketUnavailable, match="EndpointConnectionError"):
        photos.exists("s3://photos/a.jpg")


def test_url_opens_the_photo_for_a_while(s3: "S3Client", bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a b/ä+c.jpg", Body=b"photo")
    url = S3Photos(open_client()).url("s3://photos/a b/ä+c.jpg")
    assert "X-Amz-Expires=300" in url
    with urlopen(url) as response:  # noqa: S310 (the test's own server)
        assert response.read() == b"photo"


def test_url_without_credentials_says_what_is_missing(
    aws: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    with pytest.raises(ReadError, match="NoCredentialsError"):
        S3Photos(open_client()).url("s3://photos/a.jpg")


@pytest.mark.parametrize("region", ["eu-west-1", "cn-north-1"])
def test_url_on_aws_names_the_region_and_is_signed_by_version_4(
    region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    domain = "amazonaws.com.cn" if region.startswith("cn") else "amazonaws.com"
    photos = S3Photos(open_client())
    url = photos.url("s3://photos/a.jpg")
    assert url.startswith(f"https://photos.s3.{region}.{domain}/a.jpg?X-Amz-Algorithm=AWS4-HMAC")
    # A certificate knows no hosts below `photos.s3`.
    dotted = urlsplit(photos.url("s3://my.photos/a.jpg"))
    assert dotted.path == "/my.photos/a.jpg"


@contextmanager
def answering(status: int, body: bytes, length: int, bucket: int = 200) -> Iterator[str]:
    """A server that gives every GET the same answer, `length` being what it announces.

    HEAD, for the bucket, gets `bucket`.
    """

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            self.send_header("ETag", '"1"')
            self.end_headers()
            self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.send_response(bucket)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "code", "bucket", "kind"),
    [
        (403, "AccessDenied", 200, ReadError),
        (403, "AccessDenied", 403, ReadError),
        # Of this photo, as long as there is an answer for its bucket.
        (500, "InternalError", 200, ReadError),
        (500, "InternalError", 403, ReadError),
        (500, "InternalError", 500, BucketUnavailable),
        (500, "InternalError", 503, BucketUnavailable),
        (503, "SlowDown", 200, BucketUnavailable),
    ],
)
def test_read_that_s3_refuses_can_be_tried_again_and_tells_why(
    status: int,
    code: str,
    bucket: int,
    kind: type[ReadError],
    aws: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    with answering(status, body, len(body), bucket) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
        with pytest.raises(ReadError, match=code) as caught:
            S3Photos(open_client()).read("s3://photos/Jane Doe.jpg")
    assert type(caught.value) is kind
    assert ("s3:GetObject" in str(caught.value)) is (kind is ReadError)


def test_read_that_breaks_off_can_be_tried_again(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(200, b"the first bytes", 1000) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
        with pytest.raises(ReadError, match="try again") as caught:
            S3Photos(open_client()).read("s3://photos/Jane Doe.jpg")
    assert type(caught.value) is ReadError
    assert "Jane" not in str(caught.value)
