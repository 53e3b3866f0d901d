"""The monthly bill: its arithmetic, and its prices."""

import pytest

from facesearch.errors import InvalidRequest
from facesearch.planning.capacity import REDUNDANCY, Workload, size
from facesearch_local.planning.costs import (
    FEATURES,
    PRICES,
    CostLine,
    Features,
    monthly_costs,
    with_prices,
)

WORKLOAD = Workload(faces=100_000_000, searches_a_second=50, photos_a_day=1_000_000)
SIZING = size(WORKLOAD, REDUNDANCY["prod"])


@pytest.fixture
def bill() -> dict[str, CostLine]:
    return {line.what: line for line in monthly_costs(WORKLOAD, SIZING, PRICES, FEATURES["prod"])}


def test_bill_counts_nodes_by_the_hour(bill: dict[str, CostLine]) -> None:
    nodes = bill["index: data nodes"]
    assert nodes.quantity == 730 * SIZING.index.nodes
    assert nodes.usd == pytest.approx(730 * SIZING.index.nodes * SIZING.index.node.usd_an_hour)
    assert bill["index: managers"].quantity == 730 * 3


def test_bill_counts_searches_by_the_million(bill: dict[str, CostLine]) -> None:
    # 50 a second for 730 hours.
    assert bill["search: API"].quantity == pytest.approx(131.4)
    assert bill["search: API"].usd == pytest.approx(459.9)


def test_bill_counts_compute_by_memory_and_time(bill: dict[str, CostLine]) -> None:
    # 131.4 million searches of 0.2 s in 1,769 MB.
    assert bill["search: compute"].quantity == pytest.approx(131.4e6 * 0.2 * 1769 / 1024)
    # A million photos a day, 30.4 days, of 0.15 s in 2,048 MB.
    assert bill["indexing: compute"].quantity == pytest.approx(1e6 * 730 / 24 * 0.15 * 2)


def test_bill_counts_every_stored_photo(bill: dict[str, CostLine]) -> None:
    # 1.2 faces and 3 MB a photo.
    assert bill["photos: storage"].quantity == pytest.approx(100e6 / 1.2 * 0.003)


@pytest.mark.parametrize(
    ("features", "missing"),
    [
        (Features(snapshot=False, tracing=True, private=True), {"search: snapshot kept"}),
        (Features(snapshot=True, tracing=False, private=True), {"watching: traces"}),
        (
            Features(snapshot=True, tracing=True, private=False),
            {"watching: traffic", "indexing: way to the queue"},
        ),
    ],
)
def test_feature_costs_only_where_it_is(
    bill: dict[str, CostLine], features: Features, missing: set[str]
) -> None:
    without = monthly_costs(WORKLOAD, SIZING, PRICES, features)
    assert set(bill) - {line.what for line in without} == missing


def test_bill_counts_the_way_to_the_queue_in_each_zone(bill: dict[str, CostLine]) -> None:
    assert bill["indexing: way to the queue"].quantity == 3 * 730


def test_bill_counts_what_x_ray_takes(bill: dict[str, CostLine]) -> None:
    # Of 50 searches a second one and a twentieth of 49; of 11.6 photos one and of 10.6.
    a_second = 1 + 49 / 20 + 1 + (1e6 / 86_400 - 1) / 20
    assert bill["watching: traces"].quantity == pytest.approx(a_second * 730 * 3600 / 1e6)


@pytest.mark.parametrize(
    ("photo_storage", "days"), [("intelligent-tiering", 90), ("glacier-ir", 30)]
)
def test_photos_in_a_cheaper_class_are_in_the_dear_one_for_their_first_days(
    bill: dict[str, CostLine], photo_storage: str, days: int
) -> None:
    features = Features(snapshot=True, tracing=True, private=True, photo_storage=photo_storage)
    cheaper = {line.what: line for line in monthly_costs(WORKLOAD, SIZING, PRICES, features)}
    whole = bill["photos: storage"].quantity
    recent, older = (cheaper[f"photos: storage{what}"].quantity for what in ("", ", older"))
    assert recent == pytest.approx(min(days * 1e6, 100e6 / 1.2) * 0.003)
    assert recent + older == pytest.approx(whole)
    if photo_storage == "glacier-ir":
        assert sum(line.usd for line in cheaper.values()) < sum(line.usd for line in bill.values())


def test_price_that_is_replaced_changes_its_lines_only(bill: dict[str, CostLine]) -> None:
    prices = with_prices({"api-requests": 7.0})
    lines = monthly_costs(WORKLOAD, SIZING, prices, FEATURES["prod"])
    other = {line.what: line.usd for line in lines}
    changed = {what for what, line in bill.items() if line.usd != other[what]}
    assert changed == {"search: API"}
    assert other["search: API"] == pytest.approx(2 * bill["search: API"].usd)
    assert prices["api-requests"].unit == "million"


def test_unknown_price_is_refused_with_the_names() -> None:
    with pytest.raises(InvalidRequest, match=r"there is no price 'gold': use t3\.small\.search, "):
        with_prices({"gold": 1})


@pytest.mark.parametrize("usd", [-1, float("nan"), float("inf")])
def test_price_that_is_no_amount_is_refused(usd: float) -> None:
    with pytest.raises(InvalidRequest, match="the price of logs is"):
        with_prices({"logs": usd})
