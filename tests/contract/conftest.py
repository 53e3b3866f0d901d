"""Every test of this folder runs against every store, through its URL and `FaceStore` alone."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from facesearch.stores import FaceStore, open_store
from tests.contract.samples import RECIPE


def _sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'faces.db'}"


STORE_URLS: dict[str, Callable[[Path], str]] = {"sqlite": _sqlite_url}


@pytest.fixture(params=STORE_URLS)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where no store is yet; another for each test."""
    return STORE_URLS[request.param](tmp_path)


@pytest.fixture
def store(store_url: str) -> Iterator[FaceStore]:
    with open_store(store_url, RECIPE) as store:
        yield store
