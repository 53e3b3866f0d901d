"""What a distance means by the size of the library, and when a library is counted again."""

from dataclasses import replace
from typing import cast

import pytest

from facesearch.errors import StoreNotFound
from facesearch.limiter import COUNTED_FOR_S, Limiter
from facesearch.recipes.finding import DEFAULT_RECIPE, built_in
from facesearch.search_calibration import SearchCalibration
from facesearch.stores import Counts, FaceStore
from facesearch.verdicts import TRUE_MATCHES, Limits, limits_for
from facesearch.vision.identity import recipe_of


def _calibration() -> SearchCalibration:
    calibration = built_in(DEFAULT_RECIPE).description.calibration
    assert calibration is not None
    assert calibration.searches is not None
    return calibration.searches


CALIBRATION = _calibration()


def limits_of_default(faces: int, very_likely: float | None = None) -> Limits:
    return limits_for(CALIBRATION, faces, very_likely)


def test_limits_fall_as_the_library_grows() -> None:
    sizes = (500, 2_000, 9_000, 100_000)
    limits = [limits_of_default(size) for size in sizes]
    first = [each.very_likely for each in limits]
    assert None not in first
    assert first == sorted(first, reverse=True)  # type: ignore[type-var]
    assert [each.possible for each in limits] == sorted(
        (each.possible for each in limits), reverse=True
    )
    for each in limits:
        assert each.very_likely is not None
        assert each.interval is not None
        assert each.very_likely == each.interval[0] < each.interval[1], "it errs to the safe side"
        assert each.very_likely < each.possible


def test_fewer_faces_than_were_measured_count_as_the_fewest() -> None:
    for faces in (0, 1, 499):
        assert replace(limits_of_default(faces), faces=500) == limits_of_default(500)


def test_limits_beyond_what_was_measured_say_so_and_are_less_certain() -> None:
    assert limits_of_default(9_000).basis == "measured"
    assert limits_of_default(9_001).basis == "extrapolated"
    widths = []
    for faces in (2_000, 10_000, 1_000_000):
        interval = limits_of_default(faces).interval
        assert interval is not None
        widths.append(interval[1] - interval[0])
    assert widths == sorted(widths)
    assert widths[2] > 2 * widths[0]


def test_nothing_is_very_likely_where_few_true_matches_would_pass() -> None:
    limits = limits_of_default(10_000_000)
    assert limits.very_likely is None
    assert limits.passing < TRUE_MATCHES
    assert limits.verdict(0.0) == "possible"
    assert limits.verdict(1.2) == "look_alike"


def test_setting_overrides_the_size() -> None:
    for faces in (500, 10_000_000):
        limits = limits_of_default(faces, very_likely=1.1)
        assert (limits.very_likely, limits.basis, limits.interval) == (1.1, "set", None)
        assert limits.verdict(1.09) == "very_likely"
        assert limits.verdict(1.11) == "look_alike"
    assert limits_of_default(500, very_likely=0.0).verdict(0.1) == "possible"


def test_a_limit_is_within_its_verdict() -> None:
    limits = limits_of_default(500)
    assert limits.very_likely is not None
    assert limits.verdict(limits.very_likely) == "very_likely"
    assert limits.verdict(limits.very_likely + 0.001) == "possible"
    assert limits.verdict(limits.possible) == "possible"
    assert limits.verdict(limits.possible + 0.001) == "look_alike"


def test_share_of_true_matches_grows_with_the_distance() -> None:
    shares = [CALIBRATION.passing(at / 50) for at in range(101)]
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert shares[-1] == pytest.approx(0.95)
    assert CALIBRATION.passing(CALIBRATION.one_person[0]) == pytest.approx(0.05)
    middle = sum(CALIBRATION.one_person[4:6]) / 2
    assert CALIBRATION.passing(middle) == pytest.approx(0.275)


class _Counted:
    """Stands in for a store, and tells how often it was counted."""

    def __init__(self) -> None:
        self.faces, self.asked = 0, 0
        self.recipe = recipe_of(built_in(DEFAULT_RECIPE).description)

    def counts(self) -> Counts:
        self.asked += 1
        if self.faces == 0:
            raise StoreNotFound("nothing was indexed")
        return Counts(self.faces, self.faces)

    def collections(self) -> dict[str, Counts]:
        self.asked += 1
        return {"a": Counts(10, 700), "b": Counts(10, 20_000)}


def test_store_is_counted_again_after_a_minute() -> None:
    store, now = _Counted(), [0.0]
    limiter = Limiter(cast("FaceStore", store), clock=lambda: now[0])
    assert limiter.limits() == limits_of_default(0)
    store.faces = 20_000
    assert limiter.limits() == limits_of_default(0)
    now[0] = COUNTED_FOR_S + 1
    assert limiter.limits() == limits_of_default(20_000)
    assert store.asked == 2


def test_limits_of_a_collection_are_by_its_own_faces() -> None:
    limiter = Limiter(cast("FaceStore", _Counted()))
    assert limiter.limits("a") == limits_of_default(700)
    assert limiter.limits("b") == limits_of_default(20_000)
    assert limiter.limits("nowhere") == limits_of_default(0)


@pytest.mark.parametrize("name", ["whole-image", "facenet-report"])
def test_recipe_with_which_nothing_was_measured_has_no_limits(name: str) -> None:
    store = _Counted()
    store.recipe = recipe_of(built_in(name).description)
    limiter = Limiter(cast("FaceStore", store))
    assert limiter.limits() is None
    assert limiter.of_pair() is None
