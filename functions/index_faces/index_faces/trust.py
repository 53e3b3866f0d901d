"""What is believed of a message. Whoever may send to the queue may send anything."""

from dataclasses import replace

from facesearch.errors import InvalidRequest
from facesearch.photos.ids import bucket_and_key
from index_faces.events import Change, PhotoToCheck

CLOCKS_APART = 1 << 23
"""How far S3's clock may be ahead of this one, in `Photo.sequence`'s unit: a second."""


def believed(change: Change, bucket: str, now: int, *, limits: bool) -> Change:
    """The change as it is believed; `now` is this moment as `Photo.sequence`.

    A change from the future would outrank every later one, and so freeze its photo. It counts as
    one of now, and the bucket decides whether the photo exists. `limits`: whether the message may
    limit the photo's faces, or that is left out. Raises `InvalidRequest` for a photo of another
    bucket.
    """
    if bucket_and_key(change.photo_id)[0] != bucket:
        raise InvalidRequest(
            f"the message is about a photo outside of bucket '{bucket}': find out who sends to "
            "the queue, beside that bucket"
        )
    if change.limits is not None and not limits:
        change = replace(change, limits=None)
    if change.sequence > now + CLOCKS_APART:
        return PhotoToCheck(change.photo_id, now, change.limits)
    return change
