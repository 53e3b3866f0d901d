"""Write photos whose faces are known under another name or with other facts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from facesearch.errors import StoreError
from facesearch.faces import IndexedPhoto, Removal
from facesearch.stores import FaceStore
from facesearch_local.library.compare import Rewrite

AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The outcome of a rewrite; `result` is that of `FaceStore.write`."""

    rewrite: Rewrite
    faces: int
    result: bool | StoreError


def apply_rewrites(rewrites: Sequence[Rewrite], store: FaceStore) -> Iterator[Rewritten]:
    """Write them, and remove moved photos from their old names. Raises a `StoreError`."""
    # Names that were shifted or swapped: all are read before any is overwritten.
    targets = {rewrite.changed.photo_id for rewrite in rewrites if rewrite.moved}
    sources = {rewrite.stored.photo_id for rewrite in rewrites if rewrite.moved}
    both = targets & sources
    shifted = [each for each in rewrites if {each.stored.photo_id, each.changed.photo_id} & both]
    yield from _apply(shifted, store)
    done = {id(each) for each in shifted}
    others = [each for each in rewrites if id(each) not in done]
    for start in range(0, len(others), AT_ONCE):
        yield from _apply(others[start : start + AT_ONCE], store)


def _apply(rewrites: Sequence[Rewrite], store: FaceStore) -> Iterator[Rewritten]:
    written: list[tuple[Rewrite, IndexedPhoto]] = []
    for rewrite in rewrites:
        stored = store.photo(rewrite.stored.photo_id)
        if stored is None or stored.photo.sequence != rewrite.stored.sequence:
            # Somebody else was here meanwhile.
            yield Rewritten(rewrite, 0, result=False)
        else:
            written.append((rewrite, IndexedPhoto(rewrite.changed, stored.faces)))
    moves = {each.changed.photo_id: each.stored.photo_id for each, _ in written if each.moved}
    hidden = store.hidden_regions({*moves, *moves.values()}) if moves else {}
    for now, was in moves.items():
        # Before it is there: its hidden faces are never found.
        for region in hidden.get(was, ()):
            store.hide(now, region)
    results = store.write([indexed for _, indexed in written])
    left = [
        Removal(rewrite.stored.photo_id, rewrite.changed.sequence)
        for (rewrite, _), result in zip(written, results, strict=True)
        if rewrite.leaves and result is True
    ]
    for failed in store.write(left):
        if isinstance(failed, StoreError):
            raise failed
    for (rewrite, _), result in zip(written, results, strict=True):
        was = rewrite.stored.photo_id
        if not rewrite.moved or result is not True:
            continue
        # What comes to the old name is another photo.
        kept = hidden.get(moves[was], ()) if was in moves else ()
        for region in hidden.get(was, ()):
            if not any(region.is_at(each) for each in kept):
                store.hide(was, region, hidden=False)
    for (rewrite, indexed), result in zip(written, results, strict=True):
        yield Rewritten(rewrite, len(indexed.faces), result)
