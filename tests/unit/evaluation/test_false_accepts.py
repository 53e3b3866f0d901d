"""Rates over all pairs are those that counting pair by pair gives."""

import numpy as np
import pytest

from facesearch_local.evaluation.false_accepts import accept_rates


def test_rates_are_those_of_every_pair() -> None:
    random = np.random.default_rng(7)
    names = np.array([f"p{number:02}" for number in range(40) for _ in range(1 + number % 4)])
    middles = np.repeat(random.normal(size=(40, 16)), [1 + number % 4 for number in range(40)], 0)
    vectors = (middles + 0.6 * random.normal(size=(len(names), 16))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    (rates,) = accept_rates(names, vectors, [0.05])

    one, other = np.triu_indices(len(names), 1)
    distances = np.linalg.norm(vectors[one] - vectors[other], axis=1)
    same = names[one] == names[other]
    accepted = distances <= rates.distance
    strangers = int((~same).sum())
    assert accepted[~same].sum() == pytest.approx(0.05 * strangers, abs=2)
    by_person = [
        accepted[same & (names[one] == name)].mean()
        for name in np.unique(names)
        if (same & (names[one] == name)).any()
    ]
    assert rates.true_accept_rate == pytest.approx(np.mean(by_person), abs=1e-6)
    assert 0 < rates.held_out < 0.2


def test_held_out_rate_shows_that_a_fold_is_unlike_the_others() -> None:
    # Everybody is far apart, but the two people of one fold are alike.
    names = np.array([f"p{number:02}" for number in (*range(20), 0)])
    vectors = np.vstack([np.eye(20), np.eye(20)[0]]).astype(np.float32)
    fold = np.random.default_rng(1).permutation(20) % 10
    alike = np.flatnonzero(fold == fold[1])
    vectors[alike[1]] = vectors[alike[0]]
    (rates,) = accept_rates(names, vectors, [0.001])
    assert rates.held_out == pytest.approx(0.1)


def test_too_few_people_for_the_folds_give_no_rates() -> None:
    names = np.array([f"p{number:02}" for number in range(19)])
    assert accept_rates(names, np.eye(19, dtype=np.float32), [0.01]) == []
