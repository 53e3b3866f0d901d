"""The statistics of the evaluation, by scikit-learn and SciPy: the extra `evaluate`.

Both are imported where they are used, so that commands start quickly and run without the extra.
"""

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import SettingsError

Distances = NDArray[np.float64]
"""Shape (n,), one a pair; infinite where a photo has no vector, so that no threshold accepts it."""

Labels = NDArray[np.bool_]
"""Shape (n,): whether a pair shows one person."""

Interval = tuple[float, float]
"""A 95 % confidence interval."""

CONFIDENCE_LEVEL = 0.95
RESAMPLES = 10_000
RIDGE = 1e-3
"""Only keeps the fit finite where distance separates all pairs."""


PACKAGES = "sklearn", "scipy", "matplotlib"


def require_statistics() -> None:
    """Raises `SettingsError` unless scikit-learn, SciPy and matplotlib are installed."""
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        raise SettingsError(
            f"the evaluation needs scikit-learn, SciPy and matplotlib, and this Python has no "
            f"{' and no '.join(missing)}: pip install 'facesearch[evaluate]'; in the "
            "project's folder, run .venv/bin/python -m pip install --require-hashes -r "
            "requirements-evaluate.txt"
        )


def wilson(successes: int, count: int) -> Interval:
    """The interval of a share of `count` independent trials (Wilson 1927)."""
    from scipy.stats import binomtest

    if count == 0:
        return 0.0, 1.0
    low, high = binomtest(successes, count).proportion_ci(CONFIDENCE_LEVEL, "wilson")
    return float(low), float(high)


def bootstrap_by_person(values: NDArray[np.float64], people: NDArray[np.str_]) -> Interval:
    """The interval of the mean of `values` (n,), by resampling people, not their photos.

    Photos of one person are alike: as independent samples they would give too narrow an interval.
    """
    from scipy.stats import bootstrap

    _, person = np.unique(people, return_inverse=True)
    sums, counts = np.bincount(person, weights=values), np.bincount(person)
    if len(sums) == 1:
        return float(values.mean()), float(values.mean())

    def mean(sums: NDArray[np.float64], counts: NDArray[np.intp], axis: int) -> Distances:
        means: Distances = sums.sum(axis=axis) / counts.sum(axis=axis)
        return means

    low, high = bootstrap(
        (sums, counts),
        mean,
        paired=True,
        n_resamples=RESAMPLES,
        batch=1000,  # bounds the memory
        confidence_level=CONFIDENCE_LEVEL,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(low), float(high)


def roc(distances: Distances, same: Labels) -> tuple[Distances, Distances, Distances]:
    """Thresholds, ascending, and the shares of different and of same pairs that each accepts.

    There are pairs of both kinds.
    """
    from sklearn.metrics import roc_curve

    false, true, scores = roc_curve(same, _scores(distances), drop_intermediate=False)
    # The first accepts nothing; an infinite distance is none to choose.
    finite = slice(1, 1 + len(np.unique(distances[np.isfinite(distances)])))
    return -scores[finite], false[finite], true[finite]


def auc(distances: Distances, same: Labels) -> float:
    """How often a pair of one person is nearer than a pair of two; a tie counts half."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(same, _scores(distances)))


def _scores(distances: Distances) -> Distances:
    """High for near pairs, and finite: pairs without a distance are the farthest."""
    finite = np.isfinite(distances)
    return -np.where(finite, distances, distances[finite].max(initial=0.0) + 1)


@dataclass(frozen=True, slots=True)
class Logistic:
    """The probability of one person: one half at `midpoint`, falling with the distance."""

    midpoint: float
    steepness: float

    def __call__(self, distances: Distances) -> NDArray[np.float64]:
        probabilities: NDArray[np.float64] = 1 / (
            1 + np.exp(self.steepness * (distances - self.midpoint))
        )
        return probabilities


def fit_logistic(distances: Distances, same: Labels) -> Logistic:
    """The likeliest for finite distances of pairs of both kinds."""
    from sklearn.linear_model import LogisticRegression

    inputs = np.column_stack([np.ones_like(distances), distances])
    model = LogisticRegression(
        C=1 / RIDGE, fit_intercept=False, solver="newton-cholesky", tol=1e-10
    ).fit(inputs, same)
    intercept, slope = model.coef_[0]
    return Logistic(float(-intercept / slope), float(-slope))
