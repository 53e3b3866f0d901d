"""What a store lacks to hold exactly the photos that there are."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from facesearch.faces import Photo
from facesearch.photos.folder import photo_path
from facesearch.stores import FaceStore
from facesearch_local.library.walk import Found, PhotoFile


@dataclass(frozen=True, slots=True)
class Difference:
    """What a store lacks: files that are new or changed, and ids of photos that are gone."""

    changed: list[PhotoFile]
    unchanged: int
    gone: list[str]


def compare_with_store(found: Found, store: FaceStore, collection: str) -> Difference:
    """What must change in the store for it to hold exactly the photos found, in `collection`.

    A photo that could not be used last time counts as changed: the fault may have been ours.
    Raises a `StoreError`.
    """
    current: set[str] = set()
    gone: list[str] = []
    for photo in _stored(found, store):
        file = found.photos.get(photo.photo_id)
        if file is None:
            if _is_gone(photo.photo_id):
                gone.append(photo.photo_id)
        elif _same(photo, file, collection):
            current.add(photo.photo_id)
    changed = [file for photo_id, file in found.photos.items() if photo_id not in current]
    return Difference(sorted(changed, key=lambda file: file.path), len(current), gone)


def _stored(found: Found, store: FaceStore) -> Iterator[Photo]:
    """Stored photos at the places looked at, some twice when folders overlap."""
    folders = tuple(_outermost(found.folders))
    for prefix in folders:
        yield from (listed.photo for listed in store.photos(prefix=prefix))
    for photo_id in found.photos:
        if not photo_id.startswith(folders):
            # Its own id is the first of those that start with it.
            yield from (listed.photo for listed in store.photos(prefix=photo_id, limit=1))


def _outermost(prefixes: Iterable[str]) -> list[str]:
    kept: list[str] = []
    for prefix in sorted(prefixes):
        if not kept or not prefix.startswith(kept[-1]):
            kept.append(prefix)
    return kept


def _same(photo: Photo, file: PhotoFile, collection: str) -> bool:
    return photo.revision == file.revision and photo.collection == collection and not photo.problem


def _is_gone(photo_id: str) -> bool:
    """False while in doubt: a folder that cannot be entered still has its photos."""
    try:
        Path(photo_path(photo_id)).stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def sequence_now() -> int:
    """The `sequence` of changes that are noticed now."""
    return time.time_ns() * 2**23 // 10**9
