"""Snapshots of a real OpenSearch in a repository of its file system, and the way back.

On AWS the repository is a bucket; the cluster's requests are the same but for its declaration.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from facesearch.errors import InvalidRequest
from facesearch.faces import Removal
from facesearch.stores import Counts, open_store
from facesearch.stores.opensearch import snapshots
from facesearch.stores.opensearch.snapshots import StoreSnapshots, repository_at
from tests.contract.samples import OTHER_RECIPE, RECIPE, indexed, photo_ids, unit_vectors
from tests.infrastructure.operating import ASKED_BY_SNAPSHOTS, named
from tests.integration.cli.running import Cli
from tests.integration.opensearch_proxy import running_proxy
from tests.integration.opensearch_server import (  # noqa: F401 (fixtures)
    SNAPSHOTS,
    OpenSearchServer,
    index_fixture,
    opensearch_server_fixture,
)

PHOTOS = [indexed(f"p{n}", n + 1, unit_vectors(2, seed=n)) for n in range(40)]
QUERIES = unit_vectors(5, seed=99)


@pytest.fixture
def url(opensearch_server: OpenSearchServer, index: str) -> str:
    return f"opensearch://{opensearch_server.host}/{index}?refresh=true"


@pytest.fixture
def place(index: str) -> str:
    return f"file://{SNAPSHOTS}/{index}"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "POLL_S", 0.1)


def fill(url: str) -> list[Any]:
    with open_store(url, RECIPE) as store:
        store.write([*PHOTOS, Removal("gone", 7)])
    return answers(url)


def answers(url: str) -> list[Any]:
    """What searches find, with their distances."""
    with open_store(url, RECIPE) as store:
        return [
            [(match.stored.face_id, match.distance) for match in store.search(query, 10)]
            for query in QUERIES
        ]


def test_deleted_index_is_restored_and_answers_as_before(
    opensearch_server: OpenSearchServer, cli: Cli, url: str, index: str, place: str
) -> None:
    before = fill(url)
    taken = cli("snapshot", "take", place, "--store", url, "--json")
    assert taken.code == 0, taken.err
    opensearch_server.request("DELETE", f"/{index}-000001")
    ran = cli("snapshot", "restore", place, "--store", url, "--json")
    assert ran.code == 0, ran.err
    assert ran.json == {
        "restored": taken.json["name"],
        "index": f"{index}-000002",
        "photos": len(PHOTOS),
    }
    assert answers(url) == before
    with open_store(url, RECIPE) as store:
        assert store.counts() == Counts(len(PHOTOS), 2 * len(PHOTOS))
        # The order of changes is as it was: what was forgotten stays so, and new photos are taken.
        changes = [indexed("gone", 6), indexed("p3", 1), indexed("new", 1)]
        assert store.write(changes) == [False, False, True]


def test_store_in_use_is_replaced_only_when_that_is_said_and_kept_beside(
    cli: Cli, url: str, index: str, place: str
) -> None:
    before = fill(url)
    cli("snapshot", "take", place, "--store", url)
    with open_store(url, RECIPE) as store:
        store.write([Removal("p0", 100), indexed("later", 1, unit_vectors(1, seed=7))])
        ran = cli("snapshot", "restore", place, "--store", url)
        assert (ran.code, store.photo("later") is not None) == (1, True)
        assert "--yes" in ran.err
        ran = cli("snapshot", "restore", place, "--yes", "--store", url)
        assert ran.code == 0, ran.err
        assert "reconcile" in ran.err
        assert store.photo("later") is None
    assert answers(url) == before
    with open_store(url, None) as store:
        assert any(f"{index}-000001 is kept" in note for note in store.status().notes)


def test_newest_of_several_is_restored_and_an_older_one_by_name(
    cli: Cli, url: str, place: str
) -> None:
    fill(url)
    first = cli("snapshot", "take", place, "--store", url, "--json").json["name"]
    with open_store(url, RECIPE) as store:
        store.write([indexed("later", 1)])
    with StoreSnapshots.from_url(url) as direct:
        second = direct.take(lambda _, __: None, now=datetime.now(UTC) + timedelta(minutes=1)).name
    listed = cli("snapshot", "list", place, "--store", url, "--json").json["snapshots"]
    assert [each["name"] for each in listed] == [first, second]
    assert all(each["whole"] for each in listed)
    cli("snapshot", "restore", place, "--yes", "--store", url)
    with open_store(url, RECIPE) as store:
        assert store.photo("later") is not None
    cli("snapshot", "restore", place, first, "--yes", "--store", url)
    with open_store(url, RECIPE) as store:
        assert store.photo("later") is None


def test_snapshot_of_another_recipe_is_not_put_in_place(
    opensearch_server: OpenSearchServer, cli: Cli, url: str, index: str, place: str
) -> None:
    fill(url)
    cli("snapshot", "take", place, "--store", url)
    opensearch_server.request("DELETE", f"/{index}-000001")
    with open_store(url, OTHER_RECIPE) as store:
        store.write(PHOTOS[:1])
        ran = cli("snapshot", "restore", place, "--yes", "--store", url)
        assert (ran.code, "nothing was changed" in ran.err) == (1, True)
        assert photo_ids(store.search(PHOTOS[0].faces[0].embedding, 1)) == ["p0"]
    with open_store(url, None) as store:
        assert store.status().notes == ()


def test_place_that_the_cluster_does_not_know_and_missing_snapshots_are_told(
    cli: Cli, url: str, place: str
) -> None:
    fill(url)
    assert cli("snapshot", "take", "ftp://a/b", "--store", url).code == 2
    ran = cli("snapshot", "take", "file:///elsewhere", "--store", url)
    assert (ran.code, "repository" in ran.err) == (1, True)
    assert cli("snapshot", "list", place, "--store", url).out == ""
    ran = cli("snapshot", "restore", place, "--store", url)
    assert (ran.code, "there is no snapshot" in ran.err) == (1, True)
    assert "facesearch backup" in cli("snapshot", "list", place, "--store", "sqlite:///a.db").err


def test_bucket_is_declared_as_aws_documents_it() -> None:
    role = "arn:aws:iam::123456789012:role/snapshots"
    assert repository_at("s3://bucket/a/b", role) == {
        "type": "s3",
        "settings": {
            "bucket": "bucket",
            "base_path": "a/b",
            "role_arn": role,
            "server_side_encryption": True,
        },
    }
    with pytest.raises(InvalidRequest, match="use s3://bucket/prefix, or file:///folder"):
        repository_at("/snapshots")


def test_it_asks_of_the_cluster_what_the_operators_policy_is_held_to(
    opensearch_server: OpenSearchServer, cli: Cli, url: str, index: str, place: str
) -> None:
    fill(url)
    with running_proxy(opensearch_server.host) as proxy:
        through = f"opensearch://{proxy.host}/{index}"
        name = cli("snapshot", "take", place, "--store", through, "--json").json["name"]
        cli("snapshot", "list", place, "--store", through)
        cli("snapshot", "restore", place, "--yes", "--store", through)
    asked = {(seen.method, named(seen.path.replace(name, "NAME"), index)) for seen in proxy.seen}
    # A small one may be whole before it is asked how far it is.
    assert asked | {("GET", "/_snapshot/facesearch/NAME/_status")} == set(ASKED_BY_SNAPSHOTS)
