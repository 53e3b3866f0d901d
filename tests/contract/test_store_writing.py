"""What it means to write and to forget a photo."""

import pytest

from facesearch.faces import IndexedPhoto, Photo, PhotoListing, Removal, face_id
from facesearch.stores import Counts, FaceStore
from tests.contract.samples import (
    HOSTILE,
    face,
    indexed,
    photo_ids,
    same_face,
    unit_vectors,
    vector,
)

A, B = "s3://photos/a.jpg", "s3://photos/b.jpg"


def test_write_new_photos_applies_all_and_finds_them(store: FaceStore) -> None:
    one, two, three = unit_vectors(3, seed=1)
    assert store.write([indexed(A, 1, [one, two]), indexed(B, 1, [three])]) == [True, True]
    assert store.counts() == Counts(photos=2, faces=3)
    assert photo_ids(store.search(three, 1)) == [B]


def test_write_nothing_returns_nothing_and_creates_nothing(store: FaceStore) -> None:
    assert store.write([]) == []
    assert store.stored_recipe() is None


def test_write_same_photo_with_fewer_faces_replaces_all_of_them(store: FaceStore) -> None:
    first, second = unit_vectors(3, seed=1), unit_vectors(1, seed=2)
    store.write([indexed(A, 1, first), indexed(B, 1, [vector(9)])])
    assert store.write([indexed(A, 2, second)]) == [True]
    assert store.counts() == Counts(photos=2, faces=2)
    assert [store.face(face_id(A, number)) for number in (1, 2)] == [None, None]
    assert sorted(photo_ids(store.search(first[2], 10))) == [A, B]
    photo = store.photo(A)
    assert photo is not None
    assert [each.embedding.tobytes() for each in photo.faces] == [second[0].tobytes()]


def test_write_same_photo_with_more_faces_has_them_all(store: FaceStore) -> None:
    store.write([indexed(A, 1, unit_vectors(1, seed=1))])
    embeddings = unit_vectors(12, seed=2)
    store.write([indexed(A, 2, embeddings)])
    assert store.counts() == Counts(photos=1, faces=12)
    for number, embedding in enumerate(embeddings):
        [match] = store.search(embedding, 1)
        assert (match.stored.number, match.stored.face_id) == (number, face_id(A, number))


def test_write_in_another_collection_moves_the_photo(store: FaceStore) -> None:
    store.write([indexed(A, 1, [vector(1)], collection="old", metadata={"of": "old"})])
    store.write([indexed(A, 2, [vector(1)], collection="new", metadata={"of": "new"})])
    assert store.collections() == {"new": Counts(1, 1)}
    assert store.search(vector(1), 5, collection="old") == []
    assert store.search(vector(1), 5, metadata={"of": "old"}) == []
    assert photo_ids(store.search(vector(1), 5, collection="new", metadata={"of": "new"})) == [A]


def test_write_older_than_stored_returns_false_and_changes_nothing(store: FaceStore) -> None:
    store.write([indexed(A, 5, [vector(1)])])
    assert store.write([indexed(A, 4, [vector(2), vector(3)])]) == [False]
    assert store.counts() == Counts(1, 1)
    assert photo_ids(store.search(vector(2), 5)) == [A]
    assert store.search(vector(1), 1)[0].stored.photo.sequence == 5


def test_write_of_equal_sequence_replaces(store: FaceStore) -> None:
    store.write([indexed(A, 5, [vector(1)])])
    assert store.write([indexed(A, 5, [vector(2)])]) == [True]
    assert store.search(vector(2), 1)[0].distance == pytest.approx(0, abs=1e-5)


def test_write_of_equal_sequence_after_removal_brings_it_back(store: FaceStore) -> None:
    assert store.write([Removal(A, 5), indexed(A, 5, [vector(1)])]) == [True, True]
    assert store.counts() == Counts(1, 1)


def test_sequences_at_both_ends_of_their_range_are_ordered(store: FaceStore) -> None:
    assert store.write([indexed(A, 0), indexed(B, 2**63 - 2)]) == [True, True]
    assert store.write([Removal(B, 2**63 - 3), Removal(B, 2**63 - 1)]) == [False, True]
    assert store.write([indexed(B, 2**63 - 2), indexed(B, 2**63 - 1)]) == [False, True]
    photo = store.photo(B)
    assert photo is not None
    assert photo.photo.sequence == 2**63 - 1


def test_removal_forgets_photo_and_faces(store: FaceStore) -> None:
    store.write([indexed(A, 1, unit_vectors(3, seed=1)), indexed(B, 1, [vector(4)])])
    assert store.write([Removal(A, 2)]) == [True]
    assert store.counts() == Counts(1, 1)
    assert store.photo(A) is None
    assert store.face(face_id(A, 0)) is None
    assert [listing.photo.photo_id for listing in store.photos()] == [B]
    assert photo_ids(store.search(unit_vectors(3, seed=1)[0], 5)) == [B]


def test_removal_of_everything_leaves_an_empty_store(store: FaceStore) -> None:
    store.write([indexed(A, 1, [vector(1)])])
    store.write([Removal(A, 2)])
    assert store.counts() == Counts(0, 0)
    assert store.collections() == {}
    assert store.search(vector(1), 5) == []


def test_removal_older_than_stored_changes_nothing(store: FaceStore) -> None:
    store.write([indexed(A, 5, [vector(1)])])
    assert store.write([Removal(A, 4)]) == [False]
    assert store.counts() == Counts(1, 1)


def test_removal_of_unknown_photo_outlives_an_older_write(store: FaceStore) -> None:
    assert store.write([Removal(A, 7)]) == [True]
    assert store.write([indexed(A, 6, [vector(1)])]) == [False]
    assert store.counts() == Counts(0, 0)
    assert store.search(vector(1), 5) == []
    assert store.write([indexed(A, 8, [vector(1)])]) == [True]
    assert store.counts() == Counts(1, 1)


def test_older_removal_does_not_weaken_a_newer_one(store: FaceStore) -> None:
    assert store.write([Removal(A, 7)]) == [True]
    assert store.write([Removal(A, 5)]) == [False]
    assert store.write([indexed(A, 6)]) == [False]


def test_removal_repeated_is_applied_again(store: FaceStore) -> None:
    assert store.write([Removal(A, 7)]) == [True]
    assert store.write([Removal(A, 7)]) == [True]


def test_batch_with_write_and_removal_of_one_photo_keeps_the_newer(store: FaceStore) -> None:
    assert store.write([indexed(A, 1, [vector(1)]), Removal(A, 2)]) == [True, True]
    assert store.photo(A) is None
    assert store.write([Removal(B, 2), indexed(B, 1, [vector(1)])]) == [True, False]
    assert store.photo(B) is None
    assert store.write([indexed(B, 4, [vector(1)]), Removal(B, 3)]) == [True, False]
    assert store.photo(B) is not None


def test_batch_with_one_photo_twice_keeps_the_newer(store: FaceStore) -> None:
    newer, older = indexed(A, 2, [vector(2)]), indexed(A, 1, [vector(1), vector(3)])
    assert store.write([newer, older]) == [True, False]
    assert store.counts() == Counts(1, 1)
    assert store.search(vector(2), 1)[0].distance == pytest.approx(0, abs=1e-5)


def test_batch_repeated_gives_the_same_store(store: FaceStore) -> None:
    batch: list[IndexedPhoto | Removal] = [
        indexed(A, 1, unit_vectors(3, seed=1)),
        Removal(B, 2),
        indexed("c", 3, [vector(5)]),
    ]
    assert store.write(batch) == store.write(batch) == [True, True, True]
    assert store.counts() == Counts(2, 4)


def test_photo_without_faces_is_stored(store: FaceStore) -> None:
    photo = Photo(A, 1, revision="etag", width=640, height=480, metadata={"event": "gala"})
    store.write([IndexedPhoto(photo)])
    stored = store.photo(A)
    assert stored is not None
    assert (stored.photo, stored.faces) == (photo, ())
    assert store.counts() == Counts(1, 0)
    assert store.search(vector(1), 5) == []


def test_photo_with_problem_is_stored(store: FaceStore) -> None:
    photo = Photo(A, 1, revision="etag", problem="damaged_image")
    store.write([IndexedPhoto(photo)])
    assert list(store.photos()) == [PhotoListing(photo, 0)]


def test_write_round_trips_every_field_exactly(store: FaceStore) -> None:
    photo = Photo(
        A,
        sequence=2**62 + 12345,
        revision='"0123456789abcdef-2"',
        width=4032,
        height=3024,
        collection="Gala 2024",
        metadata={"name": "value", "": "empty name", "empty value": ""},
    )
    written = IndexedPhoto(photo, tuple(face(vector(n), seed=n) for n in range(5)))
    store.write([written])
    stored = store.photo(A)
    assert stored is not None
    assert stored.photo == photo
    assert all(map(same_face, stored.faces, written.faces))
    assert len(stored.faces) == 5
    for number, expected in enumerate(written.faces):
        one = store.face(face_id(A, number))
        assert one is not None
        assert (one.number, one.face_id, one.photo) == (number, face_id(A, number), photo)
        assert same_face(one.face, expected)
        [match] = store.search(vector(number), 1)
        assert same_face(match.stored.face, expected)
        assert match.stored.photo == photo


def test_write_hostile_strings_are_kept_as_they_are(store: FaceStore) -> None:
    photos = [
        indexed(text, 1, [vector(n)], collection=text[:200], metadata={text[:200]: text})
        for n, text in enumerate(HOSTILE)
    ]
    assert store.write(photos) == [True] * len(HOSTILE)
    for number, photo in enumerate(photos):
        stored = store.photo(photo.photo.photo_id)
        assert stored is not None
        assert stored.photo == photo.photo
        one = store.face(face_id(photo.photo.photo_id, 0))
        assert one is not None
        assert same_face(one.face, photo.faces[0])
        assert photo_ids(store.search(vector(number), 1)) == [photo.photo.photo_id]
    assert set(store.collections()) == {text[:200] for text in HOSTILE}
    assert store.write([Removal(text, 2) for text in HOSTILE]) == [True] * len(HOSTILE)
    assert store.counts() == Counts(0, 0)
