"""Open set: people of whom there is one photo only are searched among all the others.

They have no other photo, so whatever is accepted is a false alarm.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch_local.evaluation.ranking import BLOCK, Vectors
from facesearch_local.evaluation.statistics import Interval, wilson

FALSE_ALARM_RATES = (1e-2, 1e-1)


@dataclass(frozen=True, slots=True)
class OpenSetRates:
    """Shares at one threshold on the distance.

    `false_alarms`: impostors with anybody within it. `identified`: queries of known people whose
    nearest photo is their own, and within it. The interval is 95 %.
    """

    distance: float
    false_alarms: float
    false_alarms_interval: Interval
    identified: float


@dataclass(frozen=True, slots=True)
class OpenSet:
    """Known people have two photos or more (leave one out), impostors one.

    `at_rate`: by the allowed share of false alarms. `at_suggested`: at given thresholds. An
    impostor without a vector is no alarm, a query without one is not identified.
    """

    gallery: int
    impostors: int
    known: int
    at_rate: dict[float, OpenSetRates]
    at_suggested: tuple[OpenSetRates, ...]


def open_set(
    people: NDArray[np.str_],
    embeddings: Vectors,
    missed: NDArray[np.str_],
    thresholds: Sequence[float] = (),
) -> OpenSet | None:
    """None where there is nobody to play the impostor, or no gallery."""
    photos_of = Counter([*people.tolist(), *missed.tolist()])
    known = np.array([photos_of[person] >= 2 for person in people.tolist()], np.bool_)
    impostors = sum(number == 1 for number in photos_of.values())
    queries = sum(number for number in photos_of.values() if number >= 2)
    if impostors == 0 or known.sum() < 2:
        return None
    gallery, names = embeddings[known], people[known]
    alarms, _ = _nearest_of(embeddings[~known], gallery, leave_out_own=False)
    distances, place = _nearest_of(gallery, gallery, leave_out_own=True)
    right = np.sort(distances[names[place] == names])
    alarms = np.sort(alarms)

    def at(distance: float) -> OpenSetRates:
        false = int(np.searchsorted(alarms, distance, side="right"))
        true = int(np.searchsorted(right, distance, side="right"))
        interval = wilson(false, impostors)
        return OpenSetRates(distance, false / impostors, interval, true / queries)

    return OpenSet(
        gallery=len(gallery),
        impostors=impostors,
        known=queries,
        at_rate={
            rate: at(_just_below(alarms, int(rate * impostors))) for rate in FALSE_ALARM_RATES
        },
        at_suggested=tuple(at(distance) for distance in thresholds),
    )


def _just_below(alarms: NDArray[np.float64], allowed: int) -> float:
    """The largest distance with no more than `allowed` alarms within it."""
    if allowed >= len(alarms):
        return float(alarms[-1]) if len(alarms) else np.inf
    return float(np.nextafter(alarms[allowed], -np.inf))


def _nearest_of(
    queries: Vectors, gallery: Vectors, *, leave_out_own: bool
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Each query's distance to its nearest in the gallery, and the place of that."""
    squares = np.einsum("nd,nd->n", gallery, gallery)
    places = np.empty(len(queries), np.intp)
    for start in range(0, len(queries), BLOCK):
        block = queries[start : start + BLOCK]
        far = squares - 2 * (block @ gallery.T)
        if leave_out_own:
            own = np.arange(len(block))
            far[own, start + own] = np.inf
        places[start : start + BLOCK] = far.argmin(axis=1)
    distances: NDArray[np.float64] = np.linalg.norm(
        (queries - gallery[places]).astype(np.float64), axis=1
    )
    return distances, places
