"""Operators' commands against a real OpenSearch: what they ask is what their policy allows."""

from dataclasses import replace

from facesearch.faces import Removal
from facesearch.stores import open_rebuild, open_store
from tests.contract.samples import OTHER_RECIPE, RECIPE, indexed, unit_vectors
from tests.infrastructure.operating import ASKED_BY_COMMANDS, named
from tests.integration.opensearch_proxy import running_proxy
from tests.integration.opensearch_server import (  # noqa: F401 (fixtures)
    OpenSearchServer,
    index_fixture,
    opensearch_server_fixture,
)
from tests.integration.rebuild_worker import embed_anew

PHOTOS = [
    replace(each, photo=replace(each.photo, width=n))
    for n, each in enumerate(indexed(f"p{n}", n + 1, unit_vectors(1, seed=n)) for n in range(3))
]


def test_operators_ask_what_their_policy_is_held_to(
    opensearch_server: OpenSearchServer, index: str
) -> None:
    with running_proxy(opensearch_server.host) as proxy:
        operate(f"opensearch://{proxy.host}/{index}?refresh=true")
    asked = {(seen.method, named(seen.path, index)) for seen in proxy.seen}
    assert asked == set(ASKED_BY_COMMANDS)


def operate(url: str) -> None:
    """`status`, `forget`, and `reindex` to the end, cut short, and to new settings only."""
    with open_store(url, RECIPE) as store:
        store.write(PHOTOS)
        store.write([Removal(PHOTOS[0].photo.photo_id, 10)])
        list(store.photos())
        store.face("0123456789abcdef0123456789abcdef-0")
    with open_rebuild(f"{url}&m=20", RECIPE) as rebuild:
        rebuild.run(embed_anew, lambda _, __: None)
    with open_rebuild(f"{url}&m=20&replicas=0", RECIPE) as rebuild:
        assert rebuild.run(embed_anew, lambda _, __: None) is None
    with open_rebuild(url, OTHER_RECIPE) as rebuild:
        rebuild.run(embed_anew, lambda _, __: None)
        rebuild.drop_old()
    with open_store(url, None) as store:
        store.status()
