"""Convert distances to the probability that two faces show the same person."""

import itertools
import math
from typing import Annotated

from msgspec import Meta, Struct

from facesearch.search_calibration import SearchCalibration

Rate = Annotated[float, Meta(ge=0, le=1)]
Length = Annotated[float, Meta(ge=0, le=1e6)]
Pairs = Annotated[int, Meta(ge=0)]

_LARGEST_EXPONENT = 700.0
"""Of a float64: beyond it, the probability is 0 anyway."""


class Threshold(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A distance up to which two faces count as one person, and how often that is right.

    `false_accept_rate`: the share of pairs of different people that are accepted.
    `true_accept_rate`: the share of pairs of one person that are. The intervals (95 %) are of the
    rates that people who had no part in the choice of the distance have; None: not measured.
    """

    false_accept_rate: Rate
    distance: Length
    true_accept_rate: Rate
    false_accept_interval: tuple[Rate, Rate] | None = None
    true_accept_interval: tuple[Rate, Rate] | None = None


class Calibration(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What distances of a recipe mean, measured on labelled photos.

    `midpoint` and `steepness` are those of a logistic curve. `expansion_distance` is how near a
    match must be to be averaged with the query (five in 100,000 pairs of different people are);
    None where that was not measured. `searches`: what was fitted of whole searches, None where
    that was not. `thresholds` go from many false accepts to few.
    """

    midpoint: Length
    steepness: Annotated[float, Meta(gt=0, le=1e6)]
    expansion_distance: Length | None = None
    searches: SearchCalibration | None = None
    measured_on: Annotated[str, Meta(min_length=1, max_length=500)]
    same_pairs: Pairs
    different_pairs: Pairs
    thresholds: Annotated[tuple[Threshold, ...], Meta(max_length=20)] = ()

    def __post_init__(self) -> None:
        for before, after in itertools.pairwise(self.thresholds):
            fewer = after.false_accept_rate < before.false_accept_rate
            if not fewer or after.distance > before.distance:
                raise ValueError("thresholds must go from many false accepts to few")

    @property
    def same_person_distance(self) -> float:
        """Where the confidence is one half."""
        return self.midpoint

    def confidence(self, distance: float) -> float:
        """Probability, 0 to 1, that faces at this L2 distance show one person.

        A logistic of the distance, for pairs of which half show one person (as LFW's do): a search
        over many faces meets more strangers, so read it as a likelihood, not as a verdict.
        """
        exponent = self.steepness * (distance - self.midpoint)
        return 1.0 / (1.0 + math.exp(min(exponent, _LARGEST_EXPONENT)))

    def distance_at(self, probability: float) -> float:
        """The distance whose confidence is `probability` or comes nearest to it.

        Infinite for 0: every distance has as much.
        """
        if probability <= 0.0:
            return math.inf
        odds = (1.0 - probability) / probability
        return max(0.0, self.midpoint + math.log(odds) / self.steepness) if odds > 0.0 else 0.0


def percent(probability: float) -> str:
    """The probability as text for people. It never says 100 %: no calibration can."""
    return ">99.9%" if probability > 0.999 else f"{probability:.1%}"
