"""The limits of a search's verdicts, fitted to people whose distances are known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from facesearch.errors import InvalidRequest
from facesearch_local.evaluation.search_limits import (
    SIZES,
    OpenSetSearches,
    fit_limits,
    nearest_stranger,
)

STRANGERS = 1_000


def made_up(strangers: int, known: int) -> tuple[NDArray[np.str_], NDArray[np.float32]]:
    """People in 16 dimensions: strangers with a photo each, and others with two alike."""
    random = np.random.default_rng(5)
    alone = random.standard_normal((strangers, 16))
    people = np.repeat(random.standard_normal((known, 16)), 2, axis=0)
    others = people + 0.1 * random.standard_normal(people.shape)
    vectors = np.concatenate([alone, others]).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = [f"s{n}" for n in range(strangers)] + [f"k{n // 2}" for n in range(2 * known)]
    return np.array(names), vectors


def test_one_search_in_a_hundred_for_others_is_within_the_fitted_limit() -> None:
    people, vectors = made_up(STRANGERS, 4_600)
    fitted = fit_limits(OpenSetSearches(people, vectors))
    assert (fitted.strangers, fitted.people) == (STRANGERS, 4_600)
    distances = [size.distance for size in fitted.sizes]
    assert distances == sorted(distances, reverse=True)
    for size in fitted.sizes:
        assert size.interval[0] < size.distance < size.interval[1]
        assert 0.003 < size.held_out < 0.03
    # People who had no part in it.
    random = np.random.default_rng(6)
    queries = random.standard_normal((4_000, 16)).astype(np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    for faces in SIZES:
        nearest = nearest_stranger(queries, random.permutation(vectors[STRANGERS:])[:faces])
        within = fitted.calibration.very_likely.at(faces)
        assert 0.003 < float((nearest <= within).mean()) < 0.03
        half = fitted.calibration.possible.at(faces)
        assert float((nearest <= half).mean()) == pytest.approx(0.5, abs=0.1)
    # By pairs it would be another: one in a hundred pairs is far beyond.
    assert np.quantile(np.linalg.norm(queries[:1000] - vectors[:1000], axis=1), 0.01) > distances[0]


def test_too_few_photos_are_refused_with_what_there_is() -> None:
    with pytest.raises(InvalidRequest, match="there are 20 and 5"):
        OpenSetSearches(*made_up(5, 10))
