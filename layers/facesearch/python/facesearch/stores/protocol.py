"""What every store of faces does, whatever its engine."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from facesearch.errors import StoreError
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


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a store holds; `photos` includes those without a face or with a problem."""

    photos: int
    faces: int


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """The state of a store; `place` is its file or its index.

    `health` is "green" (all is well), "yellow" (a spare copy is missing) or "red" (a part of the
    store is missing). `notes` say what an operator may want to do. `without_face` and `failed`
    count the photos that have no face and those that could not be used,
    `left_out` the faces of all photos that were found and not indexed.
    """

    place: str
    recipe: Recipe
    counts: Counts
    size_bytes: int
    health: str
    notes: tuple[str, ...] = ()
    without_face: int = 0
    failed: int = 0
    left_out: LeftOut = field(default_factory=LeftOut)


class FaceStore(Protocol):
    """Faces by photo, searchable by embedding; the same meaning whatever the engine.

    A photo is written and forgotten whole. Of two changes to one photo, the one with the higher
    `sequence` wins whatever order they arrive in; of equals, the later arrival. A forgotten
    photo stays forgotten: an older write never brings it back.

    Every method raises `StoreUnavailable` when the engine cannot be reached and `RecipeMismatch`
    when the store's embeddings were made by another recipe than the one it was opened with.
    Reading a store that does not exist yet raises `StoreNotFound`; the first write creates it.
    """

    @property
    def recipe(self) -> Recipe | None:
        """The recipe that it was opened with; None: to be read only, whatever its recipe."""

    def write(self, changes: Sequence[IndexedPhoto | Removal]) -> list[bool | StoreError]:
        """Apply the changes in order; durable on return.

        Returns for each change: True if it was applied, False if a newer change was there already,
        or the error with which it failed. Raises a `StoreError` when the whole batch failed.
        Repeating a batch is safe.
        """

    def search(
        self,
        embedding: Embedding,
        k: int,
        *,
        collection: str | None = None,
        metadata: Mapping[str, str] | None = None,
        min_detection_score: float = 0.0,
    ) -> list[Match]:
        """The k nearest faces (fewer if fewer are stored), nearest first, ties by face id.

        Hidden faces are not among them.

        Only faces of `collection` (None: of all) are searched, in photos with every entry of
        `metadata`, whose detection score is `min_detection_score` or more. Raises `InvalidRequest`
        when an earlier version made the store, and it cannot be searched by that score.
        """

    def hide(self, photo_id: str, region: Region, *, hidden: bool = True) -> None:
        """Hide the face at this place of the photo, or show it again; durable on return.

        That is kept apart from the photo: writing or removing the photo does not change it.
        Raises `StoreNotFound` if there is no store.
        """

    def hidden_regions(self, photo_ids: Collection[str]) -> Mapping[str, Regions]:
        """The hidden places of these photos, of those that have any."""

    def face(self, face_id: str) -> StoredFace | None:
        """A face by its id, hidden or not."""

    def photo(self, photo_id: str) -> IndexedPhoto | None:
        """A photo and its faces; None if it is unknown or forgotten."""

    def photos(
        self, *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> Iterator[PhotoListing]:
        """Photos whose id starts with `prefix` and sorts after `after`, by id (code points)."""

    def sequences(self, photo_ids: Sequence[str]) -> dict[str, int]:
        """The newest sequence of each photo that is known, of forgotten ones, too."""

    def faces(self) -> Iterator[StoredFace]:
        """Every face, hidden ones too, by photo id and number: for export."""

    def collections(self) -> dict[str, Counts]:
        """What each collection holds."""

    def counts(self) -> Counts:
        """What the whole store holds."""

    def stored_recipe(self) -> Recipe | None:
        """The recipe of the embeddings; None when nothing was ever written. Never a mismatch."""

    def status(self) -> StoreStatus:
        """The state of the store, for operators. Reading it changes nothing."""

    def close(self) -> None:
        """Release files and connections. It may be called twice."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
