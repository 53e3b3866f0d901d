"""Rebuilding a store in place: what the use case asks of the stores that can."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from facesearch.errors import SettingsError
from facesearch.faces import Photo, Recipe
from facesearch.stores import FaceStore

Reembed = Callable[[Sequence[Photo], FaceStore], None]
"""Puts the photos into the store with its recipe; raises to stop, and is asked again later."""

Progress = Callable[[int, int], None]
"""Takes how many photos are copied, and of how many."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The index that was replaced, the one in its place, and how many photos it holds."""

    old: str
    new: str
    photos: int


class StoreRebuild(Protocol):
    """A store's index built anew, for another recipe or shape, while it is read and written."""

    def run(self, reembed: Reembed, progress: Progress) -> Rebuilt | None:
        """Build, check and change over; None if recipe and shape are as wanted already.

        What was cut short goes on where it was. `reembed` is called if the recipe is another.
        The old index is kept: searches with its recipe go on in it.
        """

    def drop_old(self) -> list[str]:
        """Delete the indexes older than the one in use; returns their names."""

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def open_rebuild(url: str, recipe: Recipe) -> StoreRebuild:
    """For the store at `url` as it is to be. Raises `SettingsError` for stores that are files."""
    if url.partition("://")[0] == "sqlite":
        raise SettingsError(
            "a store in a file is not rebuilt: index the photos into another file, then use that"
        )
    from facesearch.stores.opensearch.rebuild import OpenSearchRebuild
    from facesearch.stores.opensearch.settings import OpenSearchSettings

    return OpenSearchRebuild(OpenSearchSettings.from_url(url), recipe)
