"""What only the OpenSearch store promises: beyond the contract, on the real engine."""

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import requests

from facesearch.errors import StoreDamaged, StoreError, StoreFull, StoreUnavailable
from facesearch.faces import IndexedPhoto, Photo, Removal, face_id
from facesearch.hidden import Region
from facesearch.photos.places import Photos
from facesearch.planning import hnsw
from facesearch.planning.hnsw import hnsw_for
from facesearch.stores import Counts, FaceStore, open_store
from facesearch.stores.opensearch.documents import hidden_document, hidden_id
from facesearch.vision.pipeline import FacePipeline
from search_faces.service import SearchService
from tests.contract.samples import (
    RECIPE,
    distances_to,
    face,
    indexed,
    photo_ids,
    unit_vectors,
    vector,
)
from tests.integration.opensearch_proxy import Proxy, ProxyAnswer, running_proxy
from tests.integration.opensearch_server import (  # noqa: F401 (fixtures)
    OpenSearchServer,
    index_fixture,
    opensearch_server_fixture,
)

JSON = "application/json"


@pytest.fixture
def url(opensearch_server: OpenSearchServer, index: str) -> str:
    return f"opensearch://{opensearch_server.host}/{index}?refresh=true&retry=2"


@pytest.fixture
def proxy(opensearch_server: OpenSearchServer) -> Iterator[Proxy]:
    with running_proxy(opensearch_server.host) as proxy:
        yield proxy


@pytest.fixture
def watched_url(proxy: Proxy, index: str) -> str:
    return f"opensearch://{proxy.host}/{index}?refresh=true&retry=2"


def _bulks(proxy: Proxy) -> list[int]:
    return [seen.size for seen in proxy.seen if "_bulk" in seen.path]


def _settings(server: OpenSearchServer, index: str, **values: object) -> None:
    named = {name.replace("__", "."): value for name, value in values.items()}
    server.request("PUT", f"/{index}-000001/_settings", named)


def test_stores_opened_at_once_make_one_index(url: str) -> None:
    together = threading.Barrier(8)

    def write(number: int) -> list[bool | StoreError]:
        with open_store(url, RECIPE) as store:
            together.wait()
            return store.write([indexed(f"p{number}", 1, [vector(number)])])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(write, range(8))) == [[True]] * 8
    with open_store(url, RECIPE) as store:
        assert store.counts() == Counts(8, 8)


def test_written_photos_are_found_within_the_refresh_interval(url: str) -> None:
    with open_store(url.replace("refresh=true", "refresh=false"), RECIPE) as store:
        store.write([indexed("a", 1, [vector(1)])])
        assert store.photo("a") is not None
        deadline = time.monotonic() + 5
        while not store.search(vector(1), 1):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_write_that_waits_for_the_refresh_is_found_at_once(url: str) -> None:
    with open_store(url.replace("refresh=true", "refresh=wait_for"), RECIPE) as store:
        for number in range(3):
            store.write([indexed(f"p{number}", 1, [vector(number)])])
            assert photo_ids(store.search(vector(number), 1)) == [f"p{number}"]


@pytest.mark.parametrize("k", [5, 250, 1500])
def test_more_equal_faces_than_are_considered_are_cut_by_id(url: str, k: int) -> None:
    ids = [f"copy {number}" for number in range(1700)]
    with open_store(url, RECIPE) as store:
        store.write([indexed(each, 1, [vector(1)]) for each in ids])
        store.write([indexed("near", 1, [vector(2)])])
        found = [match.stored.face_id for match in store.search(vector(1), k)]
    assert found == sorted(face_id(each, 0) for each in ids)[:k]


def test_faces_too_near_for_the_engines_score_are_ordered(url: str) -> None:
    base, other = vector(1), vector(2)
    steps = np.arange(40, dtype=np.float32)[:, None] * np.float32(3e-6)
    near = base + steps * other
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    with open_store(url, RECIPE) as store:
        store.write([indexed(f"p{n:02}", 1, [each]) for n, each in enumerate(near)])
        for k in (1, 7, 39):
            distances = [match.distance for match in store.search(near[0], k)]
            expected = np.sort(distances_to(near, near[0]))[:k]
            assert distances == pytest.approx(expected.tolist(), abs=1e-6)


def test_compressed_vectors_give_exact_distances(url: str) -> None:
    embeddings = unit_vectors(500, seed=1)
    with open_store(f"{url}&compression=4x", RECIPE) as store:
        store.write([indexed(f"p{n}", 1, [each]) for n, each in enumerate(embeddings)])
        query = vector(9)
        expected = distances_to(embeddings, query)
        matches = store.search(query, 20)
        for match in matches:
            number = int(match.stored.photo.photo_id[1:])
            assert match.distance == pytest.approx(expected[number], abs=1e-5)
        found = {int(each[1:]) for each in photo_ids(matches)}
        assert len(found & set(np.argsort(expected)[:20].tolist())) >= 16


def test_photo_that_cannot_be_held_fails_alone(url: str) -> None:
    long = "s3://photos/" + "x" * 40_000
    with open_store(url, RECIPE) as store:
        one, failed, two = store.write([indexed("a"), indexed(long), indexed("b")])
        assert (one, two) == (True, True)
        assert type(failed) is StoreError
        assert store.counts() == Counts(2, 0)


def test_large_batch_is_sent_in_parts(proxy: Proxy, watched_url: str) -> None:
    faces = list(unit_vectors(50, seed=1))
    with open_store(watched_url, RECIPE) as store:
        assert store.write([indexed(f"p{n}", 1, faces) for n in range(120)]) == [True] * 120
        assert store.counts() == Counts(120, 6000)
    assert len(_bulks(proxy)) > 1
    assert max(_bulks(proxy)) <= 5_000_000


def test_overloaded_engine_is_tried_again(proxy: Proxy, watched_url: str) -> None:
    with open_store(watched_url, RECIPE) as store:
        store.write([indexed("a")])
        proxy.seen.clear()
        proxy.where, proxy.answers = (
            "_bulk",
            [ProxyAnswer(429), ProxyAnswer(503), ProxyAnswer(502, b"<html>")],
        )
        assert store.write([indexed("b", 1, [vector(1)])]) == [True]
        assert len(_bulks(proxy)) == 4
        proxy.where, proxy.answers = "_search", [ProxyAnswer(429), ProxyAnswer(504)]
        assert photo_ids(store.search(vector(1), 1)) == ["b"]


def test_item_that_was_rejected_is_tried_again_without_the_others(
    proxy: Proxy, watched_url: str
) -> None:
    rejected = {"status": 429, "error": {"type": "rejected_execution_exception"}}
    items = [{"index": {"status": 201}}, {"index": rejected}]
    body = json.dumps({"errors": True, "items": items}).encode()
    with open_store(watched_url, RECIPE) as store:
        store.write([indexed("first")])
        proxy.seen.clear()
        proxy.where, proxy.answers = "_bulk", [ProxyAnswer(200, body)]
        assert store.write([indexed("taken"), indexed("rejected")]) == [True, True]
        assert _bulks(proxy)[1] < _bulks(proxy)[0]
        assert store.photo("rejected") is not None


def test_engine_that_stays_overloaded_is_given_up_in_time(proxy: Proxy, watched_url: str) -> None:
    with open_store(watched_url, RECIPE) as store:
        store.write([indexed("a")])
        proxy.where, proxy.answers = "_bulk", [ProxyAnswer(429)] * 1000
        start = time.monotonic()
        with pytest.raises(StoreUnavailable, match="overloaded"):
            store.write([indexed("b")])
        assert time.monotonic() - start < 5


def test_engine_that_is_down_is_reported_soon(index: str) -> None:
    with open_store(f"opensearch://127.0.0.1:1/{index}", RECIPE) as store:
        for use in _uses(store):
            start = time.monotonic()
            with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1/.* cannot be reached"):
                use()
            assert time.monotonic() - start < 4


def test_unknown_host_is_unavailable(index: str) -> None:
    with (
        open_store(f"opensearch://no-such-host.invalid/{index}", RECIPE) as store,
        pytest.raises(StoreUnavailable, match="no-such-host"),
    ):
        store.counts()


def test_engine_that_does_not_answer_is_given_up_in_time(index: str) -> None:
    # Connections are taken by the system, and then nobody reads them.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        start = time.monotonic()
        with (
            open_store(f"opensearch://127.0.0.1:{port}/{index}?timeout=1", RECIPE) as store,
            pytest.raises(StoreUnavailable, match="did not answer in time"),
        ):
            store.counts()
        assert time.monotonic() - start < 6


@pytest.mark.parametrize("status", [200, 404, 501])
def test_server_of_web_pages_is_no_store(proxy: Proxy, watched_url: str, status: int) -> None:
    with open_store(watched_url, RECIPE) as store:
        for use in _uses(store):
            proxy.answers = [ProxyAnswer(status, b"<html>hello</html>", "text/html")] * 9
            with pytest.raises(StoreDamaged, match="is not OpenSearch"):
                use()


def test_index_of_another_program_is_left_alone(
    opensearch_server: OpenSearchServer, url: str, index: str
) -> None:
    opensearch_server.request("PUT", f"/{index}", {"mappings": {"_meta": {"owner": "others"}}})
    try:
        for recipe in (RECIPE, None):
            with open_store(url, recipe) as store:
                for use in _uses(store) if recipe else [store.counts, lambda: list(store.faces())]:
                    with pytest.raises(StoreDamaged, match="another program"):
                        use()
        counted = opensearch_server.request("GET", f"/{index}/_count")
        assert isinstance(counted, dict)
        assert counted["count"] == 0
    finally:
        opensearch_server.request("DELETE", f"/{index}")


def test_store_of_another_format_is_refused(
    opensearch_server: OpenSearchServer, url: str, index: str
) -> None:
    meta = {"facesearch": {"format": 99}}
    opensearch_server.request(
        "PUT", f"/{index}-000001", {"mappings": {"_meta": meta}, "aliases": {index: {}}}
    )
    with open_store(url, RECIPE) as store:
        for use in _uses(store):
            with pytest.raises(StoreDamaged, match="format 99"):
                use()


def test_full_disk_refuses_writes_and_still_answers(
    opensearch_server: OpenSearchServer, url: str, index: str
) -> None:
    with open_store(url, RECIPE) as store:
        store.write([indexed("a", 1, [vector(1)])])
        # What the engine does itself when a disk passes the flood stage.
        _settings(opensearch_server, index, index__blocks__read_only_allow_delete=True)
        with pytest.raises(StoreFull, match="disks are nearly full"):
            store.write([indexed("b", 1, [vector(2)])])
        assert photo_ids(store.search(vector(1), 1)) == ["a"]
        _settings(opensearch_server, index, index__blocks__read_only_allow_delete=None)
        assert store.write([indexed("b", 1, [vector(2)])]) == [True]


def test_write_waits_for_a_short_write_block(
    opensearch_server: OpenSearchServer, url: str, index: str
) -> None:
    with open_store(url.replace("retry=2", "retry=30"), RECIPE) as store:
        store.write([indexed("a")])
        opensearch_server.request("PUT", f"/{index}-000001/_block/write")
        lift = threading.Timer(
            1.0, _settings, (opensearch_server, index), {"index__blocks__write": None}
        )
        lift.start()
        assert store.write([indexed("b")]) == [True]
        lift.join()


def test_two_changes_of_a_photo_never_share_a_request(proxy: Proxy, watched_url: str) -> None:
    # Were the first of them rejected, it would be tried again after the second.
    rejected = {"status": 429, "error": {"type": "rejected_execution_exception"}}
    body = json.dumps({"errors": True, "items": [{"index": rejected}]}).encode()
    with open_store(watched_url, RECIPE) as store:
        store.write([indexed("first")])
        proxy.seen.clear()
        proxy.where, proxy.answers = "_bulk", [ProxyAnswer(200, body)]
        assert store.write([indexed("a", 5, [vector(1)]), Removal("a", 5)]) == [True, True]
        assert store.photo("a") is None
        assert len(_bulks(proxy)) == 3


def test_nothing_of_an_embedding_is_logged(url: str, caplog: pytest.LogCaptureFixture) -> None:
    embedding = vector(1)
    with caplog.at_level(logging.DEBUG), open_store(url, RECIPE) as store:
        store.write([indexed("a", 1, [embedding])])
        store.search(embedding, 1)
    digits = f"{abs(embedding[0]):.6f}"[2:7]
    assert caplog.records  # urllib3's, for one
    assert digits not in caplog.text


def test_partial_answer_is_asked_for_again_by_parameter(proxy: Proxy, watched_url: str) -> None:
    with open_store(watched_url, RECIPE) as store:
        store.write([indexed("a", 1, [vector(1)])])
        store.search(vector(1), 1)
    searches = [seen for seen in proxy.seen if "_search" in seen.path]
    assert all("allow_partial_search_results=false" in seen.path for seen in searches)


def test_ef_search_follows_the_number_of_photos_unless_the_url_says_it(
    proxy: Proxy, watched_url: str
) -> None:
    def considered(store: FaceStore) -> list[int]:
        proxy.seen.clear()
        for _ in range(2):
            store.search(vector(1), 1)
        asked = [json.loads(seen.body) for seen in proxy.seen if "_search" in seen.path]
        return [
            each["query"]["bool"]["should"][0]["nested"]["query"]["knn"]["faces.embedding"]["k"]
            if "query" in each
            else 0
            for each in asked
        ]

    with open_store(watched_url, RECIPE) as store:
        store.write([indexed("a", 1, [vector(1)])])
        few = hnsw_for(1).ef_search
        assert considered(store) == [0, few, few]  # counted once
        assert considered(store) == [few, few]
    # Of each shard: what it considers is of its own faces.
    counted = {
        "timed_out": False,
        "_shards": {"total": 5, "failed": 0},
        "hits": {"total": {"value": 4_000_000}, "hits": []},
    }
    with open_store(watched_url, RECIPE) as store:
        proxy.where, proxy.answers = "_search", [ProxyAnswer(200, json.dumps(counted).encode())]
        many = hnsw_for(800_000).ef_search
        assert few < many < hnsw_for(4_000_000).ef_search
        assert considered(store) == [0, many, many]
    with open_store(f"{watched_url}&ef_search=321", RECIPE) as store:
        assert considered(store) == [321, 321]


def test_status_says_when_shards_hold_too_many_faces(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hnsw, "MOST_FACES_IN_SHARD", 2)
    with open_store(f"{url}&shards=2", RECIPE) as store:
        store.write([indexed("a", 1, unit_vectors(4, seed=1))])
        assert store.status().notes == ()
        store.write([indexed("b", 1, [vector(1)])])
        (note,) = store.status().notes
        assert "2 shard(s) hold 5 faces" in note
        assert "shards=3" in note


def test_conditions_on_photos_and_faces_compare_all_faces_only_where_few_pass(
    proxy: Proxy, watched_url: str
) -> None:
    query = vector(1)
    vectors = sorted(unit_vectors(1100, seed=2), key=lambda each: float(each @ query), reverse=True)
    scores = [*([0.9, 0.95] * 550)[:-1], 0.99]
    photos = []
    for number, (embedding, score) in enumerate(zip(vectors, scores, strict=True)):
        found = face(embedding)
        detected = replace(found.detected, detection_score=score)
        about = Photo(f"{number:04}", 1, collection="party")
        photos.append(IndexedPhoto(about, (replace(found, detected=detected),)))

    def compares_all(least: float, k: int) -> bool:
        proxy.seen.clear()
        found = store.search(query, k, collection="party", min_detection_score=least)
        passing = [f"{number:04}" for number, score in enumerate(scores) if score >= least]
        assert photo_ids(found) == passing[:k]
        return any(b"script_score" in seen.body for seen in proxy.seen)

    with open_store(watched_url, RECIPE) as store:
        store.write([*photos, indexed("elsewhere", 1, [query], collection="other")])
        assert not compares_all(0.9, 20)
        assert not compares_all(0.94, 20)
        assert compares_all(0.99, 1)


def test_search_is_one_request_until_a_face_is_hidden(proxy: Proxy, watched_url: str) -> None:
    def asked(store: FaceStore) -> list[str]:
        proxy.seen.clear()
        found = [match.stored.photo.photo_id for match in store.search(vector(1), 1)]
        requests = [seen.path.rpartition("/")[2].partition("?")[0] for seen in proxy.seen]
        return [*found, *requests]

    # Others see a decision at once, whenever they see other writes.
    late_url = watched_url.replace("refresh=true", "refresh=false&refresh_interval=60s")
    with open_store(watched_url, RECIPE) as store, open_store(late_url, RECIPE) as late:
        store.write([indexed("a", 1, [vector(1)]), indexed("b", 1, [vector(2)])])
        asked(store)
        assert asked(store) == ["a", "_search"]
        photo = store.photo("a")
        assert photo is not None
        place = Region.of(photo.faces[0].detected.box, photo.photo)
        proxy.seen.clear()
        late.hide("a", place)
        # AWS allows searches to write this document, and nothing else.
        writes = [
            seen.path for seen in proxy.seen if seen.method != "GET" and "_mget" not in seen.path
        ]
        assert [path.partition("?")[0].rpartition("/_doc/")[2] for path in writes] == [
            hidden_id("a")
        ]
        assert asked(store) == ["b", "_search", "_mget", "_search", "_mget"]
        late.hide("a", place, hidden=False)
        assert asked(store) == ["a", "_search", "_mget"]


def test_hiding_what_somebody_is_about_to_have_hidden_waits_for_it(
    opensearch_server: OpenSearchServer, url: str, index: str
) -> None:
    """Whoever wrote the decision was stopped before searches could see it."""
    with open_store(f"{url}&refresh_interval=60s", RECIPE) as store:
        store.write([indexed("a", 1, [vector(1)])])
        photo = store.photo("a")
        assert photo is not None
        place = Region.of(photo.faces[0].detected.box, photo.photo)
        written = hidden_document("a", 1, (place,))
        opensearch_server.request(
            "PUT",
            f"/{index}-000001/_doc/{hidden_id('a')}?version=1&version_type=external",
            written,
        )
        store.hide("a", place)
        assert store.search(vector(1), 1) == []


def test_hiding_waits_for_a_short_write_block(
    opensearch_server: OpenSearchServer, url: str, index: str
) -> None:
    with (
        open_store(url.replace("retry=2", "retry=30"), RECIPE) as store,
        # As `facesearch hide` opens it.
        open_store(url.replace("retry=2", "retry=30"), None) as of_any,
    ):
        store.write([indexed(each, 1, [vector(1)]) for each in ("a", "b", "c")])
        place = Region(0.1, 0.1, 0.5, 0.5)
        opensearch_server.request("PUT", f"/{index}-000001/_block/write")
        lift = threading.Timer(
            1.0, _settings, (opensearch_server, index), {"index__blocks__write": None}
        )
        lift.start()
        of_any.hide("a", place)
        store.hide("b", place)
        lift.join()
        assert store.hidden_regions(["a", "b", "c"]) == {"a": (place,), "b": (place,)}


def test_a_hidden_face_does_not_make_a_large_search_compare_all(
    proxy: Proxy, watched_url: str
) -> None:
    with open_store(watched_url, RECIPE) as store:
        vectors = unit_vectors(700, seed=1)
        store.write([indexed(f"p{n:03}", 1, [each]) for n, each in enumerate(vectors)])
        nearest = store.search(vectors[0], 1)[0].stored
        store.hide("p000", Region.of(nearest.face.detected.box, nearest.photo))
        proxy.seen.clear()
        found = photo_ids(store.search(vectors[0], 600))
    assert (len(found), "p000" in found) == (600, False)
    asked = [json.loads(seen.body) for seen in proxy.seen if "_search" in seen.path]
    assert len(asked) == 2
    assert all("knn" in json.dumps(each) for each in asked)


def test_index_keeps_few_segments(
    opensearch_server: OpenSearchServer, url: str, index: str
) -> None:
    with open_store(url, RECIPE) as store:
        store.write([indexed("a", 1, [vector(1)])])
    made = json.dumps(opensearch_server.request("GET", f"/{index}-000001/_settings"))
    assert '"segments_per_tier": "4"' in made


IN_PART = [
    {"timed_out": False, "_shards": {"total": 2, "successful": 1, "skipped": 0, "failed": 1}},
    {"timed_out": True, "_shards": {"total": 2, "successful": 2, "skipped": 0, "failed": 0}},
]
READS: dict[str, Callable[[FaceStore], object]] = {
    "search": lambda store: store.search(vector(1), 5),
    "exact search": lambda store: store.search(vector(1), 2_000),
    "photos": lambda store: list(store.photos()),
    "faces": lambda store: list(store.faces()),
    "counts": lambda store: store.counts(),
    "collections": lambda store: store.collections(),
    "status": lambda store: store.status(),
}


@pytest.mark.parametrize("part", IN_PART, ids=["shard failed", "timed out"])
@pytest.mark.parametrize("read", READS)
def test_answer_that_lacks_a_part_is_asked_for_again(
    read: str, part: dict[str, object], proxy: Proxy, watched_url: str
) -> None:
    empty = {**part, "hits": {"total": {"value": 0}, "hits": []}, "aggregations": {}}
    body = json.dumps(empty).encode()
    with open_store(watched_url, RECIPE) as store:
        store.write([indexed("a", 1, [vector(1)])])
        whole = repr(READS[read](store))
        proxy.where, proxy.answers = "_search", [ProxyAnswer(200, body)] * 2
        assert repr(READS[read](store)) == whole
        assert proxy.answers == []
        proxy.answers = [ProxyAnswer(200, body)] * 20
        with pytest.raises(StoreUnavailable, match="answered in part only"):
            READS[read](store)


def test_missing_alias_never_becomes_an_index_even_where_parameters_are_lost(
    opensearch_server: OpenSearchServer, proxy: Proxy, watched_url: str, index: str
) -> None:
    proxy.drops_parameters = True
    with open_store(watched_url, RECIPE) as store:
        assert store.write([indexed("a", 1, [vector(1)])]) == [True]
        opensearch_server.request("DELETE", f"/{index}-000001")
        assert store.write([indexed("b", 1, [vector(2)])]) == [True]
    named = opensearch_server.request("GET", f"/{index}*/_mapping")
    assert isinstance(named, dict)
    assert list(named) == [f"{index}-000001"]
    assert named[f"{index}-000001"]["mappings"]["_meta"]


def test_sequences_are_read_alike_where_parameters_are_lost(proxy: Proxy, watched_url: str) -> None:
    proxy.drops_parameters = True
    with open_store(watched_url, RECIPE) as store:
        store.write([indexed("a", 3, [vector(1)]), Removal("b", 4)])
        assert store.sequences(["a", "b", "c"]) == {"a": 3, "b": 4}


@pytest.mark.parametrize("operation", ["_bulk", "_mget", "_msearch"])
def test_body_of_a_request_cannot_name_another_index(
    operation: str, opensearch_server: OpenSearchServer, index: str
) -> None:
    opensearch_server.request("PUT", f"/{index}-other", {})
    named = {"_index": f"{index}-other", "_id": "1"}
    lines: dict[str, list[object]] = {
        "_bulk": [{"index": named}, {"text": "forged"}],
        "_mget": [{"docs": [named]}],
        "_msearch": [{"index": f"{index}-other"}, {}],
    }
    body = "".join(json.dumps(line) + "\n" for line in lines[operation])
    asked = requests.post(
        f"http://{opensearch_server.host}/{index}-allowed/{operation}",
        data=body,
        headers={"Content-Type": "application/x-ndjson" if operation != "_mget" else JSON},
        timeout=30,
    )
    assert asked.status_code == 400
    assert "explicit index" in asked.text


def _uses(store: FaceStore) -> list[Callable[[], object]]:
    return [
        lambda: store.search(vector(1), 5),
        lambda: store.photo("a"),
        store.counts,
        lambda: store.write([indexed("a")]),
    ]


def test_health_reads_one_document_however_large_the_index_is(
    pipeline: FacePipeline, proxy: Proxy, watched_url: str
) -> None:
    with open_store(watched_url, pipeline.recipe) as store:
        store.write([indexed("a.jpg", 1, unit_vectors(1, seed=1))])
        service = SearchService(pipeline, store, Photos())
        service.check()
        proxy.seen.clear()
        service.check()
    (asked,) = proxy.seen
    assert asked.method == "GET"
    assert "/_doc/" in asked.path
