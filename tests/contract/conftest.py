"""Every test of this folder runs against every store, through its URL and `FaceStore` alone."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from facesearch.stores import FaceStore, open_store
from tests.contract.samples import RECIPE
from tests.integration.opensearch_server import (  # noqa: F401 (fixtures)
    OpenSearchServer,
    index_fixture,
    opensearch_server_fixture,
)


def _sqlite_url(request: pytest.FixtureRequest) -> str:
    folder: Path = request.getfixturevalue("tmp_path")
    return f"sqlite:///{folder / 'faces.db'}"


def _opensearch_url(request: pytest.FixtureRequest) -> str:
    server: OpenSearchServer = request.getfixturevalue("opensearch_server")
    name: str = request.getfixturevalue("index")
    # Tests search as soon as a write returns.
    return f"opensearch://{server.host}/{name}?refresh=true"


STORE_URLS: dict[str, Callable[[pytest.FixtureRequest], str]] = {
    "sqlite": _sqlite_url,
    "opensearch": _opensearch_url,
}


@pytest.fixture(params=STORE_URLS)
def store_url(request: pytest.FixtureRequest) -> str:
    """Where no store is yet; another for each test."""
    return STORE_URLS[request.param](request)


@pytest.fixture
def store(store_url: str) -> Iterator[FaceStore]:
    with open_store(store_url, RECIPE) as store:
        yield store
