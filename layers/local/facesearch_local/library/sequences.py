"""The order of changes that are noticed on this machine."""

import time
from collections.abc import Sequence

from facesearch.errors import StoreNotFound
from facesearch.stores import FaceStore
from facesearch.stores.checks import SEQUENCES

AT_ONCE = 1000


def sequence_now() -> int:
    """The `sequence` of changes that are noticed now."""
    return time.time_ns() * 2**23 // 10**9


def following(known: int) -> int:
    """The sequence of a change noticed now to a photo whose newest change was `known`.

    It never goes backwards, even if that one was made while the clock was ahead.
    """
    return min(max(sequence_now(), known + 1), SEQUENCES[-1])


def next_sequences(store: FaceStore, photo_ids: Sequence[str]) -> dict[str, int]:
    """The sequence of a change noticed now, by photo. Raises a `StoreError`."""
    known: dict[str, int] = {}
    try:
        for start in range(0, len(photo_ids), AT_ONCE):
            known |= store.sequences(photo_ids[start : start + AT_ONCE])
    except StoreNotFound:
        known = {}
    return {photo_id: following(known.get(photo_id, 0)) for photo_id in photo_ids}
