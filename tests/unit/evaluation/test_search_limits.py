"""The limits of a search's verdicts, fitted to people whose distances are known."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from facesearch.errors import InvalidRequest
from facesearch.recipes.finding import DEFAULT_RECIPE, built_in
from facesearch.recipes.writing import searches_text
from facesearch.verdicts import limits_for
from facesearch_local.evaluation.search_limits import (
    OpenSetSearches,
    fit_limits,
    nearest_stranger,
)

ROOT = Path(__file__).parents[3]
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


def test_at_most_one_search_in_a_hundred_for_others_is_within_the_limit() -> None:
    people, vectors = made_up(STRANGERS, 4_600)
    fitted = fit_limits(OpenSetSearches(people, vectors))
    assert fitted.searches == STRANGERS + 4_600
    distances = [size.distance for size in fitted.sizes]
    assert distances == sorted(distances, reverse=True)
    # People who had no part in it.
    random = np.random.default_rng(6)
    queries = random.standard_normal((4_000, 16)).astype(np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    for size in fitted.sizes:
        assert size.interval[0] < size.distance < size.interval[1]
        assert size.safe < size.distance
        assert 0.002 < size.held_out < 0.01
        limits = limits_for(fitted.calibration, size.faces)
        assert limits.interval is not None
        assert limits.interval[0] == size.safe
        nearest = nearest_stranger(queries, random.permutation(vectors[STRANGERS:])[: size.faces])
        assert 0.002 < float((nearest <= size.safe).mean()) < 0.012
        assert float((nearest <= limits.possible).mean()) == pytest.approx(0.5, abs=0.1)
    # By pairs it would be another: one in a hundred pairs is far beyond.
    assert np.quantile(np.linalg.norm(queries[:1000] - vectors[:1000], axis=1), 0.01) > distances[0]


def test_limits_of_a_smaller_folder_are_measured_up_to_its_photos() -> None:
    people, vectors = made_up(0, 400)
    # Lengths other than one are another recipe's, and no other meaning.
    short, long = (
        fit_limits(OpenSetSearches(people, length * vectors)).calibration for length in (1, 10)
    )
    assert short.faces == long.faces == (50, 800)
    assert long.very_likely.distance == pytest.approx(10 * short.very_likely.distance, rel=0.01)
    # Two photos of one person are 0.4 apart here, within what anybody else's are.
    assert short.passing(0.8) > 0.9
    assert limits_for(short, 800).very_likely is not None
    assert limits_for(short, 801).basis == "extrapolated"


def test_nobody_is_searched_for_among_their_own_photos() -> None:
    people, vectors = made_up(0, 400)
    searches = OpenSetSearches(people, vectors)
    nearest = searches.nearest(800, np.random.default_rng(0))
    assert nearest.min() > 0.45, "the other photo of each is nearer"


def test_too_few_photos_are_refused_with_what_there_is() -> None:
    with pytest.raises(InvalidRequest, match="there are 30 and 20"):
        OpenSetSearches(*made_up(20, 10))


def test_figures_in_the_documents_are_those_of_the_run() -> None:
    run = (ROOT / "tests/evaluation/results/search_limits.md").read_text()
    calibration = built_in(DEFAULT_RECIPE).description.calibration
    assert calibration is not None
    assert calibration.searches is not None
    assert searches_text(calibration.searches) in run
    written = (ROOT / "tests/evaluation/README.md").read_text()
    rows = [line for line in run.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 3 + 2 + 3
    for row in rows:
        assert row in written
    assert any(row.startswith("| 1,000,000, synthetic") for row in rows)
