"""The monthly costs of a sizing: quantities times unit prices, which can be replaced."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from facesearch.errors import InvalidRequest
from facesearch.planning.capacity import (
    DAY_S,
    FACES_A_PHOTO,
    PHOTO_CPU_S,
    SEARCH_S,
    Sizing,
    Workload,
)
from facesearch.planning.nodes import MANAGER_TYPES, MANAGERS, NODE_TYPES

PRICES_OF = "AWS's list prices on demand in us-east-1, as published in 2026, before free tiers"
HOURS = 730
MONTH_S = HOURS * 3600
MONTH_DAYS = MONTH_S / DAY_S
MILLION = 1_000_000

PHOTO_GB = 0.003
"""Assumed: a 12-megapixel JPEG."""
FLOW_LOG_GB_A_REQUEST = 6e-7
"""Assumed: four lines of 150 bytes, of both ends and directions of a request's connection."""
LOG_GB_A_REQUEST = 2e-6
"""Assumed: two kilobytes of log lines for a photo or a search, all logs together."""
QUEUE_REQUESTS_A_PHOTO = 2
"""One to send; received and deleted in batches."""
ALARMS = 13
REPORTED_METRICS = 18


@dataclass(frozen=True, slots=True)
class Price:
    """A unit price in US dollars."""

    usd: float
    unit: str


PRICES = {
    **{node.name: Price(node.usd_an_hour, "node-hour") for node in NODE_TYPES},
    **{node.name: Price(node.usd_an_hour, "node-hour") for _, node in MANAGER_TYPES},
    "opensearch-gp3": Price(0.122, "GB-month"),
    "lambda-compute": Price(0.0000166667, "GB-second"),
    "lambda-requests": Price(0.20, "million"),
    "lambda-snapshot": Price(0.0000015046, "GB-second"),
    "api-requests": Price(3.50, "million"),
    "s3-storage": Price(0.023, "GB-month"),
    "s3-archived": Price(0.004, "GB-month"),
    "s3-monitoring": Price(2.50, "million"),
    "s3-transitions": Price(20.00, "million"),
    "s3-put": Price(5.00, "million"),
    "s3-get": Price(0.40, "million"),
    "sqs-requests": Price(0.40, "million"),
    "vpc-endpoint": Price(0.01, "endpoint-hour"),
    "logs": Price(0.50, "GB"),
    "traces": Price(5.00, "million"),
    "alarms": Price(0.10, "alarm-month"),
    "metrics": Price(0.30, "metric-month"),
    "dashboard": Price(3.00, "dashboard-month"),
}


PHOTO_STORAGE = ("standard", "intelligent-tiering", "glacier-ir")
"""S3's storage classes for photos: all are read at once, archived ones for a fee."""


@dataclass(frozen=True, slots=True)
class Features:
    """What else costs: the settings of the stack, in `cdk/stages`, that sizes do not follow from.

    `snapshot`: Lambda keeps one of the search function. `private`: a network, whose traffic is
    logged, with a way of its own to the queue.
    """

    snapshot: bool
    tracing: bool
    private: bool
    photo_storage: str = PHOTO_STORAGE[0]


FEATURES = {
    "dev": Features(snapshot=False, tracing=False, private=False),
    "small": Features(snapshot=True, tracing=False, private=True),
    "prod": Features(snapshot=True, tracing=True, private=True),
}
"""Those of each stage's file."""


@dataclass(frozen=True, slots=True)
class CostLine:
    """One line of the bill."""

    what: str
    price_name: str
    quantity: float
    price: Price

    @property
    def usd(self) -> float:
        return self.quantity * self.price.usd


def with_prices(changes: Mapping[str, float]) -> dict[str, Price]:
    """The price list with some unit prices replaced. Raises `InvalidRequest`."""
    for name, usd in changes.items():
        if name not in PRICES:
            raise InvalidRequest(f"there is no price '{name}': use {', '.join(PRICES)}")
        if not 0 <= usd < float("inf"):
            raise InvalidRequest(f"the price of {name} is {usd}: use US dollars, 0 or more")
    return PRICES | {name: Price(usd, PRICES[name].unit) for name, usd in changes.items()}


def monthly_costs(
    workload: Workload, sizing: Sizing, prices: Mapping[str, Price], features: Features
) -> list[CostLine]:
    """Every line of a month's bill at the full number of faces, without data transfer."""
    return [
        CostLine(what, name, quantity, prices[name])
        for what, name, quantity in (
            *_index_lines(sizing),
            *_ingestion_lines(workload, sizing, features.private),
            *_storage_lines(workload, features.photo_storage),
            *_search_lines(workload, sizing, features.snapshot),
            *_watching_lines(workload, features),
        )
    ]


_Line = tuple[str, str, float]


def _index_lines(sizing: Sizing) -> Iterator[_Line]:
    index = sizing.index
    yield "index: data nodes", index.node.name, index.nodes * HOURS
    if index.manager:
        yield "index: managers", index.manager.name, MANAGERS * HOURS
    yield "index: storage", "opensearch-gp3", index.nodes * index.disk_gib


def _ingestion_lines(workload: Workload, sizing: Sizing, private: bool) -> Iterator[_Line]:
    photos = workload.photos_a_day * MONTH_DAYS
    size = sizing.ingestion
    compute = photos * PHOTO_CPU_S / size.threads * size.memory_mb / 1024
    yield "indexing: compute", "lambda-compute", compute
    yield "indexing: queue", "sqs-requests", photos * QUEUE_REQUESTS_A_PHOTO / MILLION
    if private:
        # SQS's, in each zone. S3's costs nothing.
        yield "indexing: way to the queue", "vpc-endpoint", sizing.index.zones * HOURS
    yield "photos: uploads", "s3-put", photos / MILLION
    yield "photos: reads", "s3-get", photos / MILLION


def _storage_lines(workload: Workload, photo_storage: str) -> Iterator[_Line]:
    photos = workload.faces / FACES_A_PHOTO
    # The days that a photo stays in S3's first class: not read that long, or by the lifecycle.
    days = {"standard": None, "intelligent-tiering": 90, "glacier-ir": 30}[photo_storage]
    recent = photos if days is None else min(workload.photos_a_day * days, photos)
    yield "photos: storage", "s3-storage", recent * PHOTO_GB
    if days is not None:
        yield "photos: storage, older", "s3-archived", (photos - recent) * PHOTO_GB
    if photo_storage == "intelligent-tiering":
        yield "photos: watched for reads", "s3-monitoring", photos / MILLION
    if photo_storage == "glacier-ir":
        moved = workload.photos_a_day * MONTH_DAYS / MILLION
        yield "photos: moved to the archive", "s3-transitions", moved


def _search_lines(workload: Workload, sizing: Sizing, snapshot: bool) -> Iterator[_Line]:
    searches = workload.searches_a_second * MONTH_S
    memory_gb = sizing.search.memory_mb / 1024
    yield "search: API", "api-requests", searches / MILLION
    yield "search: compute", "lambda-compute", searches * SEARCH_S * memory_gb
    yield "search: invocations", "lambda-requests", searches / MILLION
    if snapshot:
        yield "search: snapshot kept", "lambda-snapshot", memory_gb * MONTH_S


def _watching_lines(workload: Workload, features: Features) -> Iterator[_Line]:
    searches = workload.searches_a_second * MONTH_S
    photos = workload.photos_a_day * MONTH_DAYS
    yield "watching: logs", "logs", (searches + photos) * LOG_GB_A_REQUEST
    if features.private:
        yield "watching: traffic", "logs", (searches + photos) * FLOW_LOG_GB_A_REQUEST
    if features.tracing:
        traced = sum(map(_traced, (workload.searches_a_second, workload.photos_a_day / DAY_S)))
        yield "watching: traces", "traces", traced * MONTH_S / MILLION
    yield "watching: alarms", "alarms", ALARMS
    yield "watching: metrics", "metrics", REPORTED_METRICS
    yield "watching: dashboard", "dashboard", 1


def _traced(requests_a_second: float) -> float:
    """Published: X-Ray takes one request a second, and one in twenty of the others."""
    return min(requests_a_second, 1) + 0.05 * max(requests_a_second - 1, 0)
