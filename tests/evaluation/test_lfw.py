"""The accuracy that the README claims, measured on all of LFW through the command line."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from numpy.typing import NDArray

from facesearch.faces import IndexedPhoto
from facesearch.stores import FaceStore, open_store
from facesearch_local.evaluation.central_face import most_central
from facesearch_local.evaluation.embed_photos import EmbeddedPhotos
from facesearch_local.evaluation.identification import K, identification
from facesearch_local.evaluation.labelled import Labelled, read_labelled
from facesearch_local.evaluation.measure import SystemResult, measure
from facesearch_local.evaluation.pairs import read_pairs
from facesearch_local.evaluation.ranking import nearest
from facesearch_local.evaluation.system import SHIPPED
from tests.conftest import missing
from tests.evaluation.study.reranking import expanded
from tests.evaluation.study.study_result import study_system
from tests.evaluation.study.ten_queries import TEN_PEOPLE
from tests.facenet import CALIBRATION, THRESHOLDS
from tests.integration.opensearch_server import (
    OpenSearchServer,
    opensearch_server_fixture,  # noqa: F401 (a fixture)
)

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Evaluated:
    store: str
    summary: dict[str, Any]
    labelled: Labelled
    result: SystemResult

    @property
    def people(self) -> NDArray[np.str_]:
        return self.labelled.people


@pytest.fixture(scope="module")
def lfw_evaluated(lfw: Path, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    pairs_file = os.environ.get("LFW_PAIRS")
    if not pairs_file:
        missing("LFW_PAIRS does not name LFW's pairs.txt")
        raise AssertionError
    url = f"sqlite:///{tmp_path_factory.mktemp('lfw')}/faces.db"
    command = [sys.executable, "-m", "facesearch_local.cli", "index", "--json", "--store", url]
    ended = subprocess.run([*command, lfw], capture_output=True, text=True, check=True)
    labelled = read_labelled(lfw)
    pairs = read_pairs(Path(pairs_file), labelled)
    with open_store(url, None) as store:
        recipe = store.stored_recipe()
    with open_store(url, recipe) as store:
        embedded = main_faces(store, labelled)
    result = measure(embedded, labelled, pairs, CALIBRATION, seed=0)
    return Evaluated(url, json.loads(ended.stdout), labelled, result)


def main_faces(store: FaceStore, labelled: Labelled) -> EmbeddedPhotos:
    """What users' searches meet: of each photo that is stored, the face nearest the middle."""
    vectors = {}
    for photo, faces in groupby(store.faces(), key=lambda stored: stored.photo):
        detected = [stored.face for stored in faces]
        boxes = [face.detected.box for face in detected]
        main = detected[most_central(boxes, photo.width, photo.height)]
        vectors[photo.photo_id] = main.embedding
    there = [photo.file.photo_id in vectors for photo in labelled.photos]
    return EmbeddedPhotos(
        system=SHIPPED,
        recipe="",
        detected=np.array(there),
        embeddings=np.stack(
            [
                vectors[photo.file.photo_id]
                for photo in labelled.photos
                if photo.file.photo_id in vectors
            ]
        ),
        ms=0.0,
        problems=[],
    )


def test_every_photo_of_lfw_is_indexed_and_has_a_face(lfw_evaluated: Evaluated) -> None:
    assert lfw_evaluated.summary["failed"] == []
    assert lfw_evaluated.summary["photos"] == 13_233
    assert lfw_evaluated.result.metrics.detected >= 0.999


def test_identification_on_lfw_meets_its_figures(lfw_evaluated: Evaluated) -> None:
    identification = lfw_evaluated.result.metrics.identification
    assert identification.queries == 9164
    assert identification.rank_1 >= 0.984
    assert identification.recall_at_20 >= 0.9895
    assert identification.map_at_20 >= 0.977


def test_verification_on_lfw_meets_its_figure(lfw_evaluated: Evaluated) -> None:
    verified = lfw_evaluated.result.metrics.verification
    assert verified is not None
    assert verified.accuracy >= 0.9945


def test_ten_queries_of_the_report_find_all_six_photos_each(lfw_evaluated: Evaluated) -> None:
    ten = study_system(lfw_evaluated.result, lfw_evaluated.labelled, nearest).ten_queries
    assert ten is not None
    assert ten.photos == (6,) * 10
    assert ten.all_in_20 == 10


def test_confidence_is_calibrated_on_lfw_pairs(lfw_evaluated: Evaluated) -> None:
    reliability = lfw_evaluated.result.metrics.reliability
    assert reliability is not None
    # Always saying one half scores 0.25; a threshold that is right 99.4 times of 100, 0.006.
    assert reliability.brier <= 0.005
    assert reliability.expected_error <= 0.004


def test_confidence_is_what_the_pairs_say(lfw_evaluated: Evaluated) -> None:
    calibration = lfw_evaluated.result.metrics.calibration
    assert calibration is not None
    assert calibration.fitted.midpoint == pytest.approx(CALIBRATION.midpoint, abs=0.01)
    assert calibration.fitted.steepness == pytest.approx(CALIBRATION.steepness, abs=1.5)
    assert calibration.held_out.brier <= 0.005
    assert calibration.held_out.expected_error <= 0.004


def test_suggested_thresholds_accept_what_they_say(lfw_evaluated: Evaluated) -> None:
    calibration = lfw_evaluated.result.metrics.calibration
    assert calibration is not None
    for threshold, rate in zip(THRESHOLDS, calibration.accept_rates, strict=True):
        assert threshold.distance == pytest.approx(rate.distance, abs=0.003)
        assert threshold.true_accept_rate == pytest.approx(rate.true_accept_rate, abs=0.003)
        # On people who had no part in the choice.
        assert rate.held_out == pytest.approx(threshold.false_accept_rate, rel=0.1)


def test_expansion_finds_more_and_never_loses_the_first(lfw_evaluated: Evaluated) -> None:
    embedded = lfw_evaluated.result.embedded
    people, missed = (
        lfw_evaluated.people[embedded.detected],
        lfw_evaluated.people[~embedded.detected],
    )
    found = identification(people, embedded.embeddings, missed, expanded)
    assert found.rank_1 == lfw_evaluated.result.metrics.identification.rank_1
    assert found.recall_at_20 >= 0.993
    assert found.map_at_20 >= 0.982


@pytest.fixture(scope="module")
def lfw_in_opensearch(
    lfw_evaluated: Evaluated, opensearch_server: OpenSearchServer
) -> Iterator[str]:
    """The URL of an OpenSearch store that holds the same faces."""
    index = f"test-lfw-{uuid4().hex[:12]}"
    url = f"opensearch://{opensearch_server.host}/{index}"
    with open_store(lfw_evaluated.store, None) as exact:
        recipe = exact.stored_recipe()
        photos = (
            IndexedPhoto(photo, tuple(stored.face for stored in faces))
            for photo, faces in groupby(exact.faces(), key=lambda stored: stored.photo)
        )
        with open_store(url, recipe) as store:
            while batch := list(islice(photos, 500)):
                assert store.write(batch) == [True] * len(batch)
    opensearch_server.request("POST", f"/{index}/_refresh")
    yield url
    opensearch_server.request("DELETE", f"/{index}-000001")


def test_opensearch_gives_the_same_20_for_the_ten_queries(
    lfw_evaluated: Evaluated, lfw_in_opensearch: str, lfw_photo: Callable[[str, int], Path]
) -> None:
    with open_store(lfw_evaluated.store, None) as store:
        recipe = store.stored_recipe()
    # With 1,000 candidates, so that the graph's luck decides nothing.
    with (
        open_store(lfw_evaluated.store, recipe) as exact,
        open_store(f"{lfw_in_opensearch}?ef_search=1000", recipe) as approximate,
    ):
        for person in TEN_PEOPLE:
            photo = exact.photo(lfw_photo(person, 1).resolve().as_uri())
            assert photo is not None
            query = photo.faces[0].embedding
            expected, found = exact.search(query, K), approximate.search(query, K)
            assert [each.stored.face_id for each in found] == [
                each.stored.face_id for each in expected
            ]
            assert [each.distance for each in found] == pytest.approx(
                [each.distance for each in expected], abs=1e-5
            )


def test_opensearch_finds_99_percent_of_the_exact_20_at_its_defaults(
    lfw_evaluated: Evaluated, lfw_in_opensearch: str
) -> None:
    with open_store(lfw_evaluated.store, None) as store:
        recipe = store.stored_recipe()
        embeddings = np.stack([stored.face.embedding for stored in store.faces()])
    queries = np.random.default_rng(1).choice(len(embeddings), 1000, replace=False)
    recalls = []
    with open_store(lfw_in_opensearch, recipe) as store:
        for query in embeddings[queries]:
            furthest = np.partition(np.linalg.norm(embeddings - query, axis=1), K - 1)[K - 1]
            matches = store.search(query, K)
            recalls.append(sum(match.distance <= furthest + 1e-5 for match in matches) / K)
    assert np.mean(recalls) >= 0.99
