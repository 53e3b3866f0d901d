"""What rebuilding a store means for every engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from facesearch.faces import Photo
from facesearch.stores.protocol import FaceStore

Reembed = Callable[[Sequence[Photo], FaceStore], None]
"""Embeds the photos again and writes them to the store. An error stops the rebuild."""

RebuildProgress = Callable[[int, int], None]
"""Called with the number of photos that are done, and of all."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was replaced, what replaced it, and how many photos that holds."""

    old: str
    new: str
    photos: int


class StoreRebuild(Protocol):
    """A store built anew, for another recipe or shape, while it is in use."""

    def run(self, reembed: Reembed, progress: RebuildProgress) -> Rebuilt | None:
        """Build the new store, check it, and replace the old one with it.

        Returns None if the store has this recipe and shape already. A rebuild that was interrupted
        goes on where it stopped. `reembed` is called only if the recipe changes.
        """

    def drop_old(self) -> list[str]:
        """Delete the replaced stores that were kept, and return their names."""

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
