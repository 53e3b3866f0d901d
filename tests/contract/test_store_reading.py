"""What can be read without a search: photos a page at a time, faces, counts."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from facesearch.errors import StoreNotFound
from facesearch.faces import IndexedPhoto, LeftOut, Photo, PhotoListing, Removal, face_id
from facesearch.stores import Counts, FaceStore, open_store
from tests.contract.samples import HOSTILE, RECIPE, indexed, same_face, unit_vectors, vector


def _ids(listings: Iterator[PhotoListing]) -> list[str]:
    return [listing.photo.photo_id for listing in listings]


def test_photos_are_ordered_by_code_point(store: FaceStore) -> None:
    ids = ["b", "a/2", "a/10", "A", "é", "｡", "😀", "a%", "a", "Z"]
    store.write([indexed(each) for each in ids])
    assert _ids(store.photos()) == sorted(ids)


def test_photos_prefix_is_text_and_never_a_pattern(store: FaceStore) -> None:
    ids = ["a%b/1", "a%b/2", "axb/1", "a_b/1", "a%c", "a%", "A%b/1", "a b/1", "a*b/1"]
    store.write([indexed(each) for each in ids])
    for prefix in ("a%b/", "a%", "a_", "a*", "a b", "a", "A", "axb/1", "axb/1x", "z", "%"):
        expected = sorted(each for each in ids if each.startswith(prefix))
        assert _ids(store.photos(prefix=prefix)) == expected


def test_photos_prefix_of_odd_characters_is_found(store: FaceStore) -> None:
    store.write([indexed(f"s3://photos/{text}/1.jpg") for text in HOSTILE])
    store.write([indexed("s3://photos/\U0010ffff\U0010ffff"), indexed("s3://photos0")])
    for text in HOSTILE:
        prefix = f"s3://photos/{text}/"
        assert _ids(store.photos(prefix=prefix)) == [f"{prefix}1.jpg"]
    assert len(_ids(store.photos(prefix="s3://photos/"))) == len(HOSTILE) + 1
    assert _ids(store.photos(prefix="s3://photos/\U0010ffff")) == [
        "s3://photos/\U0010ffff\U0010ffff"
    ]


def test_photos_paged_by_after_and_limit_gives_each_once(store: FaceStore) -> None:
    ids = [f"s3://photos/{text}/{n}" for text in HOSTILE for n in range(3)]
    store.write([indexed(each) for each in [*ids, "s3://others/1", "s3://z"]])
    for limit in (1, 2, 7, 100):
        found: list[str] = []
        after = ""
        while page := _ids(store.photos(prefix="s3://photos/", after=after, limit=limit)):
            assert len(page) <= limit
            found += page
            after = page[-1]
        assert found == sorted(ids)


def test_photos_after_an_unknown_or_foreign_id_starts_behind_it(store: FaceStore) -> None:
    store.write([indexed(each) for each in ("p/1", "p/3", "q/1")])
    assert _ids(store.photos(after="p/2")) == ["p/3", "q/1"]
    assert _ids(store.photos(prefix="p/", after="a")) == ["p/1", "p/3"]
    assert _ids(store.photos(prefix="p/", after="q")) == []
    assert _ids(store.photos(limit=0)) == []


def test_photos_are_listed_with_the_number_of_their_faces(store: FaceStore) -> None:
    photos = [indexed(f"p{n}", 1, unit_vectors(n, seed=n)) for n in (0, 1, 12)]
    store.write(photos)
    assert list(store.photos()) == [
        PhotoListing(photo.photo, len(photo.faces))
        for photo in sorted(photos, key=lambda photo: photo.photo.photo_id)
    ]


def test_photos_streams_more_than_a_page(store: FaceStore) -> None:
    ids = [f"p{n:05}" for n in range(2500)]
    store.write([indexed(each) for each in ids])
    assert _ids(store.photos()) == ids
    assert _ids(store.photos(limit=1700)) == ids[:1700]
    assert _ids(store.photos(prefix="p01", after="p01500")) == ids[1501:2000]


def test_photos_being_forgotten_while_they_are_read_are_each_seen_once(store: FaceStore) -> None:
    ids = [f"p{n:04}" for n in range(1500)]
    store.write([indexed(each, 1, [vector(1)]) for each in ids])
    seen = []
    for listing in store.photos():
        seen.append(listing.photo.photo_id)
        if len(seen) % 300 == 0:
            store.write([Removal(each, 2) for each in seen[-300:]])
    assert seen == ids
    assert store.counts() == Counts(0, 0)


def test_faces_come_by_photo_and_number_with_everything(store: FaceStore) -> None:
    photos = [indexed(text, 1, unit_vectors(12, seed)) for seed, text in enumerate(HOSTILE)]
    store.write([indexed("no faces"), *photos])
    stored = list(store.faces())
    assert [(each.photo.photo_id, each.number) for each in stored] == sorted(
        (photo.photo.photo_id, number) for photo in photos for number in range(12)
    )
    by_id = {photo.photo.photo_id: photo for photo in photos}
    for each in stored:
        original = by_id[each.photo.photo_id]
        assert each.photo == original.photo
        assert each.face_id == face_id(each.photo.photo_id, each.number)
        assert same_face(each.face, original.faces[each.number])


def test_faces_streams_more_than_a_page(store: FaceStore) -> None:
    store.write([indexed(f"p{n}", 1, unit_vectors(7, seed=n)) for n in range(200)])
    found = [(each.photo.photo_id, each.number) for each in store.faces()]
    assert found == sorted((f"p{n}", number) for n in range(200) for number in range(7))


def test_collections_count_photos_and_faces_apart(store: FaceStore) -> None:
    store.write(
        [
            indexed("a", 1, unit_vectors(2, seed=1), collection="one"),
            indexed("b", 1, collection="one"),
            indexed("c", 1, [vector(3)], collection="two"),
            indexed("d", 1),
            Removal("e", 1),
        ]
    )
    assert store.collections() == {
        "default": Counts(1, 0),
        "one": Counts(2, 2),
        "two": Counts(1, 1),
    }
    assert store.counts() == Counts(4, 3)


def test_unknown_photo_and_face_are_none(store: FaceStore) -> None:
    store.write([indexed("a", 1, [vector(1)])])
    assert store.photo("b") is None
    key = face_id("a", 0).removesuffix("0")
    for unknown in ("", "-", "0", face_id("a", 1), face_id("b", 0), key, f"{key}00", f"{key}x"):
        assert store.face(unknown) is None


def test_status_counts_photos_without_face_and_failed_ones(store: FaceStore) -> None:
    store.write(
        [
            indexed("a", 1, unit_vectors(2, seed=1)),
            indexed("b", 1),
            indexed("c", 1),
            IndexedPhoto(Photo("d", 1, problem="damaged_image")),
            Removal("b", 2),
        ]
    )
    status = store.status()
    assert (status.counts, status.without_face, status.failed) == (Counts(3, 2), 1, 1)


def test_faces_left_out_and_limits_are_kept_of_each_photo_and_summed_in_the_status(
    store: FaceStore,
) -> None:
    limits = {"min_face_size": 40.5, "max_faces": 3}
    some = Photo("a", 1, left_out=LeftOut(by_quality=2, by_max_faces=1), limits=limits)
    more = Photo("b", 1, left_out=LeftOut(by_max_faces=4))
    none = Photo("c", 1, limits={"min_sharpness": 5.0})
    faces = indexed("any", 1, unit_vectors(2, seed=1)).faces
    store.write([IndexedPhoto(some, faces), IndexedPhoto(more), IndexedPhoto(none)])
    assert [listed.photo for listed in store.photos(after="", limit=3)] == [some, more, none]
    stored = store.photo("a")
    assert stored is not None
    assert stored.photo == some
    assert {face.photo == some for face in store.faces()} == {True}
    assert store.search(faces[0].embedding, 1)[0].stored.photo == some
    assert store.status().left_out == LeftOut(by_quality=2, by_max_faces=5)
    store.write([Removal("a", 2), IndexedPhoto(replace(more, sequence=2, left_out=LeftOut()))])
    assert store.status().left_out == LeftOut()


def test_sequences_are_the_newest_of_known_and_forgotten_photos(store: FaceStore) -> None:
    store.write([indexed("a", 3), indexed("b", 5), Removal("b", 2**63 - 1), indexed("a", 2)])
    assert store.sequences(["a", "b", "c"]) == {"a": 3, "b": 2**63 - 1}
    assert store.sequences([]) == {}


def test_status_tells_recipe_counts_size_and_health(store: FaceStore, store_url: str) -> None:
    with open_store(store_url, None) as other, pytest.raises(StoreNotFound):
        other.status()
    store.write([indexed("a", 1, unit_vectors(2, seed=1)), indexed("b"), Removal("gone", 1)])
    with open_store(store_url, None) as other:
        for status in (store.status(), other.status()):
            assert (status.recipe, status.counts) == (RECIPE, store.counts())
            assert status.size_bytes > 1000
            assert (status.health, status.notes) == ("green", ())
