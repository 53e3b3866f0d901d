"""What a start ahead of requests leaves in a snapshot, and what each copy of it does anew."""

import random
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest

from facesearch.stores.opensearch.backoff import Backoff
from search_faces.service import SearchService
from search_faces.warming import load_models_early


@pytest.fixture
def after_restore(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """What is registered with Lambda's module, which only its runtime has."""
    registered: list[Callable[[], object]] = []
    module = ModuleType("snapshot_restore_py")
    module.register_after_restore = registered.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", module)
    return registered


def start(kind: str) -> list[str]:
    """Start as Lambda does; returns what was made ready."""
    ready: list[str] = []
    service = SimpleNamespace(
        pipeline=SimpleNamespace(warm=lambda: ready.append("models")),
        prepare=lambda: ready.append("clients"),
    )
    load_models_early(
        {"AWS_LAMBDA_INITIALIZATION_TYPE": kind}, lambda: cast("SearchService", service)
    )
    return ready


def test_copies_of_a_snapshot_draw_different_pauses(
    after_restore: list[Callable[[], object]],
) -> None:
    assert start("snap-start") == ["models", "clients"]
    snapshot = random.getstate()
    assert pauses_of_a_copy(snapshot, []) == pauses_of_a_copy(snapshot, [])
    assert pauses_of_a_copy(snapshot, after_restore) != pauses_of_a_copy(snapshot, after_restore)


@pytest.mark.parametrize(
    ("kind", "ready"), [("provisioned-concurrency", ["models", "clients"]), ("on-demand", [])]
)
def test_start_without_a_snapshot_asks_nothing_of_its_runtime(
    kind: str, ready: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", None)
    assert start(kind) == ready


def pauses_of_a_copy(snapshot: Any, after_restore: list[Callable[[], object]]) -> list[float]:
    """What a copy of a process draws: all copies begin in the snapshot's state."""
    random.setstate(snapshot)
    for hook in after_restore:
        hook()
    pauses: list[float] = []
    list(Backoff(9, 1e9, 1.0, 8.0, clock=lambda: 0.0, sleep=pauses.append).tries())
    return pauses
