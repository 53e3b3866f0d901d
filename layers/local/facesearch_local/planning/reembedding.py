"""What embedding all photos again takes on AWS: seconds of Lambda, hours, US dollars."""

from collections.abc import Mapping
from dataclasses import dataclass

from facesearch.planning.capacity import BATCH_SIZE, PHOTO_CPU_S
from facesearch_local.planning.costs import MILLION, PRICES, QUEUE_REQUESTS_A_PHOTO, Price


@dataclass(frozen=True, slots=True)
class Estimate:
    """`lambda_s` are the seconds of all functions together, `hours` of the clock."""

    photos: int
    lambda_s: float
    hours: float
    usd: float


def estimate(
    photos: int,
    *,
    threads: int,
    memory_mb: int,
    concurrency: int,
    prices: Mapping[str, Price] = PRICES,
) -> Estimate:
    """For photos of 12 megapixels, by a number of functions at once, each of that size."""
    lambda_s = photos * PHOTO_CPU_S / max(threads, 1)
    usd = (
        lambda_s * memory_mb / 1024 * prices["lambda-compute"].usd
        + photos / BATCH_SIZE / MILLION * prices["lambda-requests"].usd
        + photos / MILLION * QUEUE_REQUESTS_A_PHOTO * prices["sqs-requests"].usd
        + photos / MILLION * prices["s3-get"].usd
    )
    return Estimate(photos, lambda_s, lambda_s / max(concurrency, 1) / 3600, usd)
