"""Fit the distribution of `synthetic_faces` to the embeddings of a folder of labelled photos.

`python -m tests.benchmarks.fit_synthetic_faces LFW` writes `face_statistics.npz`. The embeddings
are the product's own; what `facesearch evaluate LFW` has embedded is not embedded again.
"""

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facesearch_local.cli.evaluate import default_cache
from facesearch_local.cli.options import read_settings
from facesearch_local.evaluation.embed_photos import PhotoResult, embed_photos
from facesearch_local.evaluation.labelled import read_labelled
from facesearch_local.evaluation.system import SHIPPED
from facesearch_local.evaluation.systems import SYSTEMS
from facesearch_local.library.walk import PhotoFile
from facesearch_local.pool import WorkerPool
from tests.benchmarks.neighbourhood import Neighbourhood, measure_neighbourhood
from tests.benchmarks.synthetic_faces import STATISTICS, FaceStatistics, write_statistics

KINDS = 32
PRIOR = 20
"""How many people the covariance of all kinds weighs in that of one kind."""
ROUNDS = 20
AXES = 20
SAME_SPREADS = tuple(product((0.1, 0.15, 0.2, 0.25), (0.15, 0.2, 0.25, 0.3)))
"""Of people and photos: the best decide how near a person's photos are."""
IDENTITY_SPREADS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
"""Then the best of these decides how near strangers are."""

_Matrix = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder of photos for each person, as LFW's")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="of embeddings")
    arguments = parser.parse_args()
    labelled = read_labelled(arguments.folder)
    embedded = embed_photos(
        SYSTEMS[SHIPPED],
        labelled.photos,
        read_settings(),
        cache_folder=arguments.cache,
        workers=os.cpu_count() or 1,
        watch=_unwatched,
    )
    _, people = np.unique(labelled.people[embedded.detected], return_inverse=True)
    lfw = measure_neighbourhood(embedded.embeddings, people)
    statistics = fit(embedded.embeddings, people, lfw)
    write_statistics(STATISTICS, statistics, lfw)
    print(f"{STATISTICS.name}: {STATISTICS.stat().st_size:,} bytes")
    print(lfw)
    print(_drawn_like(statistics, people))


def fit(
    embeddings: NDArray[np.float32], people: NDArray[np.int64], target: Neighbourhood
) -> FaceStatistics:
    """From embeddings (n, d) and whom each shows (n,), numbered from 0."""
    counts = np.bincount(people)
    means = np.zeros((len(counts), embeddings.shape[1]))
    np.add.at(means, people, embeddings)
    means /= counts[:, None]
    off = (embeddings - means[people])[counts[people] > 1]
    within = off.T @ off / (counts[counts > 1] - 1).sum()
    # A mean of n photos scatters by a share of 1/n.
    scatter = within * np.mean(1 / counts)
    weights, centres, covariances = _mixture(means)
    pooled = np.einsum("k,kij->ij", weights, covariances) - scatter
    between = _root(pooled)
    whiten = np.linalg.pinv(between, rcond=1e-4, hermitian=True)
    rest, axes, gains = [], [], []
    for covariance in covariances:
        values, vectors = np.linalg.eigh(whiten @ (covariance - scatter) @ whiten)
        values = np.maximum(values, 0)
        rest.append(values[:-AXES].mean())
        axes.append(vectors[:, -AXES:])
        gains.append(values[-AXES:] - rest[-1])
    statistics = FaceStatistics(
        weights=weights,
        means=centres.astype(np.float32),
        between=between.astype(np.float32),
        rest=np.array(rest, np.float32),
        axes=np.array(axes, np.float32),
        gains=np.array(gains, np.float32),
        within=_root(within).astype(np.float32),
        identity_spread=0.0,
        person_spread=0.0,
        photo_spread=0.0,
    )
    statistics = min(
        (
            replace(statistics, person_spread=each, photo_spread=photo)
            for each, photo in SAME_SPREADS
        ),
        key=lambda each: _same_error(_drawn_like(each, people), target),
    )
    return min(
        (replace(statistics, identity_spread=each) for each in IDENTITY_SPREADS),
        key=lambda each: _error(_drawn_like(each, people), target),
    )


def _mixture(points: _Matrix) -> tuple[_Matrix, _Matrix, _Matrix]:
    """Weights (k,), means (k, d), covariances (k, d, d) by expectation maximisation.

    Each covariance leans on that of all, as `PRIOR` people would.
    """
    random = np.random.default_rng(0)
    means = points[random.choice(len(points), KINDS, replace=False)]
    for _ in range(15):
        squares = (means**2).sum(axis=1) - 2 * points @ means.T
        nearest = np.argmin(squares, axis=1)
        means = np.stack([points[nearest == kind].mean(axis=0) for kind in np.unique(nearest)])
    shares = np.eye(KINDS)[nearest]
    for _ in range(ROUNDS):
        sizes = shares.sum(axis=0)
        weights = sizes / sizes.sum()
        means = shares.T @ points / sizes[:, None]
        scatters = np.stack(
            [
                (share[:, None] * (points - mean)).T @ (points - mean)
                for share, mean in zip(shares.T, means, strict=True)
            ]
        )
        pooled = scatters.sum(axis=0) / len(points)
        covariances = (scatters + PRIOR * pooled) / (sizes + PRIOR)[:, None, None]
        logs = np.stack(
            [_log_density(points - m, c) for m, c in zip(means, covariances, strict=True)]
        )
        logs = logs.T + np.log(weights)
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
    return weights, means, covariances


def _log_density(off: _Matrix, covariance: _Matrix) -> _Matrix:
    root = np.linalg.cholesky(covariance)
    squares = (np.linalg.solve(root, off.T) ** 2).sum(axis=0)
    result: _Matrix = -np.log(np.diag(root)).sum() - squares / 2
    return result


def _root(covariance: _Matrix) -> _Matrix:
    """The symmetric root; what estimation made negative is 0."""
    values, vectors = np.linalg.eigh(covariance)
    root: _Matrix = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root


def _drawn_like(statistics: FaceStatistics, people: NDArray[np.int64]) -> Neighbourhood:
    """As many people as were fitted, with as many photos each."""
    random = np.random.default_rng(0)
    count = int(people.max()) + 1
    means = statistics.people(count, random)
    scatters = statistics.scatters(count, random)
    return measure_neighbourhood(statistics.photos(means[people], scatters[people], random), people)


def _same_error(drawn: Neighbourhood, target: Neighbourhood) -> float:
    return float(np.abs(np.array(drawn.same) / target.same - 1).mean())


def _error(drawn: Neighbourhood, target: Neighbourhood) -> float:
    parts = [
        np.abs(np.array(drawn.quantiles()[name]) / quantiles - 1).mean()
        for name, quantiles in target.quantiles().items()
    ]
    return float(sum(parts) + abs(drawn.dimension / target.dimension - 1))


@contextmanager
def _unwatched(
    _: WorkerPool[PhotoFile, PhotoResult], missing: int
) -> Iterator[Callable[[int], None]]:
    print(f"{missing:,} photos to embed")
    yield lambda _: None


if __name__ == "__main__":
    main()
