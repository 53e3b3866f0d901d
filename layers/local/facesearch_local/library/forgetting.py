"""Remove stored photos, with their faces."""

from collections.abc import Sequence

from facesearch.faces import Photo, Removal
from facesearch.stores import open_store
from facesearch_local.library.sequences import following

AT_ONCE = 500
"""Photos removed in one transaction."""


def forget_photos(store_url: str, photos: Sequence[Photo]) -> int:
    """Remove the photos from the store. Returns how many were removed.

    One that was changed meanwhile, with a higher sequence, stays. Needs no models. Raises a
    `StoreError`.
    """
    if not photos:
        return 0
    with open_store(store_url, None) as reading:
        recipe = reading.stored_recipe()
    forgotten = 0
    with open_store(store_url, recipe) as store:
        for start in range(0, len(photos), AT_ONCE):
            for result in store.write(
                [
                    Removal(photo.photo_id, following(photo.sequence))
                    for photo in photos[start : start + AT_ONCE]
                ]
            ):
                if not isinstance(result, bool):
                    raise result
                forgotten += result
    return forgotten
