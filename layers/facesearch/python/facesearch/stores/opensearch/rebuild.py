"""Build a store's index again beside the old one, and replace that without losing a write.

Documents are copied in the order of the engine's sequence numbers. Each pass copies what was
written since the last pass began. During the last and shortest pass, the old index blocks writes.
Writers retry, and reach the new index.
"""

from contextlib import suppress
from dataclasses import replace
from typing import Any, Self

from facesearch.closeable import Closeable
from facesearch.errors import StoreError
from facesearch.faces import Recipe
from facesearch.stores.opensearch.client import OpenSearchClient, patient
from facesearch.stores.opensearch.copying import IndexCopy, count_documents
from facesearch.stores.opensearch.index import (
    IndexDescription,
    NamedIndex,
    StoreIndex,
    add_left_out,
    adjustable_settings,
    create_index,
    describe_index,
    index_name,
    index_number,
    recipe_alias,
    store_indexes,
)
from facesearch.stores.opensearch.queries import count_all, counts_of
from facesearch.stores.opensearch.settings import OpenSearchSettings
from facesearch.stores.protocol import Counts
from facesearch.stores.rebuilding import RebuildProgress, Rebuilt, Reembed


class OpenSearchRebuild(Closeable):
    """The `StoreRebuild` of an OpenSearch store. Only one at a time may run for a store."""

    def __init__(
        self, settings: OpenSearchSettings, recipe: Recipe, *, keep_shape: bool = False
    ) -> None:
        self._settings = settings
        self._keep_shape = keep_shape
        self._recipe = recipe
        self._client = OpenSearchClient(settings, patient(settings))
        self._index = StoreIndex(self._client, recipe)

    @classmethod
    def from_url(cls, url: str, recipe: Recipe, *, keep_shape: bool = False) -> Self:
        """See `OpenSearchSettings.from_url`."""
        return cls(OpenSearchSettings.from_url(url), recipe, keep_shape=keep_shape)

    def run(self, reembed: Reembed, progress: RebuildProgress) -> Rebuilt | None:
        """As `StoreRebuild.run`. The old index is kept for searches with its recipe."""
        source = self._source()
        target = self._begun(source)
        if target is None:
            return None
        copy = IndexCopy(self._client, source, target, reembed, progress)
        copy.catch_up()
        self._client.request("PUT", f"/{source.name}/_block/write")
        try:
            copy.copy_rest()
            self._check_complete(source, target)
            self._put_in_place(source, target)
        except BaseException:
            with suppress(StoreError):
                self._allow_writes_unless_replaced(source)
            raise
        return Rebuilt(source.name, target.name, photos=self._counts(target).photos)

    def drop_old(self) -> list[str]:
        """Delete the indexes older than the one in use; returns their names."""
        current = self._source()
        store = self._settings.index
        number = index_number(store, current.name)
        old = [
            each.name
            for each in store_indexes(self._client)
            if index_number(store, each.name) < number
        ]
        for name in old:
            self._client.request("DELETE", f"/{name}")
        return old

    def close(self) -> None:
        self._client.close()

    def _source(self) -> NamedIndex:
        current = self._index.current()
        if current is None:
            raise self._index.not_found()
        return current

    def _begun(self, source: NamedIndex) -> NamedIndex | None:
        """The new index. None if the store is as wanted; then it gets the other settings."""
        wanted = self._wanted(source)
        current = source.description
        if (current.recipe, current.shape) != (wanted.recipe, wanted.shape) or (
            not current.filters_faces
        ):
            return self._target(wanted)
        add_left_out(self._client, source)
        adjustable = {"index": adjustable_settings(self._settings)}
        self._client.request("PUT", f"/{source.name}/_settings", adjustable)
        return None

    def _wanted(self, source: NamedIndex) -> IndexDescription:
        shape = source.description.shape if self._keep_shape else self._settings.shape
        return IndexDescription(self._recipe, shape, replaces=source.name)

    def _target(self, wanted: IndexDescription) -> NamedIndex:
        """The new index: the one that an earlier run began, or an empty one."""
        store = self._settings.index
        own = store_indexes(self._client)
        for index in own:
            if index.description.replaces != wanted.replaces:
                continue
            if replace(index.description, copied=-1, sent=-1) == wanted:
                add_left_out(self._client, index)
                return index
            self._client.request("DELETE", f"/{index.name}")
        last = max(index_number(store, index.name) for index in own)
        target = NamedIndex(index_name(store, last + 1), wanted)
        alias = recipe_alias(target.name, self._recipe)
        create_index(self._client, target.name, wanted, aliases=(alias,))
        return target

    def _check_complete(self, source: NamedIndex, target: NamedIndex) -> None:
        """Raise unless the new index has all that the old one has."""
        old, new = (count_documents(self._client, index) for index in (source, target))
        # Another recipe may find other faces.
        same = source.description.recipe != self._recipe or (
            self._counts(source) == self._counts(target)
        )
        if old != new or not same:
            raise StoreError(
                f"store '{self._settings.name}' was not rebuilt: its new index '{target.name}' "
                f"holds {new} of {old} photos or other faces; nothing was changed: delete that "
                "index and run it again"
            )

    def _put_in_place(self, source: NamedIndex, target: NamedIndex) -> None:
        """Move the aliases in one request. The old recipe's alias stays with the old index."""
        store = self._settings.index
        of_recipe = recipe_alias(store, self._recipe)
        # An index of this recipe may be left from before the old one.
        others = [each.name for each in store_indexes(self._client) if each.name != target.name]
        taken = [(source.name, store), *((name, of_recipe) for name in others)]
        # A request that is tried again finds some of it done.
        actions: list[dict[str, Any]] = [
            {"remove": {"index": index, "alias": alias, "must_exist": False}}
            for index, alias in taken
        ]
        for alias in (store, of_recipe):
            actions.append({"add": {"index": target.name, "alias": alias}})
        self._client.request("POST", "/_aliases", {"actions": actions})
        description = replace(target.description, replaces="", copied=-1, sent=-1)
        describe_index(self._client, NamedIndex(target.name, description))

    def _counts(self, index: NamedIndex) -> Counts:
        answer = self._client.request("POST", f"/{index.name}/_search", count_all())
        return counts_of(answer)

    def _allow_writes_unless_replaced(self, source: NamedIndex) -> None:
        # What failed may have been the answer only: a replaced index must stay closed.
        if self._source().name == source.name:
            unblocked = {"index.blocks.write": None}
            self._client.request("PUT", f"/{source.name}/_settings", unblocked)
