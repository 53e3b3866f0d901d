"""The evaluation's expansion is the product's, and k-reciprocal sets find one person's faces."""

import numpy as np
import pytest

from facesearch.expansion import search_expanded
from facesearch.faces import Embedding, Match
from facesearch_local.evaluation.ranking import Vectors, nearest
from tests.evaluation.study.reranking import expanded, k_reciprocal
from tests.facenet import SURE_DISTANCE
from tests.unit.matches import made_match


@pytest.fixture
def vectors() -> Vectors:
    """150 unit vectors around 15 middles: of all kinds, sure neighbours and none."""
    random = np.random.default_rng(11)
    middles = np.repeat(random.normal(size=(15, 128)), 10, axis=0)
    spread = np.linspace(0.2, 1.6, 150)[:, None]
    drawn = (middles + spread * random.normal(size=(150, 128))).astype(np.float32)
    unit: Vectors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return unit


def test_expanded_is_what_the_search_does(vectors: Vectors) -> None:
    queries = np.arange(0, 150, 7)
    order, distances = expanded(vectors, queries, 30)
    plain, _ = nearest(vectors, queries, 30)
    assert not np.array_equal(order, plain)
    for row, query in enumerate(queries.tolist()):

        def search(point: Embedding, k: int, query: int = query) -> list[Match]:
            apart = np.linalg.norm(vectors - point, axis=1)
            apart[query] = np.inf
            return [
                made_match(n, vectors[n], float(apart[n]))
                for n in np.argsort(apart, kind="stable")[:k]
            ]

        expected = search_expanded(vectors[query], 30, search, SURE_DISTANCE)
        assert [int(match.stored.face_id) for match in expected] == order[row].tolist()
        assert [match.distance for match in expected] == pytest.approx(distances[row], abs=1e-5)


def test_expanded_without_sure_neighbours_is_the_plain_order() -> None:
    vectors = np.eye(30, dtype=np.float32)
    for reranked, plain in zip(
        expanded(vectors, np.arange(30), 10), nearest(vectors, np.arange(30), 10), strict=True
    ):
        assert np.array_equal(reranked, plain)


def test_k_reciprocal_puts_one_persons_faces_before_a_nearer_stranger() -> None:
    # On an arc: the query's thirty others at 0°, the query at 35°, strangers at 90°, one at 70°.
    random = np.random.default_rng(2)
    angles = np.radians([35.0, *[0.0] * 30, 70.0, *[90.0] * 119])
    spread = np.zeros((151, 128))
    spread[:, 0], spread[:, 1] = np.cos(angles), np.sin(angles)
    noise = 0.02 * random.normal(size=spread.shape)
    noise[[0, 31]] = 0
    vectors: Vectors = (spread + noise).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    query = np.array([0])
    plain, _ = nearest(vectors, query, 31)
    assert np.flatnonzero(plain[0] == 31).item() < 10
    order, distances = k_reciprocal(vectors, query, 31)
    assert order[0, 30] == 31
    expected = np.linalg.norm(vectors[order[0]] - vectors[0], axis=1)
    assert distances[0] == pytest.approx(expected, abs=1e-5)
