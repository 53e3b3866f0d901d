"""Say what a distance means, in a library of so many faces.

The more faces are searched, the nearer the nearest stranger comes. So the limits are distances at
which a given share of searches, for people who are not there, would show somebody.
"""

from dataclasses import dataclass
from typing import Literal

from facesearch.faces import Recipe
from facesearch.search_calibration import SearchCalibration

Verdict = Literal["very_likely", "possible", "look_alike"]
Basis = Literal["measured", "extrapolated", "set"]

WORDS: dict[Verdict, str] = {
    "very_likely": "very likely the same person",
    "possible": "possible",
    "look_alike": "look-alike",
}
"""For people."""

TRUE_MATCHES = 0.25
"""Where fewer pairs of one person than this would pass, nothing is called very likely."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Up to where a match is very likely (None: nothing is), and up to where it is possible.

    `faces` are those searched. `interval` is of the fitted limit, of which `very_likely` is the
    lower end; None where it was set. `passing` is the share of pairs of one person within it.
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
    """The limits of a recipe in a library of so many faces; None where they were not measured.

    `very_likely` sets the first one.
    """
    calibration = recipe.calibration.searches if recipe.calibration else None
    return limits_for(calibration, faces, very_likely) if calibration else None


def limits_for(
    calibration: SearchCalibration, faces: int, very_likely: float | None = None
) -> Limits:
    """The limits as they were calibrated; `very_likely` sets the first one."""
    possible = calibration.limit(calibration.possible, faces)
    if very_likely is not None:
        possible, passing = max(possible, very_likely), calibration.passing(very_likely)
        return Limits(faces, very_likely, possible, "set", None, passing)
    interval = calibration.interval(calibration.very_likely, faces)
    # The fit errs to both sides: at its lower end, 1 % is the most that is to be expected.
    safe = interval[0]
    passing = calibration.passing(safe)
    return Limits(
        faces,
        safe if passing >= TRUE_MATCHES else None,
        possible,
        "measured" if faces <= calibration.faces[1] else "extrapolated",
        interval,
        passing,
    )
