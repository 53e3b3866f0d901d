"""Uploads: a signed form lets a caller send one new photo, for some minutes and within limits.

Photos go to the bucket, where S3 checks the form, or to a folder of this machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

EXPIRES_S = 300


@dataclass(frozen=True, slots=True)
class NewPhoto:
    """A photo that is about to be sent. `name` is safe in keys and paths, and
    another for each photo, unless `sha256` is known: then it follows from that and the collection.

    `collection` is None for the default collection. `size` is the most bytes that may be sent.
    """

    name: str
    media_type: str
    size: int
    collection: str | None
    metadata: Mapping[str, str]
    sha256: str = ""
    """What the file must have; "" for any."""


@dataclass(frozen=True, slots=True)
class UploadForm:
    """A form to send to `url` (perhaps relative to the API's address), with the file last."""

    url: str
    fields: Mapping[str, str]
    photo_id: str


class Uploads(Protocol):
    """A place that takes new photos."""

    def form(self, photo: NewPhoto) -> UploadForm:
        """A form that is valid for `EXPIRES_S`. Raises an `InputError` for unwanted photos."""

    def remove(self, photo_id: str) -> None:
        """Delete a photo. Raises `NotFound`, or `DeletionOff`, saying how else to."""
