"""Sequences of changes that are detected on this machine."""

import time
from collections.abc import Sequence

from facesearch.errors import StoreNotFound
from facesearch.stores import FaceStore
from facesearch.stores.checks import SEQUENCES

AT_ONCE = 1000


def sequence_now() -> int:
    """The sequence of a change that is detected now."""
    return time.time_ns() * 2**23 // 10**9


def following(known: int) -> int:
    """The sequence of a change, detected now, to a photo whose newest sequence is `known`.

    It is always higher, even if the clock was ahead before.
    """
    return min(max(sequence_now(), known + 1), SEQUENCES[-1])


def next_sequences(store: FaceStore, photo_ids: Sequence[str]) -> dict[str, int]:
    """The sequence of a change detected now, for each photo. Raises a `StoreError`."""
    known: dict[str, int] = {}
    try:
        for start in range(0, len(photo_ids), AT_ONCE):
            known |= store.sequences(photo_ids[start : start + AT_ONCE])
    except StoreNotFound:
        known = {}
    return {photo_id: following(known.get(photo_id, 0)) for photo_id in photo_ids}
