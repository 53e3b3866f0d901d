"""Photos whose faces are known already, written under another name or with other facts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from facesearch.errors import StoreError
from facesearch.faces import IndexedPhoto, Removal
from facesearch.stores import FaceStore
from facesearch_local.library.compare import Rewrite

AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What became of a rewrite: `result` as `FaceStore.write` tells it."""

    rewrite: Rewrite
    faces: int
    result: bool | StoreError


def apply_rewrites(rewrites: Sequence[Rewrite], store: FaceStore) -> Iterator[Rewritten]:
    """Write them; a photo that moved is forgotten in its old place. Raises a `StoreError`."""
    for start in range(0, len(rewrites), AT_ONCE):
        changes: list[IndexedPhoto | Removal] = []
        written: list[tuple[Rewrite, IndexedPhoto]] = []
        for rewrite in rewrites[start : start + AT_ONCE]:
            stored = store.photo(rewrite.stored.photo_id)
            if stored is None or stored.photo.sequence != rewrite.stored.sequence:
                # Somebody else was here meanwhile.
                yield Rewritten(rewrite, 0, result=False)
                continue
            indexed = IndexedPhoto(rewrite.changed, stored.faces)
            written.append((rewrite, indexed))
            changes.append(indexed)
        results = store.write(changes)
        left = [
            Removal(rewrite.stored.photo_id, rewrite.changed.sequence)
            for (rewrite, _), result in zip(written, results, strict=True)
            if rewrite.moved and result is True
        ]
        for failed in store.write(left):
            if isinstance(failed, StoreError):
                raise failed
        for (rewrite, indexed), result in zip(written, results, strict=True):
            yield Rewritten(rewrite, len(indexed.faces), result)
