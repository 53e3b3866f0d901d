"""What was fitted of a recipe's searches: how near strangers come in libraries of any size."""

import bisect
import math
from typing import Annotated

from msgspec import Meta, Struct

Distance = Annotated[float, Meta(ge=0, le=1e6)]
Change = Annotated[float, Meta(ge=-1e6, le=1e6)]
Faces = Annotated[int, Meta(ge=1, le=1_000_000_000)]

PASSING_STEP = 0.05
"""Between the shares of `SearchCalibration.one_person`: 5 %, 10 % and so on to 95 %."""
_STEPS = round(1 / PASSING_STEP) - 1


class LimitFit(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A distance that falls with the logarithm of the faces searched; margins are of 95 %.

    `distance` is the one in the middle of what was measured, `per_decade` what ten times more
    faces add.
    """

    distance: Distance
    margin: Distance
    per_decade: Change
    per_decade_margin: Distance


class SearchCalibration(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was fitted for one recipe, on libraries of `faces` (the fewest, the most).

    `very_likely`: where 1 % of searches for somebody who is not there show a stranger; `possible`:
    where half of them do. `one_person`: distances, ascending, within which 5 %, 10 % and so on of
    the pairs of one person are.
    """

    faces: tuple[Faces, Faces]
    very_likely: LimitFit
    possible: LimitFit
    one_person: Annotated[tuple[Distance, ...], Meta(min_length=_STEPS, max_length=_STEPS)]

    def __post_init__(self) -> None:
        fewest, most = self.faces
        if fewest >= most:
            raise ValueError("faces must be the fewest, then the most that were measured")
        if sorted(self.one_person) != list(self.one_person):
            raise ValueError("one_person must be ascending")

    def limit(self, fit: LimitFit, faces: int) -> float:
        """The limit in a library of so many faces; smaller ones count as the smallest measured."""
        return _rounded(fit.distance + fit.per_decade * self.decades(faces))

    def interval(self, fit: LimitFit, faces: int) -> tuple[float, float]:
        """The limit's 95 % interval: the data's, if the line goes on as it was measured."""
        decades = self.decades(faces)
        middle = fit.distance + fit.per_decade * decades
        margin = math.hypot(fit.margin, fit.per_decade_margin * decades)
        return _rounded(middle - margin), _rounded(middle + margin)

    def passing(self, distance: float) -> float:
        """The share of pairs of one person within the distance."""
        below = bisect.bisect_right(self.one_person, distance)
        if below == 0:
            return PASSING_STEP * distance / self.one_person[0] if self.one_person[0] else 0.0
        share = PASSING_STEP * below
        if below == len(self.one_person):
            return share
        left, right = self.one_person[below - 1 : below + 1]
        return share + PASSING_STEP * (distance - left) / (right - left)

    def decades(self, faces: int) -> float:
        """From the middle of what was measured, by the logarithm, to so many faces."""
        fewest, most = self.faces
        return math.log10(max(faces, fewest)) - math.log10(fewest * most) / 2


def _rounded(distance: float) -> float:
    return round(max(0.0, distance), 3)
