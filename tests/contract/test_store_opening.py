"""What a store refuses: another recipe, reading before writing, and what is no embedding."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from facesearch.errors import RecipeMismatch, StoreNotFound
from facesearch.faces import Removal, face_id
from facesearch.stores import Counts, FaceStore, open_store
from tests.contract.samples import OTHER_RECIPE, RECIPE, indexed, photo_ids, vector

A, B = "s3://photos/a.jpg", "s3://photos/b.jpg"

READINGS: dict[str, Callable[[FaceStore], object]] = {
    "search": lambda store: store.search(vector(1), 5),
    "face": lambda store: store.face(face_id(A, 0)),
    "photo": lambda store: store.photo(A),
    "photos": lambda store: list(store.photos()),
    "faces": lambda store: list(store.faces()),
    "collections": lambda store: store.collections(),
    "sequences": lambda store: store.sequences([A]),
    "counts": lambda store: store.counts(),
}


def test_stored_recipe_is_that_of_the_first_write(store: FaceStore, store_url: str) -> None:
    assert store.stored_recipe() is None
    store.write([Removal(A, 1)])
    assert store.stored_recipe() == RECIPE
    with open_store(store_url, OTHER_RECIPE) as other:
        assert other.stored_recipe() == RECIPE


def test_other_recipe_is_refused_everywhere(store: FaceStore, store_url: str) -> None:
    store.write([indexed(A, 1, [vector(1)])])
    with open_store(store_url, OTHER_RECIPE) as other:
        with pytest.raises(RecipeMismatch, match=RECIPE.fingerprint):
            other.write([indexed(B, 1)])
        for reading in READINGS.values():
            with pytest.raises(RecipeMismatch, match=RECIPE.fingerprint):
                reading(other)
    assert store.counts() == Counts(1, 1)


def test_store_opened_without_recipe_reads_and_nothing_else(
    store: FaceStore, store_url: str
) -> None:
    store.write([indexed(A, 1, [vector(1)])])
    with open_store(store_url, None) as reader:
        assert reader.counts() == Counts(1, 1)
        assert [stored.photo.photo_id for stored in reader.faces()] == [A]
        with pytest.raises(ValueError, match="recipe"):
            reader.write([indexed(B, 1)])
        with pytest.raises(ValueError, match="recipe"):
            reader.search(vector(1), 5)


@pytest.mark.parametrize("reading", READINGS.values(), ids=READINGS)
def test_reading_a_store_that_does_not_exist_raises_and_creates_nothing(
    store: FaceStore, reading: Callable[[FaceStore], object]
) -> None:
    for _ in range(2):
        with pytest.raises(StoreNotFound):
            reading(store)
    assert store.stored_recipe() is None


def test_reopened_store_holds_what_was_written(store: FaceStore, store_url: str) -> None:
    store.write([indexed(A, 3, [vector(1)]), Removal(B, 5)])
    store.close()
    store.close()
    with open_store(store_url, RECIPE) as again:
        assert again.write([indexed(A, 2), indexed(B, 4)]) == [False, False]
        assert photo_ids(again.search(vector(1), 5)) == [A]


@pytest.mark.parametrize(
    "wrong",
    [
        vector(1) * 2,
        np.zeros(128, np.float32),
        np.full(128, np.nan, np.float32),
        vector(1)[:127],
        vector(1)[None],
        vector(1).astype(np.float64),
    ],
    ids=["norm 2", "zero", "NaN", "127 numbers", "a matrix", "float64"],
)
def test_write_and_search_refuse_what_is_no_embedding(
    store: FaceStore, wrong: NDArray[np.float32]
) -> None:
    store.write([indexed(A, 1, [vector(1)])])
    with pytest.raises(ValueError, match="embedding"):
        store.write([indexed(B, 1, [vector(2)]), indexed("c", 1, [wrong])])
    with pytest.raises(ValueError, match="embedding"):
        store.search(wrong, 5)
    assert store.counts() == Counts(1, 1)


@pytest.mark.parametrize("sequence", [-1, 2**63])
def test_write_sequence_out_of_range_raises(store: FaceStore, sequence: int) -> None:
    with pytest.raises(ValueError, match="sequence"):
        store.write([indexed(A, sequence)])
    with pytest.raises(ValueError, match="sequence"):
        store.write([Removal(A, sequence)])
