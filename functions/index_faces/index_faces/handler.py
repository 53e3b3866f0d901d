"""The entry point of Lambda. It returns the messages that SQS must deliver again."""

import os
from collections import Counter
from collections.abc import Mapping
from functools import cache

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from facesearch.errors import FacesearchError, InputError
from facesearch.faces import photo_key
from facesearch.indexing import Outcome, Status
from facesearch.stages import METRICS_NAMESPACE, Stage, metric_dimensions, stages_timed
from index_faces.messages import BatchResult, index_messages
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


@logger.inject_lambda_context(log_event=False)
def handler(
    event: Mapping[str, list[dict[str, object]]], context: LambdaContext
) -> PartialItemFailureResponse:
    """Index a batch of S3's events. SQS delivers the failed messages again."""
    with stages_timed() as seconds:
        result = _index({str(each["messageId"]): str(each["body"]) for each in event["Records"]})
    for outcome in result.outcomes:
        _log_outcome(outcome)
    for message_id, error in result.failed.items():
        logger.warning("message failed", message_id=message_id, error=error.code)
    for refusal in result.refused:
        logger.warning("record refused", error=refusal.code, reason=str(refusal))
    _count(result, seconds)

    def report(record: SQSRecord) -> None:
        if record.message_id in result.failed:
            raise result.failed[record.message_id]

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(
        event=dict(event), record_handler=report, processor=processor, context=context
    )


def _index(bodies: Mapping[str, str]) -> BatchResult:
    try:
        return index_messages(bodies, open_service())
    except FacesearchError as error:
        logger.error("nothing could be done", error=error.code, reason=str(error))
        return BatchResult(failed=dict.fromkeys(bodies, error))


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


def _count(result: BatchResult, seconds: Mapping[Stage, float]) -> None:
    statuses = Counter(outcome.status for outcome in result.outcomes)
    # Not `Metrics`: it collects for ever where metrics are disabled.
    metrics = EphemeralMetrics(
        namespace=METRICS_NAMESPACE,
        service="index_faces",
        default_dimensions=metric_dimensions(os.environ),
    )
    for name, status in METRICS.items():
        metrics.add_metric(name, MetricUnit.Count, statuses[status])
    metrics.add_metric("Faces", MetricUnit.Count, sum(outcome.faces for outcome in result.outcomes))
    metrics.add_metric("RecordsRefused", MetricUnit.Count, len(result.refused))
    for stage, spent in seconds.items():
        metrics.add_metric(f"{stage}Latency", MetricUnit.Milliseconds, spent * 1000)
    metrics.flush_metrics()
