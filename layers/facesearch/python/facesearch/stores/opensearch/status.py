"""The state of an OpenSearch store."""

from facesearch.stores.opensearch.client import OpenSearchClient
from facesearch.stores.opensearch.index import NamedIndex, index_number, store_indexes
from facesearch.stores.protocol import Counts, StoreStatus


def status_of_index(
    client: OpenSearchClient, store: str, current: NamedIndex, counts: Counts
) -> StoreStatus:
    """`current` is the index that the store's name leads to."""
    health = client.request("GET", f"/_cluster/health/{current.name}")["status"]
    stats = client.request("GET", f"/{current.name}/_stats/store")
    return StoreStatus(
        place=f"index {current.name}",
        recipe=current.description.recipe,
        counts=counts,
        size_bytes=stats["_all"]["total"]["store"]["size_in_bytes"],
        health=health,
        notes=_notes(store, current, store_indexes(client)),
    )


def _notes(store: str, current: NamedIndex, indexes: list[NamedIndex]) -> tuple[str, ...]:
    notes = []
    if not current.takes_left_out:
        notes.append(
            "an earlier version made the index, and faces that are left out are not recorded in "
            "it: facesearch upgrade adds what is missing"
        )
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
