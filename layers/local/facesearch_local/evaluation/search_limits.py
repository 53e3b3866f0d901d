"""Fit the limits of `facesearch.verdicts`: by searches, not by pairs, for people who are not there.

Pairs are not independent: some people look like many. By the rate of pairs, 60 % of searches among
9,000 faces of LFW would show a stranger where 19 % do.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import InvalidRequest
from facesearch.search_calibration import PASSING_STEP, LimitFit, SearchCalibration
from facesearch_local.evaluation.ranking import BLOCK, Vectors
from facesearch_local.evaluation.statistics import Interval, wilson

SIZES = (500, 2_000, 9_000)
"""The libraries that are measured, where there are so many photos; else even steps to all."""

FEWEST_PHOTOS, FEWEST_PEOPLE = 500, 200
STEP = 4
"""From one size of a smaller folder to the next."""

VERY_LIKELY_RATE, POSSIBLE_RATE = 0.01, 0.5
"""The share of searches for somebody who is not there that show a stranger."""

RESAMPLES = 200
SPLITS = 5
"""How often the people are halved: in those who fit a line, and those who try it."""

Distances = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class SizeLimit:
    """One size: the limit as measured there, its 95 % interval by people, and what others made.

    `safe` is the limit in use, the lower end of the fitted line's interval. `held_out`: the share
    of searches that show a stranger within the one that others' searches led to.
    """

    faces: int
    distance: float
    interval: Interval
    safe: float
    held_out: float
    held_out_interval: Interval


@dataclass(frozen=True, slots=True)
class FittedLimits:
    """What `facesearch.verdicts` needs, and how the first limit fares at each size."""

    calibration: SearchCalibration
    sizes: tuple[SizeLimit, ...]
    searches: int


class OpenSetSearches:
    """Searches with one photo of each person among random faces of the others.

    Random faces show more people than a library of as many: the limits err on the safe side.
    """

    def __init__(self, people: NDArray[np.str_], embeddings: Vectors, seed: int = 0) -> None:
        """`embeddings` (n, d). Raises `InvalidRequest` for too few photos or people."""
        photos = Counter(people.tolist())
        known = np.array([photos[person] >= 2 for person in people.tolist()], np.bool_)
        self.gallery, self.names = embeddings[known], people[known]
        if len(self.gallery) < FEWEST_PHOTOS or len(photos) < FEWEST_PEOPLE:
            raise InvalidRequest(
                f"limits of searches need {FEWEST_PEOPLE} people and {FEWEST_PHOTOS} photos of "
                f"those who have two or more: there are {len(photos):,} and {len(self.gallery):,}"
            )
        self.sizes = _sizes(len(self.gallery))
        shuffled = np.random.default_rng(seed).permutation(len(people))
        asked, first = np.unique(people[shuffled], return_index=True)
        self.searches = len(asked)
        # A row for each face of the gallery: rows are drawn, and rows are quick to copy.
        self._distances = _distances(self.gallery, embeddings[shuffled[first]])
        self._distances[self.names[:, None] == asked] = np.inf
        self._places = [np.flatnonzero(self.names == name) for name in np.unique(self.names)]

    def nearest(self, faces: int, random: np.random.Generator) -> Distances:
        """Each search's distance to the nearest of so many faces, drawn anew."""
        drawn = random.choice(len(self.gallery), faces, replace=False)
        nearest: Distances = self._distances[drawn].min(axis=0).astype(np.float64)
        return nearest

    def of_one_person(self, shares: Sequence[float]) -> tuple[float, ...]:
        """Within which distances these shares of pairs of one person are; each person counts alike.

        A person's share is split among their pairs.
        """
        pairs, weights = [], []
        for places in self._places:
            vectors = self.gallery[places]
            apart = _distances(vectors, vectors)[np.triu_indices(len(vectors), 1)]
            pairs.append(apart)
            weights.append(np.full(len(apart), 1 / len(apart)))
        all_pairs, all_weights = np.concatenate(pairs), np.concatenate(weights)
        order = np.argsort(all_pairs)
        within = np.cumsum(all_weights[order]) / all_weights.sum()
        places = np.minimum(np.searchsorted(within, shares), len(order) - 1)
        return tuple(all_pairs[order[places]].tolist())


def fit_limits(searches: OpenSetSearches, seed: int = 0) -> FittedLimits:
    """Fit both limits at the sizes, with intervals by a bootstrap over the people who search."""
    random = np.random.default_rng(seed)
    sizes = searches.sizes
    drawn = np.stack(
        [[searches.nearest(faces, random) for faces in sizes] for _ in range(RESAMPLES)]
    )
    everybody = np.arange(searches.searches)
    point, samples = _resampled(drawn, everybody, VERY_LIKELY_RATE, random)
    shares = [PASSING_STEP * step for step in range(1, round(1 / PASSING_STEP))]
    calibration = SearchCalibration(
        faces=(sizes[0], sizes[-1]),
        very_likely=_line(sizes, point, samples),
        possible=_line(sizes, *_resampled(drawn, everybody, POSSIBLE_RATE, random)),
        one_person=tuple(round(each, 3) for each in searches.of_one_person(shares)),
    )
    alarms = _held_out(calibration, drawn, sizes, random)
    return FittedLimits(
        calibration,
        tuple(
            SizeLimit(
                faces,
                float(point[place]),
                _percentiles(samples[:, place]),
                calibration.interval(calibration.very_likely, faces)[0],
                float(alarms[place]),
                wilson(round(alarms[place] * len(everybody)), len(everybody)),
            )
            for place, faces in enumerate(sizes)
        ),
        searches.searches,
    )


def nearest_stranger(queries: Vectors, gallery: Vectors) -> Distances:
    """Each query's distance to the nearest of the gallery; unit vectors."""
    similar = np.empty(len(queries))
    for start in range(0, len(queries), BLOCK):
        block = queries[start : start + BLOCK]
        similar[start : start + BLOCK] = (block @ gallery.T).max(axis=1)
    return np.sqrt(np.maximum(0, 2 - 2 * similar))


def _sizes(photos: int) -> tuple[int, ...]:
    if photos >= SIZES[-1]:
        return SIZES
    return photos // STEP**2, photos // STEP, photos


def _distances(one: Vectors, other: Vectors) -> Vectors:
    """Shape (one, other); the vectors need not be of unit length."""
    squares = np.einsum("nd,nd->n", one, one)[:, None] + np.einsum("nd,nd->n", other, other)
    squares -= 2 * one @ other.T
    apart: Vectors = np.sqrt(np.maximum(0, squares, out=squares), out=squares)
    return apart


def _resampled(
    drawn: Distances, who: Places, rate: float, random: np.random.Generator
) -> tuple[Distances, Distances]:
    """The limit at each size, (sizes,), and the same for people drawn anew, (resamples, sizes).

    `drawn`: (resamples, sizes, searches), the nearest stranger of each search.
    """
    point = np.quantile(drawn[:, :, who], rate, axis=2).mean(axis=0)
    samples = [np.quantile(each[:, random.choice(who, len(who))], rate, axis=1) for each in drawn]
    return point, np.stack(samples)


def _held_out(
    like: SearchCalibration, drawn: Distances, sizes: Sequence[int], random: np.random.Generator
) -> Distances:
    """At each size, the share of one half's searches within the limit that the other half gives."""
    shares = []
    for _ in range(SPLITS):
        halves = np.array_split(random.permutation(drawn.shape[2]), 2)
        for fitted, tried in (halves, halves[::-1]):
            fit = _line(sizes, *_resampled(drawn, fitted, VERY_LIKELY_RATE, random))
            safe = np.array([like.interval(fit, faces)[0] for faces in sizes])
            shares.append((drawn[:, :, tried] <= safe[:, None]).mean(axis=(0, 2)))
    mean: Distances = np.mean(shares, axis=0)
    return mean


def _line(sizes: Sequence[int], point: Distances, samples: Distances) -> LimitFit:
    decades = np.log10(sizes) - np.log10(sizes[0] * sizes[-1]) / 2
    slope, intercept = np.polyfit(decades, point, 1)
    slopes, intercepts = np.polyfit(decades, samples.T, 1)
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
