"""The benchmark at scale scores answers rightly."""

import numpy as np
import pytest

from tests.benchmarks.scale.truth import exact_answers, nearness
from tests.benchmarks.synthetic_faces import SyntheticFaces


def test_exact_answers_are_those_of_sorting_everything() -> None:
    stream = SyntheticFaces(60_000)
    truth = exact_answers(stream.probes(20), stream)
    blocks = list(stream)
    embeddings = np.concatenate([block.embeddings for block in blocks])
    people = np.concatenate([block.people for block in blocks])
    for row, (probe, person) in enumerate(
        zip(truth.probes.embeddings, truth.probes.people, strict=True)
    ):
        distances = np.linalg.norm(embeddings - probe, axis=1)
        order = np.argsort(distances)[:20]
        np.testing.assert_allclose(truth.distances[row], distances[order], atol=1e-5)
        same = set(np.flatnonzero(people == person)) & set(order)
        assert (truth.people[row] == person).sum() == len(same)


def test_answers_are_scored_by_what_they_miss() -> None:
    stream = SyntheticFaces(20_000)
    truth = exact_answers(stream.probes(10), stream)
    exact = [[float(each) for each in row] for row in truth.distances]
    whole = nearness(truth, exact)
    assert (whole.recall, whole.same_person, whole.ratio) == (1, 1, 1)
    assert whole.same_person_faces > 10

    without_nearest = [[*row[1:], row[-1] * 1.1] for row in exact]
    missed = nearness(truth, without_nearest)
    assert missed.recall == pytest.approx(19 / 20)
    assert missed.ratio == pytest.approx(1.1)
    assert missed.same_person < 0.9

    short = nearness(truth, [row[:19] for row in exact])
    assert short.ratio == np.inf
