"""How far figures may be off by the luck of the draw: 95 % intervals."""

import math

import numpy as np
from numpy.typing import NDArray

Interval = tuple[float, float]

_Z = 1.959964
_RESAMPLES = 1000


def wilson(share: float, count: int) -> Interval:
    """Of a share of `count` independent things (Wilson 1927)."""
    if count == 0:
        return 0.0, 1.0
    middle = share + _Z**2 / (2 * count)
    half = _Z * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    scale = 1 + _Z**2 / count
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def bootstrap(values: NDArray[np.float64], owners: NDArray[np.str_], seed: int = 0) -> Interval:
    """Of the mean of `values` (n,), when people, not their photos, are drawn anew.

    A person's photos are alike: taken as independent, they would promise too narrow an interval.
    """
    _, owner = np.unique(owners, return_inverse=True)
    sums = np.bincount(owner, weights=values)
    counts = np.bincount(owner).astype(np.float64)
    people = len(sums)
    drawn = np.random.default_rng(seed).multinomial(
        people, np.full(people, 1 / people), size=_RESAMPLES
    )
    low, high = np.percentile((drawn @ sums) / (drawn @ counts), (2.5, 97.5))
    return float(low), float(high)
