"""What decides how hard faces are to search: distances of pairs and neighbours, local dimension."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

RANK = 20
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Of which quantiles are taken. The outermost of LFW are its wrong labels."""


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Distances between unit vectors, as quantiles at `SHARES`, and the local intrinsic dimension.

    `same`: two photos of a person, everybody once. The others are of one photo a person, so they
    are between strangers: `different` of all pairs, `nearest` and `at_rank_20` from each photo.
    `dimension` is the maximum likelihood estimate from 20 neighbours (Levina and Bickel 2004, mean
    of inverses as MacKay and Ghahramani).
    """

    same: tuple[float, ...]
    different: tuple[float, ...]
    nearest: tuple[float, ...]
    at_rank_20: tuple[float, ...]
    dimension: float

    def quantiles(self) -> dict[str, tuple[float, ...]]:
        return {name: value for name, value in asdict(self).items() if name != "dimension"}


def measure_neighbourhood(
    embeddings: NDArray[np.float32], people: NDArray[np.int64], seed: int = 0
) -> Neighbourhood:
    """`embeddings` (n, d) and whom each shows (n,). The photos that count are drawn by `seed`."""
    drawn = np.random.default_rng(seed).permutation(len(people))
    by_person = drawn[np.argsort(people[drawn], kind="stable")]
    starts = np.flatnonzero(np.diff(people[by_person], prepend=-1))
    first = embeddings[by_person[starts]]
    several = starts[np.diff(starts, append=len(people)) > 1]
    second = embeddings[by_person[several + 1]]
    same = np.linalg.norm(embeddings[by_person[several]] - second, axis=1)
    distances = np.sqrt(np.maximum(2 - 2 * (first @ first.T), 0))
    np.fill_diagonal(distances, np.inf)
    nearest = np.sort(np.partition(distances, RANK - 1, axis=1)[:, :RANK], axis=1)
    return Neighbourhood(
        same=_quantiles(same),
        different=_quantiles(distances[np.triu_indices(len(first), 1)][::7]),
        nearest=_quantiles(nearest[:, 0]),
        at_rank_20=_quantiles(nearest[:, -1]),
        dimension=local_dimension(nearest),
    )


def local_dimension(nearest: NDArray[np.floating]) -> float:
    """From the distances (n, k) of the k nearest of each of n, in ascending order."""
    inverses = -np.mean(np.log(nearest[:, :-1] / nearest[:, -1:]), axis=1)
    return float(1 / np.mean(inverses))


def _quantiles(values: NDArray[np.floating]) -> tuple[float, ...]:
    return tuple(round(float(each), 4) for each in np.quantile(values, SHARES))
