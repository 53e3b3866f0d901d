"""How photos are deleted where this service does not do it."""

import shlex

from facesearch.errors import DeletionOff
from facesearch.photos.folder import photo_name
from facesearch.photos.ids import is_in_s3


def deletion_off(photo_id: str) -> DeletionOff:
    """The refusal, with the command that deletes the photo."""
    if is_in_s3(photo_id):
        return DeletionOff(
            "the bucket decides which photos there are, and faces follow it: use aws s3 rm "
            f"{shlex.quote(photo_id)}"
        )
    return DeletionOff(
        "only photos that came by upload are deleted here: use facesearch index for its folder "
        f"once {shlex.quote(photo_name(photo_id))} is deleted there"
    )
