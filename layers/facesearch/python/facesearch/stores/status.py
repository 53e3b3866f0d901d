"""What there is to know of a store without changing it: for operators."""

from dataclasses import dataclass
from pathlib import Path

from facesearch.errors import StoreNotFound
from facesearch.faces import Recipe
from facesearch.stores import Counts, open_store


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """`place` is the file or the index; `health` is "green", "yellow" or "red".

    Green: all is well; yellow: no spare copy is in place; red: some of the store is missing.
    `notes` tell what an operator may want to do.
    """

    place: str
    recipe: Recipe
    counts: Counts
    size_bytes: int
    health: str
    notes: tuple[str, ...] = ()


def store_status(url: str) -> StoreStatus:
    """Raises a `StoreError`; `StoreNotFound` when nothing was ever written."""
    if url.partition("://")[0] != "sqlite":
        from facesearch.stores.opensearch.status import opensearch_status

        return opensearch_status(url)
    with open_store(url, None) as store:
        counts, recipe = store.counts(), store.stored_recipe()
    if recipe is None:
        raise StoreNotFound(f"there is no store '{url}' yet: index some photos first")
    path = Path(url.partition(":///")[2]).absolute()
    parts = [path, path.with_name(path.name + "-wal")]
    size = sum(part.stat().st_size for part in parts if part.exists())
    return StoreStatus(str(path), recipe, counts, size, "green")
