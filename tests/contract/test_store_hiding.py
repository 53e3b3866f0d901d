"""What it means to hide a face: a decision that no write of its photo changes."""

from dataclasses import replace
from threading import Thread

import numpy as np
import pytest

from facesearch.errors import InvalidRequest, StoreNotFound
from facesearch.faces import (
    BoundingBox,
    DetectedFace,
    EmbeddedFace,
    Embedding,
    IndexedPhoto,
    Landmarks,
    Photo,
    Point,
    Removal,
    face_id,
)
from facesearch.hidden import Region
from facesearch.stores import Counts, FaceStore, open_store
from facesearch.stores.limited import LimitedStore
from tests.contract.samples import RECIPE, indexed, photo_ids, unit_vectors, vector

A, B = "s3://photos/a.jpg", "s3://photos/b.jpg"
LEFT, RIGHT = Region(0.1, 0.2, 0.2, 0.3), Region(0.6, 0.2, 0.2, 0.3)


def photo(
    sequence: int, *faces: tuple[Region, Embedding], photo_id: str = A, width: int = 1000
) -> IndexedPhoto:
    """A photo of half that height with faces in these places."""
    height = width // 2
    return IndexedPhoto(
        Photo(photo_id, sequence, width=width, height=height),
        tuple(_face(place, embedding, width, height) for place, embedding in faces),
    )


def _face(place: Region, embedding: Embedding, width: int, height: int) -> EmbeddedFace:
    box = BoundingBox(
        place.left * width, place.top * height, place.width * width, place.height * height
    )
    landmarks = Landmarks(*(Point(box.left, box.top) for _ in range(5)))
    return EmbeddedFace(DetectedFace(box, landmarks, 0.9), embedding)


def found(store: FaceStore, embedding: Embedding, k: int = 10) -> list[str]:
    return [match.stored.face_id for match in store.search(embedding, k)]


def test_hidden_face_is_in_no_search_and_marked_elsewhere(store: FaceStore) -> None:
    store.write([photo(1, (LEFT, vector(1)), (RIGHT, vector(2)))])
    store.hide(A, LEFT)
    assert found(store, vector(1)) == [face_id(A, 1)]
    face = store.face(face_id(A, 0))
    stored = store.photo(A)
    assert face is not None
    assert stored is not None
    assert face.hidden
    assert stored.hidden == {0}
    assert len(stored.faces) == 2
    assert [each.hidden for each in store.faces()] == [True, False]
    assert store.counts() == Counts(1, 2)
    assert store.collections() == {"default": Counts(1, 2)}
    assert [listed.photo.photo_id for listed in store.photos()] == [A]
    assert store.hidden_regions([A, B]) == {A: (LEFT,)}


def test_hiding_a_face_shows_no_other(store: FaceStore) -> None:
    """Each box is about the next one, and the first is not about the last."""
    boxes = [replace(LEFT, left=LEFT.left + shift) for shift in (0, 0.06, 0.12)]
    store.write([photo(1, *((box, vector(n)) for n, box in enumerate(boxes, 1)))])
    for box in boxes:
        store.hide(A, box)
    assert found(store, vector(1)) == []


def test_decision_can_be_undone_and_repeated(store: FaceStore) -> None:
    store.write([photo(1, (LEFT, vector(1)))])
    for _ in range(2):
        store.hide(A, LEFT)
        store.hide(A, Region(0.11, 0.2, 0.2, 0.3))
    assert len(store.hidden_regions([A])[A]) == 1
    store.hide(A, LEFT, hidden=False)
    store.hide(A, LEFT, hidden=False)
    assert found(store, vector(1)) == [face_id(A, 0)]
    assert store.hidden_regions([A]) == {}
    store.hide(A, LEFT)
    assert found(store, vector(1)) == []


def test_decision_outlives_indexing_again_with_other_numbers_and_sizes(store: FaceStore) -> None:
    store.write([photo(1, (LEFT, vector(1)), (RIGHT, vector(2)))])
    store.hide(A, LEFT)
    moved_a_little = Region(0.11, 0.21, 0.19, 0.3)
    store.write([photo(2, (RIGHT, vector(2)), (moved_a_little, vector(3)), width=500)])
    assert found(store, vector(3)) == [face_id(A, 0)]
    stored = store.photo(A)
    assert stored is not None
    assert stored.hidden == {1}


def test_decision_outlives_the_removal_of_its_photo(store: FaceStore) -> None:
    store.write([photo(1, (LEFT, vector(1)))])
    store.hide(A, LEFT)
    store.write([Removal(A, 2)])
    assert store.photo(A) is None
    assert store.counts() == Counts(0, 0)
    store.write([photo(3, (LEFT, vector(1)))])
    assert found(store, vector(1)) == []


def test_writing_what_was_read_changes_no_decision(store: FaceStore) -> None:
    store.write([photo(1, (LEFT, vector(1)), (RIGHT, vector(2)))])
    store.hide(A, LEFT)
    stored = store.photo(A)
    assert stored is not None
    store.hide(A, LEFT, hidden=False)
    assert store.write([stored]) == [True]
    assert sorted(found(store, vector(1))) == [face_id(A, 0), face_id(A, 1)]


def test_decision_is_of_one_photo_only(store: FaceStore) -> None:
    store.write([photo(1, (LEFT, vector(1))), photo(1, (LEFT, vector(1)), photo_id=B)])
    store.hide(A, LEFT)
    assert found(store, vector(1)) == [face_id(B, 0)]


def test_hidden_faces_take_no_places_of_the_k_nearest(store: FaceStore) -> None:
    near = vector(1) + 0.1 * unit_vectors(40, seed=3)
    units = near / np.linalg.norm(near, axis=1, keepdims=True)
    store.write(
        [
            photo(1, (LEFT, units[number]), photo_id=f"s3://photos/{number:02}.jpg")
            for number in range(40)
        ]
    )
    by_distance = [match.stored.photo.photo_id for match in store.search(vector(1), 40)]
    for hidden in by_distance[:30]:
        store.hide(hidden, LEFT)
    assert photo_ids(store.search(vector(1), 5)) == by_distance[30:35]
    assert photo_ids(store.search(vector(1), 40)) == by_distance[30:]


def test_store_opened_without_a_recipe_takes_decisions(store_url: str, store: FaceStore) -> None:
    store.write([photo(1, (LEFT, vector(1)))])
    with open_store(store_url, None) as reading:
        reading.hide(A, LEFT)
    assert found(store, vector(1)) == []


def test_no_store_takes_no_decision(store_url: str) -> None:
    for recipe in (None, RECIPE):
        with open_store(store_url, recipe) as absent:
            with pytest.raises(StoreNotFound):
                absent.hide(A, LEFT)
            assert absent.stored_recipe() is None


def test_decisions_of_several_processes_are_all_kept(store_url: str, store: FaceStore) -> None:
    places = [Region(0.1 * number, 0.1, 0.05, 0.1) for number in range(8)]
    store.write([photo(1, *((place, vector(n)) for n, place in enumerate(places)))])

    def hide(place: Region) -> None:
        with open_store(store_url, RECIPE) as other:
            other.hide(A, place)

    threads = [Thread(target=hide, args=(place,)) for place in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.hidden_regions([A]) == {A: tuple(sorted(places))}
    assert found(store, vector(1)) == []


def test_decision_while_the_photo_is_written_again_and_again(
    store_url: str, store: FaceStore
) -> None:
    store.write([photo(1, (LEFT, vector(1)), (RIGHT, vector(2)))])

    def index() -> None:
        with open_store(store_url, RECIPE) as other:
            for sequence in range(2, 30):
                other.write([photo(sequence, (RIGHT, vector(2)), (LEFT, vector(1)))])

    thread = Thread(target=index)
    thread.start()
    store.hide(A, LEFT)
    seen = [found(store, vector(1)) for _ in range(10)]
    thread.join()
    seen.append(found(store, vector(1)))
    assert all(len(each) <= 1 for each in seen)
    assert seen[-1] == [face_id(A, 0)]


def test_limited_store_hides_in_its_collections_only(store: FaceStore) -> None:
    one, two = unit_vectors(2, seed=1)
    store.write([indexed(A, 1, [one], collection="own"), indexed(B, 1, [two], collection="other")])
    limited = LimitedStore(store, ["own"])
    places = {
        each.photo.photo_id: Region.of(each.face.detected.box, each.photo) for each in store.faces()
    }
    with pytest.raises(InvalidRequest, match="other collections"):
        limited.hide(B, places[B])
    limited.hide(A, places[A])
    store.hide(B, places[B])
    assert limited.hidden_regions([A, B]) == {A: (places[A],)}
    assert store.search(one, 5) == []
