"""Copy one index of a store into another, which may have another shape or recipe."""

from dataclasses import replace

from facesearch.errors import StoreError
from facesearch.stores.opensearch.client import OpenSearchClient
from facesearch.stores.opensearch.documents import photo_of
from facesearch.stores.opensearch.index import NamedIndex, describe_index
from facesearch.stores.opensearch.queries import REMEMBERED, QueryBody
from facesearch.stores.opensearch.store import OpenSearchStore
from facesearch.stores.rebuilding import RebuildProgress, Reembed

COPIED_AT_ONCE = 5000
EMBEDDED_AT_ONCE = 200
PASSES = 10
COPY_TIMEOUT_S = 300.0

FORGOTTEN = {"term": {"forgotten": True}}


class IndexCopy:
    """Copies one index into another, from the point that an earlier run reached."""

    def __init__(
        self,
        client: OpenSearchClient,
        source: NamedIndex,
        target: NamedIndex,
        reembed: Reembed,
        progress: RebuildProgress,
    ) -> None:
        self._client = client
        self._source = source
        self._target = target
        self._reembed = reembed
        self._progress = progress
        self._copied = target.description.copied
        self._done = count_documents(client, target)
        self._same_recipe = source.description.recipe == target.description.recipe
        self._at_once = COPIED_AT_ONCE if self._same_recipe else EMBEDDED_AT_ONCE

    def catch_up(self) -> None:
        """Copy in passes until little is left. At most `PASSES`: writers may be as fast."""
        for _ in range(PASSES):
            self.copy_rest()
            if positions(self._client, self._source)[1] - self._copied <= self._at_once:
                return

    def copy_rest(self) -> None:
        """Copy everything that has been written by now: one pass."""
        settled, last = positions(self._client, self._source)
        total = count_documents(self._client, self._source)
        for start in range(self._copied, last, self._at_once):
            end = min(start + self._at_once, last)
            self._done += self._copy({"range": {"_seq_no": {"gt": start, "lte": end}}})
            # Shards number by themselves: later writes to the slowest may begin behind `settled`.
            self._remember(min(end, settled))
            self._progress(min(self._done, total), total)
        self._copied = settled

    def _copy(self, window: QueryBody) -> int:
        if self._same_recipe:
            return copy_documents(self._client, self._source, self._target, window)
        query = {"bool": {"filter": [window, FORGOTTEN]}}
        forgotten = copy_documents(self._client, self._source, self._target, query)
        return forgotten + self._copy_photos({"bool": {"filter": [window, REMEMBERED]}})

    def _copy_photos(self, query: QueryBody) -> int:
        search = {
            "size": EMBEDDED_AT_ONCE,
            "query": query,
            "sort": [{"photo_id": "asc"}],
            "_source": {"excludes": ["faces"]},
        }
        copied, after = 0, QueryBody()
        settings = replace(self._client.settings, index=self._target.name)
        with OpenSearchStore(settings, self._target.description.recipe) as store:
            while True:
                path = f"/{self._source.name}/_search"
                hits = self._client.request("POST", path, {**search, **after})["hits"]["hits"]
                if not hits:
                    return copied
                self._reembed([photo_of(hit["_source"]) for hit in hits], store)
                copied += len(hits)
                after = {"search_after": hits[-1]["sort"]}

    def _remember(self, copied: int) -> None:
        if copied <= self._copied:
            return
        self._copied = copied
        description = replace(self._target.description, copied=copied)
        describe_index(self._client, NamedIndex(self._target.name, description))


def positions(client: OpenSearchClient, index: NamedIndex) -> tuple[int, int]:
    """Two sequence numbers: all shards have reached the first, none is beyond the second."""
    name = index.name
    stats = client.request("GET", f"/{name}/_stats", params={"level": "shards"})
    copies = [copy for shard in stats["indices"][name]["shards"].values() for copy in shard]
    numbers = [copy["seq_no"] for copy in copies if copy["routing"]["primary"]]
    settled = min(each["global_checkpoint"] for each in numbers)
    return settled, max(each["max_seq_no"] for each in numbers)


def copy_documents(
    client: OpenSearchClient, source: NamedIndex, target: NamedIndex, query: QueryBody
) -> int:
    """Copy the documents that the query finds, as they are; returns how many it found.

    Raises `StoreError` unless all are copied.
    """
    answer = client.request(
        "POST",
        "/_reindex",
        {
            "conflicts": "proceed",  # what the new index has is newer, then
            "source": {"index": source.name, "query": query, "size": 500},
            "dest": {"index": target.name, "version_type": "external_gte"},
        },
        {"slices": "auto"},
        timeout_s=COPY_TIMEOUT_S,
    )
    if answer["failures"] or answer["timed_out"]:
        raise StoreError(
            f"'{source.name}' was not copied into '{target.name}' to the end: run it again to go on"
        )
    copied: int = answer["total"]
    return copied


def count_documents(client: OpenSearchClient, index: NamedIndex) -> int:
    """Count the index's photos as of now, forgotten ones included."""
    client.request("POST", f"/{index.name}/_refresh")
    counted: int = client.request("POST", f"/{index.name}/_count")["count"]
    return counted
