"""Searches page by page, and with their query expanded, over every store."""

from dataclasses import replace

import numpy as np
import pytest

from facesearch.errors import InvalidRequest
from facesearch.faces import Match, face_id
from facesearch.searching import Scope, search_face
from facesearch.stores import FaceStore, open_store
from tests.contract.samples import RECIPE, indexed, photo_ids, unit_vectors, vector
from tests.facenet import SURE_DISTANCE

QUERY = face_id("p0000", 0)


def all_pages(store: FaceStore, k: int) -> list[Match]:
    """Every match, as a caller gets to them."""
    found: list[Match] = []
    offset: int | None = 0
    while offset is not None:
        page = search_face(QUERY, store, Scope(k, offset=offset))
        assert len(page.matches) == k or page.next is None
        found += page.matches
        offset = page.next
    return found


@pytest.mark.slow
def test_pages_put_together_are_all_other_faces_nearest_first(store: FaceStore) -> None:
    # More than a store may search for approximately.
    embeddings = unit_vectors(1150, seed=3)
    store.write([indexed(f"p{n:04}", 1, [each]) for n, each in enumerate(embeddings)])
    found = all_pages(store, 100)
    assert sorted(photo_ids(found)) == [f"p{n:04}" for n in range(1, 1150)]
    distances = [match.distance for match in found]
    assert distances == sorted(distances)


def test_equally_near_faces_are_on_one_page_each(store: FaceStore) -> None:
    store.write([indexed(f"p{n:04}", 1, [vector(1)]) for n in range(40)])
    found = all_pages(store, 7)
    assert sorted(photo_ids(found)) == [f"p{n:04}" for n in range(1, 40)]


def test_face_opposite_to_the_query_is_found_without_a_limit(store: FaceStore) -> None:
    for seed in range(5):
        store.write([indexed("p0000", seed, [vector(seed)]), indexed("far", seed, [-vector(seed)])])
        assert photo_ids(all_pages(store, 5)) == ["far"]


def test_expansion_reaches_faces_by_way_of_sure_ones(store: FaceStore) -> None:
    # Steps of an arc: the query is near the first, and the first is nearer to the last.
    one, other = vector(1), vector(2)
    other = other - (other @ one) * one
    other /= np.linalg.norm(other)
    angles = {"p0000": 0.0, "sure": 0.8, "behind": 1.3, "apart": -1.2}
    for name, angle in angles.items():
        embedding = (np.cos(angle) * one + np.sin(angle) * other).astype(np.float32)
        store.write([indexed(name, 1, [embedding])])
    plain = search_face(QUERY, store, Scope()).matches
    assert photo_ids(plain) == ["sure", "apart", "behind"]
    assert plain[0].distance < SURE_DISTANCE < plain[1].distance
    expanded = search_face(QUERY, store, Scope(expand=True)).matches
    assert photo_ids(expanded) == ["sure", "behind", "apart"]


def test_distance_that_unit_vectors_cannot_have_leaves_none_out(store: FaceStore) -> None:
    store.write([indexed("a", 1, [vector(1)]), indexed("b", 1, [-vector(1)])])
    far = search_face(face_id("a", 0), store, Scope(max_distance=999)).matches
    assert photo_ids(far) == ["b"]


@pytest.mark.parametrize(
    ("scope", "message"),
    [
        (
            Scope(min_confidence=0.5),
            "min_confidence needs to know what distances mean, .*max_distance",
        ),
        (Scope(expand=True), "expand needs to know what distances mean"),
    ],
)
def test_recipe_that_is_not_calibrated_takes_no_option_of_confidence(
    store_url: str, scope: Scope, message: str
) -> None:
    plain = replace(RECIPE, calibration=None, unit_length=False)
    with open_store(store_url, plain) as store:
        store.write([indexed(each, 1, [vector(seed)]) for seed, each in enumerate("ab")])
        with pytest.raises(InvalidRequest, match=message):
            search_face(face_id("a", 0), store, scope)
        assert search_face(face_id("a", 0), store, Scope(max_distance=99)).matches
