"""Identification by halves of the people: does what one half would choose hold on the other?"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from facesearch.evaluation.identification import Retrieval, count_found


@dataclass(frozen=True, slots=True)
class Half:
    """Shares of the queries for this half of the people, among the photos of everybody."""

    queries: int
    rank_1: float
    recall_at_20: float
    map_at_20: float


Halves = tuple[Half, Half]


def by_half(people: NDArray[np.str_], missed: NDArray[np.str_], found: Retrieval) -> Halves | None:
    """As `count_found`, for each half; None when a half has nobody to look for."""
    first, second = (_count(people, missed, found, number) for number in (0, 1))
    return (first, second) if first and second else None


def choices(halves: Mapping[str, Halves]) -> tuple[str, str]:
    """The system that each half would choose, by its mAP@20; the first of equals."""
    first, second = (
        max(halves, key=lambda name: halves[name][number].map_at_20) for number in (0, 1)
    )
    return first, second


def half_of(person: str) -> int:
    """0 or 1, by a hash of the name: nobody drew it, and it never changes."""
    return sha256(person.encode()).digest()[0] % 2


def _count(
    people: NDArray[np.str_], missed: NDArray[np.str_], found: Retrieval, number: int
) -> Half | None:
    asked, lost = _within(people[found.queries], number), _within(missed, number)
    part = Retrieval(found.queries[asked], found.order[asked], found.distances[asked])
    if not len(part.queries):
        return None
    counted = count_found(people, missed[lost], part)
    return Half(counted.queries, counted.rank_1, counted.recall_at_20, counted.map_at_20)


def _within(people: NDArray[np.str_], number: int) -> NDArray[np.bool_]:
    return np.array([half_of(person) == number for person in people.tolist()], np.bool_)
