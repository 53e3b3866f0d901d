"""The state of an OpenSearch store."""

from facesearch.stores.opensearch.client import OpenSearchClient
from facesearch.stores.opensearch.index import FoundIndex, StoreIndex, index_number, store_indexes
from facesearch.stores.opensearch.settings import OpenSearchSettings
from facesearch.stores.opensearch.store import OpenSearchStore
from facesearch.stores.status import StoreStatus


def opensearch_status(url: str) -> StoreStatus:
    """As `store_status`."""
    settings = OpenSearchSettings.from_url(url)
    client = OpenSearchClient(settings)
    try:
        index = StoreIndex(client, None)
        current = index.current()
        if current is None:
            raise index.not_found()
        health = client.request("GET", f"/_cluster/health/{current.name}")["status"]
        stats = client.request("GET", f"/{current.name}/_stats/store")
        notes = _notes(settings.index, current, store_indexes(client))
    finally:
        client.close()
    with OpenSearchStore(settings, None) as store:
        counts = store.counts()
    return StoreStatus(
        place=f"index {current.name}",
        recipe=current.description.recipe,
        counts=counts,
        size_bytes=stats["_all"]["total"]["store"]["size_in_bytes"],
        health=health,
        notes=notes,
    )


def _notes(store: str, current: FoundIndex, indexes: list[FoundIndex]) -> tuple[str, ...]:
    notes = []
    for index in indexes:
        if index_number(store, index.name) < index_number(store, current.name):
            notes.append(
                f"the old index {index.name} is kept: facesearch reindex --drop-old deletes it"
            )
        elif index.description.replaces == current.name:
            notes.append(
                f"a reindex into {index.name} is under way or was cut short: facesearch reindex "
                "with the same store and models goes on with it"
            )
    return tuple(notes)
