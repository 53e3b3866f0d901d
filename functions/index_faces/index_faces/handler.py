"""The entry point of Lambda. It returns the messages that SQS must deliver again."""

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from facesearch.errors import InputError
from facesearch.faces import photo_key
from facesearch.indexing import Outcome, Status
from facesearch.stages import METRICS_NAMESPACE, Stage, metric_dimensions, stages_timed
from index_faces.batches import Batch, Followed
from index_faces.breaker import Breaker
from index_faces.delivery import Delivery
from index_faces.queue import ChangesQueue
from index_faces.service import IndexService
from index_faces.settings import IndexSettings

logger = Logger(service="index_faces")

METRICS = {
    "PhotosIndexed": Status.INDEXED,
    "PhotosWithoutFace": Status.WITHOUT_FACE,
    "PhotosFailed": Status.FAILED,
    "PhotosUndone": Status.UNDONE,
    "PhotosRemoved": Status.REMOVED,
}


@cache
def open_service() -> IndexService:
    """The service that the environment configures. Raises `SettingsError`, and then tries again."""
    return IndexService.from_settings(IndexSettings.from_env(os.environ))


@cache
def open_queue(arn: str) -> ChangesQueue:
    return ChangesQueue.from_arn(arn)


breaker = Breaker(time.time)
"""It outlives the batch: a store that was away is not asked again at once."""


@logger.inject_lambda_context(log_event=False)
def handler(event: Mapping[str, list[dict[str, Any]]], context: LambdaContext) -> dict[str, Any]:
    """Index a batch of S3's events. SQS delivers the failed messages again."""
    deliveries = [Delivery.from_record(record) for record in event["Records"]]
    if not deliveries:
        return {"batchItemFailures": []}
    with stages_timed() as seconds:
        followed = _follow(deliveries, open_queue(event["Records"][0]["eventSourceARN"]), context)
    _log(followed)
    _count(followed, seconds)
    return {
        "batchItemFailures": [
            {"itemIdentifier": message_id} for message_id in followed.result.failed
        ]
    }


def _follow(
    deliveries: Sequence[Delivery], queue: ChangesQueue, context: LambdaContext
) -> Followed:
    until = time.monotonic() + context.get_remaining_time_in_millis() / 1000
    return Batch(open_service, queue, breaker, lambda: until - time.monotonic()).follow(deliveries)


def _log(followed: Followed) -> None:
    for outcome in followed.result.outcomes:
        _log_outcome(outcome)
    for message_id, error in followed.result.failed.items():
        logger.warning("message failed", message_id=message_id, error=error.code)
    for refusal in followed.result.refused:
        logger.warning("record refused", error=refusal.code, reason=str(refusal))
    if followed.reason is not None:
        error = followed.reason
        logger.error("nothing could be done", error=error.code, reason=str(error))
    if followed.deferred:
        logger.warning("messages sent again", messages=len(followed.deferred))


def _log_outcome(outcome: Outcome) -> None:
    """Log an outcome. A photo's key may name a person, so its hash is logged."""
    fields: dict[str, str | int] = {
        "photo": photo_key(outcome.photo_id),
        "status": outcome.status,
        "faces": outcome.faces,
    }
    if outcome.error is None:
        logger.info("photo", extra=fields)
        return
    fields["error"] = outcome.error.code
    fields["reason"] = str(outcome.error).replace(outcome.photo_id, "the photo")
    # A bad photo is its owner's business; one that could not be indexed is the operator's.
    log = logger.info if isinstance(outcome.error, InputError) else logger.warning
    log("photo", extra=fields)


def _count(followed: Followed, seconds: Mapping[Stage, float]) -> None:
    result = followed.result
    statuses = Counter(outcome.status for outcome in result.outcomes)
    # Not `Metrics`: it collects for ever where metrics are disabled.
    metrics = EphemeralMetrics(
        namespace=METRICS_NAMESPACE,
        service="index_faces",
        default_dimensions=metric_dimensions(os.environ),
    )
    statuses[Status.UNDONE] += followed.untried
    for name, status in METRICS.items():
        metrics.add_metric(name, MetricUnit.Count, statuses[status])
    metrics.add_metric("Faces", MetricUnit.Count, sum(outcome.faces for outcome in result.outcomes))
    metrics.add_metric("RecordsRefused", MetricUnit.Count, len(result.refused))
    for stage, spent in seconds.items():
        metrics.add_metric(f"{stage}Latency", MetricUnit.Milliseconds, spent * 1000)
    metrics.flush_metrics()
