"""The ids of photos in S3, without the client that reads them."""

from facesearch.errors import InvalidRequest

_SCHEME = "s3://"


def photo_id(bucket: str, key: str) -> str:
    """`s3://bucket/key`, the key as it is: neither quoted nor normalised."""
    return f"{_SCHEME}{bucket}/{key}"


def bucket_and_key(photo_id: str) -> tuple[str, str]:
    """The parts of a photo id. Raises `InvalidRequest` for one of another place."""
    bucket, _, key = photo_id.removeprefix(_SCHEME).partition("/")
    if not photo_id.startswith(_SCHEME) or not bucket or not key:
        raise InvalidRequest(f"'{photo_id}' is not a photo in S3: use s3://bucket/key")
    return bucket, key


def is_in_s3(photo_id: str) -> bool:
    return photo_id.startswith(_SCHEME)
