"""Photos by id, wherever they are."""

from functools import cached_property
from typing import TYPE_CHECKING

from facesearch.photos.folder import read_photo
from facesearch.photos.reading import PhotoContent

if TYPE_CHECKING:
    from facesearch.photos.bucket import S3Photos


class Photos:
    """Reads from S3 and from this machine's files."""

    def read(self, photo_id: str) -> PhotoContent:
        """An `reading.ReadPhoto`."""
        if _is_in_s3(photo_id):
            return self._s3.read(photo_id)
        return read_photo(photo_id)

    def url(self, photo_id: str) -> str | None:
        """Where anyone can fetch the photo for a while; None when it is not in S3."""
        return self._s3.url(photo_id) if _is_in_s3(photo_id) else None

    @cached_property
    def _s3(self) -> "S3Photos":
        # boto3 takes half a second to import: only for what is in S3.
        from facesearch.photos.bucket import S3Photos, open_client

        return S3Photos(open_client())


def _is_in_s3(photo_id: str) -> bool:
    return photo_id.startswith("s3://")
