"""No part may become slow beside another in the same run.

Nothing here is a time: all are ratios, of processor time, with room for a busy machine. What they
are on a quiet one says `README.md` beside this file.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from facesearch.stages import Stage
from facesearch.stores import open_store
from facesearch.vision.pipeline import FacePipeline
from tests.benchmarks import bench_serve, bench_sqlite_store
from tests.benchmarks.bench_sqlite_store import StoreFigures
from tests.benchmarks.bench_stages import BATCH, indexed, searched, with_a_face
from tests.integration.serving import index_sample

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def photos(sample: Path, pipeline: FacePipeline) -> list[bytes]:
    """Two batches of photos with a face."""
    paths = sorted((sample / "train").rglob("*.jpg"))[: 2 * BATCH + 8]
    return with_a_face([path.read_bytes() for path in paths], pipeline)[: 2 * BATCH]


@pytest.fixture(scope="module")
def store_figures(tmp_path_factory: pytest.TempPathFactory) -> StoreFigures:
    return bench_sqlite_store.measure(tmp_path_factory.mktemp("store") / "faces.db", 30_000, 20)


def test_sqlite_takes_less_than_comparing_every_face(store_figures: StoreFigures) -> None:
    """Quiet: 0.21 of numpy's brute force, and 0.29 of scanning the file."""
    assert store_figures.different_from_brute_force == 0
    assert store_figures.ratio < 0.6
    assert store_figures.ratio_to_scan < 0.7


def test_sqlite_s_searches_are_alike(store_figures: StoreFigures) -> None:
    """Quiet: p95 is 1.1 times p50, and filters cost as little."""
    search = store_figures.search_ms
    assert store_figures.p95_ms < 2.5 * search
    for other in (store_figures.collection_ms, store_figures.metadata_ms, store_figures.score_ms):
        assert other < 3 * search


def test_sqlite_reads_again_only_what_was_written(store_figures: StoreFigures) -> None:
    """Quiet: half of what reading all codes takes, and collections are a tenth of a search."""
    assert store_figures.after_write_ms < 0.7 * store_figures.first_ms
    assert store_figures.collections_ms < store_figures.search_ms


def test_indexing_is_little_more_than_its_stages(
    photos: list[bytes], pipeline: FacePipeline, tmp_path: Path
) -> None:
    """Quiet: 0.98 of the whole, one photo at a time, too."""
    with open_store(f"sqlite:///{tmp_path}/faces.db", pipeline.recipe) as store:
        together = indexed(photos, pipeline, store, BATCH)
        alone = indexed(photos, pipeline, store, 1)
    assert together.share_of_stages > 0.9
    assert alone.share_of_stages > 0.9
    # Faces of several photos share a run of the network, and photos a transaction.
    for name in (Stage.EMBED, Stage.STORE):
        assert together.of(name) < alone.of(name)


def test_searches_of_photos_are_alike_and_little_more_than_their_stages(
    photos: list[bytes], pipeline: FacePipeline, tmp_path: Path
) -> None:
    """Quiet: p95 is 1.2 times p50, of one photo again and again."""
    with open_store(f"sqlite:///{tmp_path}/faces.db", pipeline.recipe) as store:
        indexed(photos, pipeline, store, BATCH)
        figures = searched([photos[0]] * 40, pipeline, store).figures()
    assert figures["share_of_stages"] > 0.8
    assert figures["p95_to_p50"] < 2.5


def test_the_api_takes_a_small_part_of_a_search(
    models: Path, pipeline: FacePipeline, sample: Path, tmp_path: Path
) -> None:
    """Quiet: 0.06 of what the pipeline and the store take."""
    store = f"sqlite:///{tmp_path}/faces.db"
    index_sample(store, pipeline, sample)
    photo = next((sample / "val" / "elton_john").iterdir())
    figures: dict[str, Any] = json.loads(
        subprocess.check_output(
            [
                *(sys.executable, "-m", "tests.benchmarks.bench_api_overhead", store, str(photo)),
                *("--rounds", "40", "--json"),
            ],
            env=os.environ | {"FACESEARCH_MODELS": str(models)},
        )
    )
    inside = figures["inside"]["cpu_p50"]
    for kind in ("bytes", "form", "json"):
        assert figures[kind]["cpu_p50"] < 0.25 * inside
    assert figures["inside"]["cpu_p95"] < 2.5 * inside


def test_two_clients_are_served_by_two_processes_at_no_higher_cost(
    models: Path,
    pipeline: FacePipeline,
    sample: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Quiet: each works 0.4 to 0.6 of it, and a search takes 1.0 to 1.2 times one client's."""
    monkeypatch.setenv("FACESEARCH_MODELS", str(models))
    store = f"sqlite:///{tmp_path}/faces.db"
    index_sample(store, pipeline, sample)
    with bench_serve.served(store, 2) as (port, process):
        found = bench_serve.usable(port, sample / "val", 8)
        others = bench_serve.workers_of(process)
        bench_serve.wait_until_idle(others)
        costs, shares = [], []
        for clients in (1, 2):
            before = [bench_serve.processor_s(each) for each in (process, *others)]
            answered = len(bench_serve.searched(port, found, clients, 4))
            after = [bench_serve.processor_s(each) for each in (process, *others)]
            spent = [one - other for one, other in zip(after, before, strict=True)]
            costs.append(sum(spent) / answered)
            shares.append(sum(spent[1:]) / sum(spent))
    one, two = shares
    assert one < 0.1
    assert 0.25 < two < 0.75
    assert costs[1] < 1.6 * costs[0]
