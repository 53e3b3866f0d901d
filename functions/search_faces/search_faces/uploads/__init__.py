"""New photos: a form that lets its bearer send one, for a while and within limits.

Two places take them: the bucket, where S3 checks the form, and a folder of this machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

EXPIRES_S = 300


@dataclass(frozen=True, slots=True)
class NewPhoto:
    """What is about to be sent; `name` is safe as a part of keys and paths, and used once.

    Without a `collection`, the photo goes where photos without one go.
    """

    name: str
    media_type: str
    collection: str | None
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class UploadForm:
    """To be sent to `url` (perhaps relative to the API's address), the file last."""

    url: str
    fields: Mapping[str, str]
    photo_id: str


class Uploads(Protocol):
    """A place that takes new photos."""

    def form(self, photo: NewPhoto) -> UploadForm:
        """Good for `EXPIRES_S`. Raises an `InputError` for a photo that this place never takes."""
