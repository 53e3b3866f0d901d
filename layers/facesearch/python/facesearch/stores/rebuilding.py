"""What rebuilding a store for another recipe has in common, whatever its engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from facesearch.faces import Photo
from facesearch.stores.protocol import FaceStore

Reembed = Callable[[Sequence[Photo], FaceStore], None]
"""Puts the photos into the store with its recipe; raises to stop, and is asked again later."""

Progress = Callable[[int, int], None]
"""Takes how many photos are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was replaced, what is in its place, and how many photos that holds."""

    old: str
    new: str
    photos: int


class StoreRebuild(Protocol):
    """A store built anew, for another recipe or shape, while it is in use."""

    def run(self, reembed: Reembed, progress: Progress) -> Rebuilt | None:
        """Build, check and change over; None if recipe and shape are as wanted already.

        What was cut short goes on where it was. `reembed` is called if the recipe is another.
        """

    def drop_old(self) -> list[str]:
        """Delete what was replaced and kept; returns its names."""

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
