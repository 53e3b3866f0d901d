"""An engine that is killed and comes back in the middle of things."""

import threading
import time
from collections.abc import Iterator

import pytest

from facesearch.stores import open_store
from tests.conftest import missing
from tests.contract.samples import RECIPE, indexed, vector
from tests.integration.opensearch_server import OpenSearchServer, docker_works, own_server


@pytest.fixture
def doomed_server() -> Iterator[OpenSearchServer]:
    if not docker_works():
        missing("Docker with OpenSearch's image is not here")
    with own_server("facesearch-test-opensearch-doomed") as server:
        yield server


@pytest.mark.slow
def test_engine_killed_amid_writes_loses_nothing_acknowledged(
    doomed_server: OpenSearchServer,
) -> None:
    acknowledged: list[int] = []
    stop = threading.Event()
    url = f"opensearch://{doomed_server.host}/faces?retry=120&write_timeout=10"

    def write() -> None:
        with open_store(url, RECIPE) as store:
            number = 0
            while not stop.is_set():
                batch = range(number, number + 10)
                written = store.write([indexed(f"p{n}", 1, [vector(n)]) for n in batch])
                assert written == [True] * 10
                acknowledged.extend(batch)
                number += 10

    writer = threading.Thread(target=write)
    writer.start()
    while len(acknowledged) < 200:
        assert writer.is_alive()
        time.sleep(0.01)
    doomed_server.kill()
    before = len(acknowledged)
    doomed_server.start_again()
    while len(acknowledged) < before + 200:
        assert writer.is_alive()
        time.sleep(0.01)
    stop.set()
    writer.join()
    doomed_server.request("POST", "/faces/_refresh")
    with open_store(url, RECIPE) as store:
        stored = [listing.photo.photo_id for listing in store.photos()]
        assert sorted(stored) == sorted(f"p{n}" for n in acknowledged)
        counts = store.counts()
        assert (counts.photos, counts.faces) == (len(acknowledged), len(acknowledged))
        [match] = store.search(vector(acknowledged[-1]), 1)
        assert match.stored.photo.photo_id == f"p{acknowledged[-1]}"
