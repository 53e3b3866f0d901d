"""Say what a distance means, in a library of so many faces.

The more faces are searched, the nearer the nearest stranger comes. So the limits are distances at
which a given share of searches, for people who are not there, would show somebody.
"""

import math
from dataclasses import dataclass
from typing import Literal

from facesearch.faces import Recipe

Verdict = Literal["very_likely", "possible", "look_alike"]
Basis = Literal["measured", "extrapolated", "set"]

WORDS: dict[Verdict, str] = {
    "very_likely": "very likely the same person",
    "possible": "possible",
    "look_alike": "look-alike",
}
"""For people."""

FEWEST, MOST = 500, 10_000
"""The faces of the smallest library that was measured and of the largest;
smaller ones count as the smallest."""

CENTRE = 2_000
"""Where the fits are the surest, whatever their slopes."""

ONE_PERSON_FROM, ONE_PERSON_STEP = 0.3, 0.05

TRUE_MATCHES = 0.25
"""Where fewer pairs of one person than this would pass, nothing is called very likely."""


@dataclass(frozen=True, slots=True)
class LimitFit:
    """A distance that falls with the logarithm of the faces searched; margins are of 95 %.

    `distance` is the one at `CENTRE` faces, `per_decade` what ten times more faces add.
    """

    distance: float
    margin: float
    per_decade: float
    per_decade_margin: float

    def at(self, faces: int) -> float:
        """The limit in a library of so many faces, 0 to 2."""
        return _distance(self.distance + self.per_decade * _decades(faces))

    def interval(self, faces: int) -> tuple[float, float]:
        """The limit's 95 % interval: the data's, if the line goes on as it was measured."""
        middle = self.distance + self.per_decade * _decades(faces)
        margin = math.hypot(self.margin, self.per_decade_margin * _decades(faces))
        return _distance(middle - margin), _distance(middle + margin)


@dataclass(frozen=True, slots=True)
class SearchCalibration:
    """What was fitted for one recipe.

    `very_likely`: where 1 % of searches for somebody who is not there show a stranger; `possible`:
    where half of them do. `one_person`: distances, ascending, and the share of pairs of one person
    within each.
    """

    very_likely: LimitFit
    possible: LimitFit
    one_person: tuple[float, ...]

    def passing(self, distance: float) -> float:
        """The share of pairs of one person within the distance."""
        steps = (distance - ONE_PERSON_FROM) / ONE_PERSON_STEP
        if steps < 0:
            return 0.0
        last = len(self.one_person) - 1
        below = min(last, math.floor(steps))
        left, right = self.one_person[below], self.one_person[min(last, below + 1)]
        return left + (right - left) * min(1.0, steps - below)


CALIBRATION = SearchCalibration(
    very_likely=LimitFit(0.759, 0.0204, -0.1022, 0.0317),
    possible=LimitFit(0.997, 0.0023, -0.0837, 0.0032),
    one_person=(
        *(0.005, 0.017, 0.047, 0.094, 0.171, 0.283, 0.407, 0.542, 0.664),
        *(0.773, 0.846, 0.903, 0.945, 0.97, 0.983, 0.99, 0.994),
    ),
)
"""As `python -m tests.evaluation.search_limits LFW` fits it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Up to where a match is very likely (None: nothing is), and up to where it is possible.

    `faces` are those searched. `interval` is of `very_likely`, None where it was set. `passing` is
    the share of pairs of one person within what was fitted or set.
    """

    faces: int
    very_likely: float | None
    possible: float
    basis: Basis
    interval: tuple[float, float] | None
    passing: float

    def verdict(self, distance: float) -> Verdict:
        """What this distance means."""
        if self.very_likely is not None and distance <= self.very_likely:
            return "very_likely"
        return "possible" if distance <= self.possible else "look_alike"


def limits_of(recipe: Recipe, faces: int, very_likely: float | None = None) -> Limits | None:
    """The limits of a recipe; None where they were not measured with it."""
    calibration = recipe.calibration
    if calibration is None or not calibration.by_searches:
        return None
    return limits_for(faces, very_likely)


def limits_for(
    faces: int, very_likely: float | None = None, calibration: SearchCalibration = CALIBRATION
) -> Limits:
    """The limits in a library of so many faces; `very_likely` sets the first one."""
    possible = calibration.possible.at(faces)
    if very_likely is not None:
        possible, passing = max(possible, very_likely), calibration.passing(very_likely)
        return Limits(faces, very_likely, possible, "set", None, passing)
    fitted = calibration.very_likely.at(faces)
    passing = calibration.passing(fitted)
    return Limits(
        faces,
        fitted if passing >= TRUE_MATCHES else None,
        possible,
        "measured" if faces <= MOST else "extrapolated",
        calibration.very_likely.interval(faces),
        passing,
    )


def _decades(faces: int) -> float:
    return math.log10(max(faces, FEWEST) / CENTRE)


def _distance(value: float) -> float:
    return round(min(2.0, max(0.0, value)), 3)
