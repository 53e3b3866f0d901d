"""Made-up faces are as hard to tell apart as real ones."""

from collections.abc import Iterable

import numpy as np
import pytest

from tests.benchmarks.neighbourhood import SHARES, measure_neighbourhood
from tests.benchmarks.synthetic_faces import (
    STATISTICS,
    ExtendedFaces,
    Faces,
    SyntheticFaces,
    measured_of_lfw,
    synthetic_photos,
)

LFW_PEOPLE = 5749


def _all(faces: Iterable[Faces]) -> Faces:
    blocks = list(faces)
    return Faces(
        np.concatenate([block.embeddings for block in blocks]),
        np.concatenate([block.people for block in blocks]),
    )


def test_distances_and_local_dimension_are_those_of_lfw() -> None:
    faces = _all(SyntheticFaces(4 * LFW_PEOPLE))
    # Distances to neighbours depend on how many people there are.
    chosen = np.unique(faces.people)[:LFW_PEOPLE]
    assert len(chosen) == LFW_PEOPLE
    of_chosen = np.isin(faces.people, chosen)
    lfw = measured_of_lfw()
    drawn = measure_neighbourhood(faces.embeddings[of_chosen], faces.people[of_chosen])
    for name, quantiles in lfw.quantiles().items():
        found = drawn.quantiles()[name]
        assert found == pytest.approx(quantiles, rel=0.08), (name, SHARES)
        assert found[2] == pytest.approx(quantiles[2], rel=0.03), name
    assert drawn.dimension == pytest.approx(lfw.dimension, rel=0.1)


def test_plain_normal_vectors_would_not_pass() -> None:
    random = np.random.default_rng(0)
    vectors = random.standard_normal((LFW_PEOPLE, 128)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    people = np.repeat(np.arange(LFW_PEOPLE // 4 + 1), 4)[:LFW_PEOPLE]
    assert measure_neighbourhood(vectors, people).dimension > 1.5 * measured_of_lfw().dimension


def test_stream_is_exact_and_repeats_and_probes_are_new_photos_of_its_people() -> None:
    faces = _all(SyntheticFaces(50_001, seed=3))
    assert faces.embeddings.shape == (50_001, 128)
    np.testing.assert_allclose(np.linalg.norm(faces.embeddings, axis=1), 1, atol=1e-6)
    photos = np.unique(faces.people, return_counts=True)[1]
    assert photos.max() <= 7
    assert photos.mean() == pytest.approx(4, rel=0.05)
    again = _all(SyntheticFaces(50_001, seed=3))
    np.testing.assert_array_equal(again.embeddings, faces.embeddings)
    other = next(iter(SyntheticFaces(50_001, seed=4)))
    assert not np.array_equal(other.embeddings[:10], faces.embeddings[:10])

    probes = SyntheticFaces(50_001, seed=3).probes(200)
    assert np.isin(probes.people, faces.people).all()
    distances = np.sqrt(2 - 2 * np.clip(probes.embeddings @ faces.embeddings.T, -1, 1))
    assert distances.min() > 0.1
    same = distances[probes.people[:, None] == faces.people]
    assert np.median(same) == pytest.approx(measured_of_lfw().same[2], rel=0.07)


def test_larger_streams_hold_little_in_memory_at_once() -> None:
    blocks = iter(SyntheticFaces(10_000_000))
    assert 0 < len(next(blocks).people) <= 4200


def test_a_persons_photos_are_far_apart_in_the_stream() -> None:
    people = _all(SyntheticFaces(200_000)).people
    order = np.argsort(people, kind="stable")
    gaps = np.diff(order)[np.diff(people[order]) == 0]
    assert np.median(gaps) > 20_000
    assert np.mean(gaps < 1000) < 0.05


def test_photos_name_their_person() -> None:
    photos = list(synthetic_photos(SyntheticFaces(300)))
    (block, *_) = SyntheticFaces(300)
    assert [int(each.photo.photo_id.split("/")[3]) for each in photos][:20] == (
        block.people[:20].tolist()
    )
    assert len({each.photo.photo_id for each in photos}) == 300
    np.testing.assert_array_equal(photos[7].faces[0].embedding, block.embeddings[7])


def test_what_is_committed_is_small_and_holds_no_faces() -> None:
    assert STATISTICS.stat().st_size < 200_000


def test_extended_stream_begins_as_the_earlier_and_goes_on_with_other_people() -> None:
    first, extended = _all(SyntheticFaces(10_000)), _all(ExtendedFaces(10_000, 30_000))
    assert len(extended.people) == 30_000
    np.testing.assert_array_equal(extended.embeddings[:10_000], first.embeddings)
    np.testing.assert_array_equal(extended.people[:10_000], first.people)
    assert not set(extended.people[:10_000]) & set(extended.people[10_000:])
    probes = ExtendedFaces(10_000, 30_000).probes(300)
    assert len(probes.people) == 300
    late = probes.people >= SyntheticFaces(10_000).people
    assert late.sum() == 200
    # Each is nearest to the person's own mean.
    for probe, person in zip(probes.embeddings, probes.people, strict=True):
        own = extended.embeddings[extended.people == person]
        assert len(own)
        assert np.linalg.norm(own - probe, axis=1).min() < 1.2


def test_photos_from_a_place_on_are_those_that_a_whole_run_would_give() -> None:
    stream = SyntheticFaces(20_000)
    whole = list(synthetic_photos(stream))[17_000:]
    rest = list(synthetic_photos(stream, 17_000))
    assert [each.photo for each in rest] == [each.photo for each in whole]
    np.testing.assert_array_equal(rest[0].faces[0].embedding, whole[0].faces[0].embedding)


def test_stream_is_extended_again() -> None:
    twice, once = _all(ExtendedFaces(5_000, 10_000, 20_000)), _all(ExtendedFaces(5_000, 10_000))
    assert len(twice.people) == 20_000
    np.testing.assert_array_equal(twice.embeddings[:10_000], once.embeddings)
    np.testing.assert_array_equal(twice.people[:10_000], once.people)
    assert not set(twice.people[:10_000]) & set(twice.people[10_000:])
    probes = ExtendedFaces(5_000, 10_000, 20_000).probes(200)
    assert (probes.people > once.people.max()).sum() == 100
