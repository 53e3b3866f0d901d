"""Photos by id, wherever they are."""

from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

from facesearch.photos.folder import read_photo
from facesearch.photos.ids import is_in_s3
from facesearch.photos.links import PhotoLinks
from facesearch.photos.reading import PhotoContent

if TYPE_CHECKING:
    from facesearch.photos.bucket import S3Photos


class Photos:
    """Reads from S3 and from this machine's files; any number of threads may."""

    def __init__(self, links: PhotoLinks | None = None) -> None:
        """`links` make URLs of this machine's photos; without, they have none."""
        self._opening = Lock()
        self._links = links

    def read(self, photo_id: str) -> PhotoContent:
        """An `reading.ReadPhoto`."""
        if is_in_s3(photo_id):
            return self.s3.read(photo_id)
        return read_photo(photo_id)

    def url(self, photo_id: str) -> str | None:
        """Where anyone can fetch the photo for a while; None when there is no such place."""
        if is_in_s3(photo_id):
            return self.s3.url(photo_id)
        return self._links.url(photo_id) if self._links else None

    @property
    def s3(self) -> "S3Photos":
        """The bucket reader, opened at its first use."""
        # boto3 makes one client at a time.
        with self._opening:
            return self._s3

    @cached_property
    def _s3(self) -> "S3Photos":
        # Cold start: boto3 takes half a second to import, and only what is in S3 needs it.
        from facesearch.photos.bucket import S3Photos, open_client  # noqa: PLC0415

        return S3Photos(open_client())
