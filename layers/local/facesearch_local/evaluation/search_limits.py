"""Fit the limits of `facesearch.verdicts`: by searches, not by pairs, for people who are not there.

Pairs are not independent: some people look like many. By the rate of pairs, 60 % of searches among
9,000 faces would show a stranger where 19 % do.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import InvalidRequest
from facesearch.verdicts import (
    CENTRE,
    ONE_PERSON_FROM,
    ONE_PERSON_STEP,
    LimitFit,
    SearchCalibration,
)
from facesearch_local.evaluation.ranking import BLOCK, Vectors
from facesearch_local.evaluation.statistics import Interval, wilson

SIZES = (500, 2_000, 9_000)
VERY_LIKELY_RATE, POSSIBLE_RATE = 0.01, 0.5
"""The share of searches for somebody who is not there that show a stranger."""

RESAMPLES = 200
ONE_PERSON_STEPS = 17

Distances = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SizeLimit:
    """The limit at one size, its 95 % interval by people, and what others made of it.

    `held_out`: the share of the other half's searches that show a stranger within the line that
    was fitted without them, both halves together.
    """

    faces: int
    distance: float
    interval: Interval
    held_out: float
    held_out_interval: Interval


@dataclass(frozen=True, slots=True)
class FittedLimits:
    """What `facesearch.verdicts` needs, and how the first limit fares at each size."""

    calibration: SearchCalibration
    sizes: tuple[SizeLimit, ...]
    strangers: int
    people: int


class OpenSetSearches:
    """Searches for people of one photo (`strangers`) among random faces of the others.

    Random faces show more people than a library of as many: the limits err on the safe side.
    """

    def __init__(self, people: NDArray[np.str_], embeddings: Vectors) -> None:
        """`embeddings` (n, d), of unit norm. Raises `InvalidRequest` for too few photos."""
        photos = Counter(people.tolist())
        known = np.array([photos[person] >= 2 for person in people.tolist()], np.bool_)
        self.gallery, self.names = embeddings[known], people[known]
        self.queries = embeddings[~known]
        self.strangers = len(self.queries)
        if self.strangers < 200 or len(self.gallery) < SIZES[-1]:
            raise InvalidRequest(
                f"limits are measured with {SIZES[-1]:,} photos of people who have two or more, "
                f"and 200 people with one: there are {len(self.gallery):,} and {self.strangers:,}"
            )
        self._distances = np.sqrt(np.maximum(0, 2 - 2 * self.queries @ self.gallery.T))
        self._places = [np.flatnonzero(self.names == name) for name in np.unique(self.names)]

    def nearest(self, faces: int, random: np.random.Generator) -> Distances:
        """Each stranger's distance to the nearest of so many faces, drawn anew."""
        drawn = random.choice(len(self.gallery), faces, replace=False)
        nearest: Distances = self._distances[:, drawn].min(axis=1).astype(np.float64)
        return nearest

    def of_one_person(self, at: Sequence[float]) -> tuple[float, ...]:
        """The share of pairs of one person within each distance; each person counts alike."""
        shares = np.zeros(len(at))
        for places in self._places:
            vectors = self.gallery[places]
            above = np.triu_indices(len(vectors), 1)
            pairs = np.sqrt(np.maximum(0, 2 - 2 * vectors @ vectors.T))[above]
            shares += np.searchsorted(np.sort(pairs), at, side="right") / len(pairs)
        return tuple((shares / len(self._places)).tolist())


def fit_limits(searches: OpenSetSearches, seed: int = 0) -> FittedLimits:
    """Fit both limits at `SIZES`, with intervals by a bootstrap over the people."""
    random = np.random.default_rng(seed)
    drawn = [
        np.stack([searches.nearest(faces, random) for faces in SIZES]) for _ in range(RESAMPLES)
    ]
    everybody = np.arange(searches.strangers)
    resampled = [random.choice(everybody, len(everybody)) for _ in drawn]
    fits = {}
    for rate in (VERY_LIKELY_RATE, POSSIBLE_RATE):
        point = np.mean([_limits(each, everybody, rate) for each in drawn], axis=0)
        samples = np.stack(
            [_limits(each, who, rate) for each, who in zip(drawn, resampled, strict=True)]
        )
        fits[rate] = point, samples
    point, samples = fits[VERY_LIKELY_RATE]
    halves = random.permutation(everybody)
    middle = len(halves) // 2
    alarms = _held_out(drawn, halves[:middle], halves[middle:])
    at = [ONE_PERSON_FROM + ONE_PERSON_STEP * step for step in range(ONE_PERSON_STEPS)]
    return FittedLimits(
        SearchCalibration(
            _line(point, samples),
            _line(*fits[POSSIBLE_RATE]),
            tuple(round(share, 3) for share in searches.of_one_person(at)),
        ),
        tuple(
            SizeLimit(
                faces,
                float(point[place]),
                _percentiles(samples[:, place]),
                float(alarms[place]),
                wilson(round(alarms[place] * len(everybody)), len(everybody)),
            )
            for place, faces in enumerate(SIZES)
        ),
        searches.strangers,
        len(np.unique(searches.names)),
    )


def nearest_stranger(queries: Vectors, gallery: Vectors) -> Distances:
    """Each query's distance to the nearest of the gallery; unit vectors."""
    similar = np.empty(len(queries))
    for start in range(0, len(queries), BLOCK):
        block = queries[start : start + BLOCK]
        similar[start : start + BLOCK] = (block @ gallery.T).max(axis=1)
    return np.sqrt(np.maximum(0, 2 - 2 * similar))


def _limits(nearest: Distances, who: NDArray[np.intp], rate: float) -> Distances:
    """The distance at each size within which this share of searches shows somebody."""
    limits: Distances = np.quantile(nearest[:, who], rate, axis=1)
    return limits


def _held_out(
    drawn: Sequence[Distances], one: NDArray[np.intp], other: NDArray[np.intp]
) -> Distances:
    """At each size, the share of one half's searches within the other half's line."""
    shares = []
    for fitted, tried in ((one, other), (other, one)):
        limits = np.mean([_limits(each, fitted, VERY_LIKELY_RATE) for each in drawn], axis=0)
        slope, intercept = np.polyfit(_decades(), limits, 1)
        line = intercept + slope * _decades()
        shares.append(np.mean([(each[:, tried] <= line[:, None]) for each in drawn], axis=(0, 2)))
    mean: Distances = np.mean(shares, axis=0)
    return mean


def _line(point: Distances, samples: Distances) -> LimitFit:
    slope, intercept = np.polyfit(_decades(), point, 1)
    slopes, intercepts = np.polyfit(_decades(), samples.T, 1)
    return LimitFit(
        distance=round(float(intercept), 3),
        margin=_margin(intercepts),
        per_decade=round(float(slope), 4),
        per_decade_margin=_margin(slopes),
    )


def _margin(values: Distances) -> float:
    """Half the 95 % interval."""
    low, high = _percentiles(values)
    return round((high - low) / 2, 4)


def _percentiles(values: Distances) -> Interval:
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)


def _decades() -> Distances:
    return np.log10(np.array(SIZES) / CENTRE)
