"""The store of faces: one protocol, an adapter for each engine, chosen by URL.

An engine is imported when it is chosen: each takes a tenth of a second, and Lambda has but one.
"""

from typing import TYPE_CHECKING

from facesearch.errors import SettingsError
from facesearch.faces import Recipe
from facesearch.store_urls import url_of, without_password
from facesearch.stores.protocol import Counts, FaceStore, StoreStatus
from facesearch.stores.rebuilding import StoreRebuild

if TYPE_CHECKING:
    from facesearch.stores.opensearch.fanned import FannedRebuild

__all__ = [
    "Counts",
    "FaceStore",
    "StoreStatus",
    "open_fanned_rebuild",
    "open_rebuild",
    "open_store",
]


def open_store(url: str, recipe: Recipe | None) -> FaceStore:
    """The store at `url`: a file's path, `sqlite:///faces.db`, `opensearch://host:9200/index`, …

    `recipe` is the recipe of the embeddings to write or search with. Without one (None), the store
    can be read whatever its recipe (export, status), but neither written nor searched. Nothing is
    opened or created before the first call.
    """
    url = url_of(url)
    scheme = url.partition("://")[0]
    if scheme == "sqlite":
        from facesearch.stores.sqlite.store import SqliteStore  # noqa: PLC0415

        return SqliteStore.from_url(url, recipe)
    if scheme in ("opensearch", "opensearch+https", "opensearch+aws"):
        from facesearch.stores.opensearch.store import OpenSearchStore  # noqa: PLC0415

        return OpenSearchStore.from_url(url, recipe)
    raise SettingsError(
        f"store '{without_password(url)}' is not understood: use the path of a file, such as "
        "faces.db, "
        "opensearch://host:9200/index, opensearch+https://user:password@host:9200/index or "
        "opensearch+aws://endpoint/index?region=eu-west-1"
    )


def open_rebuild(url: str, recipe: Recipe, *, keep_shape: bool = False) -> StoreRebuild:
    """Open a rebuild of the store at `url` for `recipe`.

    An OpenSearch index gets the shape that the URL asks for; `keep_shape` keeps its present one.
    Raises `SettingsError`.
    """
    url = url_of(url)
    if url.partition("://")[0] == "sqlite":
        from facesearch.stores.sqlite.rebuild import SqliteRebuild  # noqa: PLC0415

        return SqliteRebuild.from_url(url, recipe)
    from facesearch.stores.opensearch.rebuild import OpenSearchRebuild  # noqa: PLC0415

    return OpenSearchRebuild.from_url(url, recipe, keep_shape=keep_shape)


def open_fanned_rebuild(url: str, recipe: Recipe) -> "FannedRebuild":
    """Open a rebuild of an OpenSearch store whose photos are embedded by others, on AWS."""
    from facesearch.stores.opensearch.fanned import FannedRebuild  # noqa: PLC0415

    return FannedRebuild.from_url(url, recipe)
