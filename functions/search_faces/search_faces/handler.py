"""The entry point of Lambda: it answers API Gateway's proxy events.

The API reads its environment here, once, and nowhere else. Powertools reads its own variables
(POWERTOOLS_…) when it is imported, so they must be set before.
"""

import os
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from facesearch.errors import SettingsError
from facesearch.stages import METRICS_NAMESPACE, Stage, metric_dimensions, stages_timed
from search_faces import log
from search_faces.app import create_app
from search_faces.audit import audit_line
from search_faces.service import SearchService
from search_faces.settings import SearchSettings
from search_faces.warming import load_models_early

logger = Logger(service=log.logger.name)
"""That of the API, in JSON for CloudWatch."""


@cache
def read_settings() -> SearchSettings:
    """Raises `SettingsError`, and then tries again at the next call."""
    return SearchSettings.from_env(os.environ)


@cache
def open_service() -> SearchService:
    """The service, opened at the first request that needs it."""
    return SearchService.from_settings(read_settings())


def _cors_origins() -> Sequence[str]:
    try:
        return read_settings().cors_origins
    except SettingsError:
        # The answer to every request tells of it: the function itself must start.
        return ()


load_models_early(os.environ, open_service)
app = create_app(open_service, _cors_origins())


# An event holds the caller's photo: never logged, whatever the environment says.
@logger.inject_lambda_context(
    correlation_id_path=correlation_paths.API_GATEWAY_REST, log_event=False
)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request."""
    start = time.perf_counter()
    with stages_timed() as seconds:
        response = app.resolve(event, context)
    # Not every gateway takes null for nothing.
    response["body"] = response["body"] or ""
    headers = response["multiValueHeaders"]
    headers["X-Request-Id"] = [event["requestContext"]["requestId"]]
    # Results are about people: no cache on the way keeps them.
    headers.setdefault("Cache-Control", ["no-store"])
    if (line := audit_line(event, response["statusCode"])) is not None:
        logger.info("asked", extra=line)
    _count(response["statusCode"], time.perf_counter() - start, seconds)
    return response


def _count(status: int, whole: float, seconds: Mapping[Stage, float]) -> None:
    # Not `Metrics`: it collects for ever where metrics are disabled.
    metrics = EphemeralMetrics(
        namespace=METRICS_NAMESPACE,
        service="search_faces",
        default_dimensions=metric_dimensions(os.environ),
    )
    metrics.add_metric("Requests", MetricUnit.Count, 1)
    metrics.add_metric("ServerErrors", MetricUnit.Count, status >= 500)
    metrics.add_metric("RequestLatency", MetricUnit.Milliseconds, whole * 1000)
    for stage, spent in seconds.items():
        metrics.add_metric(f"{stage}Latency", MetricUnit.Milliseconds, spent * 1000)
    metrics.flush_metrics()
