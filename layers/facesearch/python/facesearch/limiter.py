"""The limits of verdicts for a store, by how many faces it holds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic

from facesearch.errors import StoreNotFound
from facesearch.stores import FaceStore
from facesearch.verdicts import Limits, limits_of

COUNTED_FOR_S = 60.0
MOST_COUNTED = 1_000
"""Collections whose number of faces is remembered: their names come from callers."""


@dataclass(slots=True)
class Limiter:
    """The limits for a store as it grows; it is counted again after a minute, at the next search.

    `very_likely` sets the first limit, whatever the number of faces.
    """

    store: FaceStore
    very_likely: float | None = None
    clock: Callable[[], float] = monotonic
    _counted: dict[str | None, tuple[float, int]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def limits(self, collection: str | None = None) -> Limits | None:
        """For a search of one collection, or of all. Raises a `StoreError`.

        None where nobody has measured them for the store's recipe.
        """
        recipe = self.store.recipe
        if recipe is None:
            return None
        return limits_of(recipe, self._faces(collection), self.very_likely)

    def of_pair(self) -> Limits | None:
        """For two faces that are compared: as in the smallest library that was measured."""
        recipe = self.store.recipe
        return limits_of(recipe, 1, self.very_likely) if recipe else None

    def _faces(self, collection: str | None) -> int:
        now = self.clock()
        known = self._counted.get(collection)
        if known is None or now - known[0] > COUNTED_FOR_S:
            known = (now, _count(self.store, collection))
            with self._lock:
                if len(self._counted) >= MOST_COUNTED:
                    self._counted.clear()
                self._counted[collection] = known
        return known[1]


def _count(store: FaceStore, collection: str | None) -> int:
    try:
        if collection is None:
            return store.counts().faces
        held = store.collections().get(collection)
    except StoreNotFound:
        return 0
    return held.faces if held else 0
