"""Convert distances to the probability that two faces show the same person."""

import itertools
import math
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta, Struct

# Between the fits to LFW's verification pairs for one view of a face and for two, which differ by
# less than 0.01; evaluation/calibration.py fits, and says how reliable the result is.
MIDPOINT = 1.09
STEEPNESS = 28.0

SAME_PERSON_DISTANCE = MIDPOINT
"""Where the confidence is one half."""


def confidence(distance: float) -> float:
    """Probability, 0 to 1, that faces at this L2 distance show one person.

    A logistic of the distance, for pairs of which half show one person (as LFW's do): a search
    over many faces meets more strangers, so read it as a likelihood, not as a verdict.
    """
    return 1.0 / (1.0 + math.exp(STEEPNESS * (distance - MIDPOINT)))


def distance_at(probability: float) -> float:
    """The distance, 0 to 2, whose confidence is `probability` or comes nearest to it."""
    if probability <= 0.0:
        return 2.0
    odds = (1.0 - probability) / probability
    return min(2.0, max(0.0, MIDPOINT + math.log(odds) / STEEPNESS)) if odds > 0.0 else 0.0


@dataclass(frozen=True, slots=True)
class Threshold:
    """A distance up to which two faces count as one person, and how often that is right.

    `false_accept_rate`: the share of pairs of different people that are accepted.
    `true_accept_rate`: the share of pairs of one person that are. Each person of LFW counts alike.
    """

    false_accept_rate: float
    distance: float
    true_accept_rate: float

    @property
    def confidence(self) -> float:
        """The confidence of a pair at this distance."""
        return confidence(self.distance)


THRESHOLDS = (
    Threshold(1e-2, 1.12, 0.996),
    Threshold(1e-3, 0.998, 0.983),
    Threshold(1e-4, 0.884, 0.932),
)
"""Measured on all 87 million pairs of different people in LFW's photos; the same for both recipes.

On people who had no part in the choice, the rates are within 7 % of these.
"""


Rate = Annotated[float, Meta(ge=0, le=1)]
Length = Annotated[float, Meta(ge=0, le=1e6)]
Pairs = Annotated[int, Meta(ge=0)]


class MeasuredThreshold(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
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
    """What distances of a recipe mean: measured on labelled photos, held out where it says so.

    `midpoint` and `steepness` are those of a logistic curve. `expansion_distance` is how near a
    match must be to be averaged with the query (five in 100,000 pairs of different people are);
    None where that was not measured. `thresholds` go from many false accepts to few.
    """

    midpoint: Length
    steepness: Annotated[float, Meta(gt=0, le=1e6)]
    expansion_distance: Length | None = None
    measured_on: Annotated[str, Meta(min_length=1, max_length=500)]
    same_pairs: Pairs
    different_pairs: Pairs
    thresholds: Annotated[tuple[MeasuredThreshold, ...], Meta(max_length=20)] = ()

    def __post_init__(self) -> None:
        for before, after in itertools.pairwise(self.thresholds):
            if (
                after.false_accept_rate >= before.false_accept_rate
                or after.distance > before.distance
            ):
                raise ValueError("thresholds must go from many false accepts to few")


def percent(probability: float) -> str:
    """The probability as text for people. It never says 100 %: no calibration can."""
    return ">99.9%" if probability > 0.999 else f"{probability:.1%}"
