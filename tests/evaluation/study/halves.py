"""Identification by halves of the people: does what one half would choose hold on the other?"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from facesearch_local.evaluation.identification import QueryScores


@dataclass(frozen=True, slots=True)
class Half:
    """Shares of the queries for this half of the people, among the photos of everybody."""

    queries: int
    rank_1: float
    recall_at_20: float
    map_at_20: float


Halves = tuple[Half, Half]


def by_half(scores: QueryScores) -> Halves | None:
    """The queries of each half; None when a half has nobody to look for."""
    half = np.array([half_of(person) for person in scores.owners.tolist()])
    if not (0 in half and 1 in half):
        return None
    return _mean(scores, half == 0), _mean(scores, half == 1)


def choices(halves: Mapping[str, Halves]) -> tuple[str, str]:
    """The system that each half would choose, by its mAP@20; the first of equals."""
    first, second = (
        max(halves, key=lambda name: halves[name][number].map_at_20) for number in (0, 1)
    )
    return first, second


def half_of(person: str) -> int:
    """0 or 1, by a hash of the name: nobody drew it, and it never changes."""
    return sha256(person.encode()).digest()[0] % 2


def _mean(scores: QueryScores, asked: NDArray[np.bool_]) -> Half:
    each = (scores.first, scores.recall, scores.average_precision)
    return Half(int(asked.sum()), *(float(values[asked].mean()) for values in each))
