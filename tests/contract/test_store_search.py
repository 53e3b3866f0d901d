"""What a search finds, and in which order."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from facesearch.faces import EmbeddedFace, IndexedPhoto, Photo, Removal, face_id
from facesearch.searching import MAX_ENTRIES
from facesearch.stores import FaceStore
from tests.contract.samples import (
    HOSTILE,
    distances_to,
    face,
    indexed,
    photo_ids,
    unit_vectors,
    vector,
)

TOLERANCE = 1e-5
RECALL = 0.98  # the least: an engine may search approximately


def test_search_returns_nearest_first_with_l2_distance_and_score(store: FaceStore) -> None:
    embeddings = unit_vectors(30, seed=1)
    store.write([indexed(f"p{n:02}", 1, [each]) for n, each in enumerate(embeddings)])
    query = vector(2)
    matches = store.search(query, 10)
    expected = distances_to(embeddings, query)
    assert photo_ids(matches) == [f"p{n:02}" for n in np.argsort(expected)[:10]]
    distances = [match.distance for match in matches]
    assert distances == pytest.approx(np.sort(expected)[:10].tolist(), abs=TOLERANCE)
    assert [m.score for m in matches] == [1 / (1 + m.distance**2) for m in matches]


def test_search_distances_span_the_same_the_orthogonal_and_the_opposite(store: FaceStore) -> None:
    query = np.zeros(128, np.float32)
    query[0] = 1
    orthogonal = np.roll(query, 1)
    store.write(
        [
            indexed("same", 1, [query]),
            indexed("right", 1, [orthogonal]),
            indexed("not", 1, [-query]),
        ]
    )
    matches = store.search(query, 3)
    assert photo_ids(matches) == ["same", "right", "not"]
    assert [m.distance for m in matches] == pytest.approx([0, 2**0.5, 2], abs=TOLERANCE)


def test_search_nearly_the_same_vectors_are_told_apart(store: FaceStore) -> None:
    base = vector(1)
    steps = [base + np.float32(step) * vector(2) for step in (0.0, 1e-3, 2e-3, 4e-3)]
    near = np.stack([each / np.linalg.norm(each) for each in steps])
    store.write([indexed(f"p{n}", 1, [each]) for n, each in enumerate(near)])
    matches = store.search(near[0], 4)
    assert photo_ids(matches) == ["p0", "p1", "p2", "p3"]
    expected = distances_to(near, near[0]).tolist()
    assert [m.distance for m in matches] == pytest.approx(expected, abs=TOLERANCE)


def test_search_equal_distances_are_ordered_by_face_id(store: FaceStore) -> None:
    ids = [f"copy {n}" for n in range(12)]
    store.write([indexed(each, 1, [vector(1), vector(1)]) for each in ids])
    matches = store.search(vector(1), 24)
    found = [match.stored.face_id for match in matches]
    assert found == sorted(face_id(each, number) for each in ids for number in (0, 1))


@pytest.mark.parametrize("k", [1, 3, 6])
def test_search_equal_distances_cut_by_k_keep_the_first_ids(store: FaceStore, k: int) -> None:
    copies = [indexed(f"copy {n}", 1, [vector(1)]) for n in range(7)]
    store.write([indexed("other", 1, [vector(2)]), *copies])
    found = [match.stored.face_id for match in store.search(vector(1), k)]
    assert found == sorted(face_id(each.photo.photo_id, 0) for each in copies)[:k]


def test_search_photo_with_two_near_faces_returns_both(store: FaceStore) -> None:
    store.write([indexed("twins", 1, unit_vectors(2, seed=1)), indexed("other", 1, [vector(9)])])
    matches = store.search(vector(5), 3)
    found = {(match.stored.photo.photo_id, match.stored.number) for match in matches}
    assert found == {("twins", 0), ("twins", 1), ("other", 0)}


def test_search_k_above_what_is_stored_returns_all(store: FaceStore) -> None:
    store.write([indexed(f"p{n}", 1, [vector(n)]) for n in range(5)])
    for k in (5, 6, 100, 5000):
        assert len(store.search(vector(9), k)) == 5


@pytest.mark.parametrize("k", [0, -1])
def test_search_k_below_one_raises(store: FaceStore, k: int) -> None:
    store.write([indexed("a", 1, [vector(1)])])
    with pytest.raises(ValueError, match="k is"):
        store.search(vector(1), k)


def test_search_every_k_to_100_is_the_start_of_the_largest(store: FaceStore) -> None:
    store.write([indexed(f"p{n}", 1, [each]) for n, each in enumerate(unit_vectors(120, seed=1))])
    largest = photo_ids(store.search(vector(2), 100))
    assert len(largest) == 100
    for k in range(1, 100):
        assert photo_ids(store.search(vector(2), k)) == largest[:k]


def test_search_collection_returns_only_its_faces(store: FaceStore) -> None:
    store.write(
        [
            indexed("a", 1, [vector(1)], collection="one"),
            indexed("b", 1, [vector(2)], collection="two"),
            indexed("c", 1, [vector(3)], collection="two"),
        ]
    )
    assert photo_ids(store.search(vector(1), 5, collection="one")) == ["a"]
    assert sorted(photo_ids(store.search(vector(1), 5, collection="two"))) == ["b", "c"]
    assert len(store.search(vector(1), 5)) == 3
    for unknown in ("three", "", "ONE", "one ", "tw%"):
        assert store.search(vector(1), 5, collection=unknown) == []


def test_search_metadata_needs_every_entry(store: FaceStore) -> None:
    store.write(
        [
            indexed("a", 1, [vector(1)], metadata={"event": "gala", "year": "2024"}),
            indexed("b", 1, [vector(2)], metadata={"event": "gala", "year": "2023"}),
            indexed("c", 1, [vector(3)], metadata={"event": "2024", "year": "gala"}),
            indexed("d", 1, [vector(4)]),
        ]
    )

    def found(metadata: dict[str, str]) -> list[str]:
        return sorted(photo_ids(store.search(vector(9), 5, metadata=metadata)))

    assert found({"event": "gala"}) == ["a", "b"]
    assert found({"event": "gala", "year": "2024"}) == ["a"]
    assert found({"year": "gala"}) == ["c"]
    assert found({}) == ["a", "b", "c", "d"]
    for nothing in ({"event": "Gala"}, {"event": "gal"}, {"event": ""}, {"place": "gala"}):
        assert found(nothing) == []
    assert found({"event": "gala", "place": "here"}) == []


def test_search_hostile_filters_match_exactly_their_photo(store: FaceStore) -> None:
    texts = [text[:200] for text in HOSTILE]
    store.write(
        [
            indexed(f"p{n}", 1, [vector(n)], collection=text, metadata={text: text, "all": "x"})
            for n, text in enumerate(texts)
        ]
    )
    for number, text in enumerate(texts):
        expected = [f"p{number}"]
        assert photo_ids(store.search(vector(0), 50, collection=text)) == expected
        assert photo_ids(store.search(vector(0), 50, metadata={text: text})) == expected
        both = store.search(vector(0), 50, collection=text, metadata={text: text, "all": "x"})
        assert photo_ids(both) == expected
    assert len(store.search(vector(0), 50, metadata={"all": "x"})) == len(texts)


def test_search_takes_as_much_metadata_as_a_query_may_have(store: FaceStore) -> None:
    many = {f"name {n}": "x" for n in range(MAX_ENTRIES)}
    store.write([indexed("a", 1, [vector(1)], metadata=many), indexed("b", 1, [vector(1)])])
    assert photo_ids(store.search(vector(1), 5, metadata=many)) == ["a"]


def test_search_filters_come_before_the_k_nearest(store: FaceStore) -> None:
    near = [indexed(f"near {n}", 1, [vector(1)]) for n in range(200)]
    far = indexed("far", 1, [-vector(1)], collection="rare", metadata={"rare": "yes"})
    store.write([*near, far])
    assert photo_ids(store.search(vector(1), 1, collection="rare")) == ["far"]
    assert photo_ids(store.search(vector(1), 1, metadata={"rare": "yes"})) == ["far"]


def test_search_2000_vectors_agrees_with_brute_force(store: FaceStore) -> None:
    embeddings = unit_vectors(2000, seed=1)
    numbers = np.arange(2000)
    store.write(
        [
            indexed(
                f"p{n}",
                1,
                [embeddings[n]],
                collection=f"thirds {n % 3}",
                metadata={"tens": str(n % 10), "half": str(n % 2)},
            )
            for n in numbers
        ]
    )
    store.write([Removal(f"p{n}", 2) for n in numbers[::7]])
    there = numbers % 7 != 0
    cases = [
        (None, None, there),
        ("thirds 1", None, there & (numbers % 3 == 1)),
        (None, {"tens": "4"}, there & (numbers % 10 == 4)),
        ("thirds 0", {"tens": "5", "half": "1"}, there & (numbers % 30 == 15)),
    ]
    for collection, metadata, chosen in cases:
        recalls = []
        for query in unit_vectors(15, seed=2):
            matches = store.search(query, 20, collection=collection, metadata=metadata)
            found = np.array([int(each[1:]) for each in photo_ids(matches)])
            distances = np.array([match.distance for match in matches])
            expected = distances_to(embeddings, query)
            assert chosen[found].all()
            np.testing.assert_allclose(distances, expected[found], atol=TOLERANCE)
            assert (np.diff(distances) >= 0).all()
            assert len(matches) == min(20, chosen.sum())
            furthest = np.sort(expected[chosen])[len(matches) - 1]
            recalls.append((distances <= furthest + TOLERANCE).mean())
        assert np.mean(recalls) >= RECALL


def scored(
    photo_id: str, *scores: float, collection: str = "default", album: str = "none"
) -> IndexedPhoto:
    """A photo with a face for each detection score; the first is the nearest to vector(1)."""
    steps = [vector(1) + np.float32(place / 10) * vector(2) for place in range(len(scores))]
    whole = indexed(
        photo_id,
        1,
        [each / np.linalg.norm(each) for each in steps],
        collection=collection,
        metadata={"album": album},
    )
    faces = zip(whole.faces, scores, strict=True)
    return replace(
        whole,
        faces=tuple(
            replace(face, detected=replace(face.detected, detection_score=score))
            for face, score in faces
        ),
    )


def test_search_leaves_out_faces_of_which_the_detector_was_less_sure(store: FaceStore) -> None:
    store.write(
        [
            scored("sure", 0.95),
            scored("doubtful", 0.9),
            # Its nearest face does not count, its other does.
            scored("both", 0.2, 0.99),
            scored("elsewhere", 0.2, 0.95, collection="music", album="summer"),
        ]
    )
    for least, expected in (
        (
            0.0,
            {
                ("sure", 0),
                ("doubtful", 0),
                ("both", 0),
                ("both", 1),
                ("elsewhere", 0),
                ("elsewhere", 1),
            },
        ),
        (0.9, {("sure", 0), ("doubtful", 0), ("both", 1), ("elsewhere", 1)}),
        (0.9001, {("sure", 0), ("both", 1), ("elsewhere", 1)}),
        (0.96, {("both", 1)}),
        (1.0, set()),
    ):
        matches = store.search(vector(1), 10, min_detection_score=least)
        assert {(each.stored.photo.photo_id, each.stored.number) for each in matches} == expected
        distances = [match.distance for match in matches]
        assert distances == sorted(distances)
    summer = {"album": "summer"}
    for collection, metadata in (("music", None), (None, summer), ("music", summer)):
        (only,) = store.search(
            vector(1), 10, collection=collection, metadata=metadata, min_detection_score=0.9
        )
        assert (only.stored.photo.photo_id, only.stored.number) == ("elsewhere", 1)
    assert store.search(vector(1), 10, collection="music", min_detection_score=0.96) == []


@pytest.mark.parametrize("scope", [{}, {"collection": "one"}, {"metadata": {"of": "one"}}])
def test_photo_counts_by_its_nearest_face_that_passes(
    store: FaceStore, scope: dict[str, Any]
) -> None:
    """A face that is too unsure must not bring its photo forward."""
    query, away = vector(1), vector(2)

    def at(distance: float, score: float) -> EmbeddedFace:
        moved = query + distance * (away - (away @ query) * query)
        found = face((moved / np.linalg.norm(moved)).astype(np.float32))
        return replace(found, detected=replace(found.detected, detection_score=score))

    def photo(name: str, *faces: EmbeddedFace, collection: str = "one") -> IndexedPhoto:
        about = Photo(name, 1, collection=collection, metadata={"of": collection})
        return IndexedPhoto(about, faces)

    unsure = [
        photo(f"unsure {n:02}", at(0.05 + n / 200, 0.5), at(2 + n / 10, 0.9)) for n in range(60)
    ]
    sure = [photo(f"sure {n}", at(0.5 + n / 100, 0.9)) for n in range(3)]
    other = [photo(f"other {n}", at(0.4, 0.9), collection="two") for n in range(3 if scope else 0)]
    store.write([*unsure, *sure, *other])
    for k in (1, 3):
        matches = store.search(query, k, min_detection_score=0.8, **scope)
        assert photo_ids(matches) == ["sure 0", "sure 1", "sure 2"][:k]


def test_search_by_detection_score_fills_k_from_beyond_what_is_left_out(store: FaceStore) -> None:
    near = [scored(f"near {n:02}", 0.5) for n in range(60)]
    far = [
        replace(each, faces=(scored("x", 0.9, 0.9).faces[1],))
        for each in (scored(f"far {n}", 0.9) for n in range(3))
    ]
    store.write([*near, *far])
    matches = store.search(vector(1), 3, min_detection_score=0.8)
    assert sorted(photo_ids(matches)) == ["far 0", "far 1", "far 2"]
    # Beyond a thousand, every face is looked at.
    everything = store.search(vector(1), 1001, min_detection_score=0.8)
    assert photo_ids(everything) == photo_ids(matches)
