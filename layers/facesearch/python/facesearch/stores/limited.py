"""A store of which only some collections can be seen: the others are as if they were not there."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from facesearch.closeable import Closeable
from facesearch.errors import InvalidRequest, StoreError
from facesearch.faces import (
    Embedding,
    IndexedPhoto,
    LeftOut,
    Match,
    PhotoListing,
    Recipe,
    Removal,
    StoredFace,
)
from facesearch.hidden import Region, Regions
from facesearch.stores.protocol import Counts, FaceStore, StoreStatus


class LimitedStore(Closeable):
    """The `FaceStore` of some collections of another. Nothing is written to it.

    Its faces can be hidden. Counts are of these collections, too. A list of photos reads those of
    the others on its way.
    """

    def __init__(self, store: FaceStore, collections: Collection[str]) -> None:
        self._store = store
        self._collections = frozenset(collections)

    @property
    def recipe(self) -> Recipe | None:
        return self._store.recipe

    def write(self, changes: Sequence[IndexedPhoto | Removal]) -> list[bool | StoreError]:
        raise InvalidRequest(f"{len(changes)} changes cannot be written: only reading is allowed")

    def search(
        self,
        embedding: Embedding,
        k: int,
        *,
        collection: str | None = None,
        metadata: Mapping[str, str] | None = None,
        min_detection_score: float = 0.0,
    ) -> list[Match]:
        wanted = self._collections if collection is None else self._collections & {collection}
        found = [
            match
            for each in sorted(wanted)
            for match in self._store.search(
                embedding,
                k,
                collection=each,
                metadata=metadata,
                min_detection_score=min_detection_score,
            )
        ]
        return sorted(found, key=lambda match: (match.distance, match.stored.face_id))[:k]

    def hide(self, photo_id: str, region: Region, *, hidden: bool = True) -> None:
        if self.photo(photo_id) is None:
            raise InvalidRequest("faces of other collections cannot be hidden: see GET /v1/photos")
        self._store.hide(photo_id, region, hidden=hidden)

    def hidden_regions(self, photo_ids: Collection[str]) -> Mapping[str, Regions]:
        found = self._store.hidden_regions(photo_ids)
        return {each: found[each] for each in found if self.photo(each) is not None}

    def face(self, face_id: str) -> StoredFace | None:
        stored = self._store.face(face_id)
        return stored if stored and stored.photo.collection in self._collections else None

    def photo(self, photo_id: str) -> IndexedPhoto | None:
        indexed = self._store.photo(photo_id)
        return indexed if indexed and indexed.photo.collection in self._collections else None

    def photos(
        self, *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> Iterator[PhotoListing]:
        listings = self._store.photos(prefix=prefix, after=after)
        seen = (each for each in listings if each.photo.collection in self._collections)
        return islice(seen, limit)

    def sequences(self, photo_ids: Sequence[str]) -> dict[str, int]:
        seen = [each for each in photo_ids if self.photo(each) is not None]
        return self._store.sequences(seen)

    def faces(self) -> Iterator[StoredFace]:
        return (each for each in self._store.faces() if each.photo.collection in self._collections)

    def collections(self) -> dict[str, Counts]:
        held = self._store.collections()
        return {name: held[name] for name in held if name in self._collections}

    def counts(self) -> Counts:
        held = self.collections().values()
        return Counts(sum(each.photos for each in held), sum(each.faces for each in held))

    def stored_recipe(self) -> Recipe | None:
        return self._store.stored_recipe()

    def status(self) -> StoreStatus:
        return replace(
            self._store.status(),
            counts=self.counts(),
            size_bytes=0,
            without_face=0,
            failed=0,
            left_out=LeftOut(),
        )

    def close(self) -> None:
        """The store is its owner's to close."""
