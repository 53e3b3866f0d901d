"""The dashboard: alarms on top, then the steps from photo to answer."""

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from cdk.metrics import Metrics
from facesearch.stages import Stage


def dashboard(
    scope: Construct, id: str, metrics: Metrics, alarms: Sequence[cloudwatch.IAlarm]
) -> cloudwatch.Dashboard:
    """One page for the whole system."""
    cluster, reported = metrics.cluster, metrics.reported
    return cloudwatch.Dashboard(
        scope,
        id,
        widgets=[
            [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=24, height=3)],
            [
                _graph(
                    "Photos",
                    [_named(reported("index_faces", name), name) for name in PHOTO_METRICS],
                ),
                _graph(
                    "Waiting",
                    [
                        _named(metrics.waiting, "waiting"),
                        _named(metrics.dead_letters, "dead letters"),
                    ],
                    [_named(metrics.oldest_s, "oldest, s")],
                ),
                _graph(
                    "Index function",
                    [_named(metrics.index_duration_ms, "p99, ms")],
                    [
                        _named(metrics.index_errors, "errors"),
                        _named(metrics.index_concurrency, "at once"),
                    ],
                ),
            ],
            [
                _graph(
                    "Searches",
                    [
                        _named(metrics.searches, "requests"),
                        _named(metrics.search_throttles, "throttled"),
                    ],
                ),
                _graph(
                    "Search latency, ms",
                    [
                        _named(metrics.search_p50_ms, "p50, ms"),
                        _named(metrics.search_p99_ms, "p99, ms"),
                        _named(
                            reported("search_faces", "RequestLatency", "p99"), "p99 in the function"
                        ),
                    ],
                ),
                _graph(
                    "Search errors",
                    [
                        _named(metrics.search_errors, "5xx share"),
                        _named(metrics.search_refusals, "4xx share"),
                    ],
                ),
            ],
            [
                _graph("Indexing by stage, ms a batch", _stages(metrics, "index_faces")),
                _graph("Searching by stage, ms", _stages(metrics, "search_faces")),
            ],
            [
                _graph(
                    "Index health",
                    [
                        _named(cluster("ClusterStatus.red", "Maximum"), "red"),
                        _named(cluster("ClusterStatus.yellow", "Maximum"), "yellow"),
                    ],
                ),
                _graph(
                    "Index load, %",
                    [
                        _named(cluster("CPUUtilization", "Maximum"), "processor"),
                        _named(cluster("JVMMemoryPressure", "Maximum"), "heap"),
                    ],
                ),
                _graph(
                    "Index size",
                    [_named(cluster("SearchableDocuments", "Maximum"), "documents")],
                    [_named(cluster("FreeStorageSpace", "Minimum"), "free, MiB")],
                ),
            ],
        ],
    )


STAGES = {
    "index_faces": (Stage.READ, Stage.DECODE, Stage.DETECT, Stage.EMBED, Stage.STORE),
    "search_faces": (Stage.DECODE, Stage.DETECT, Stage.EMBED, Stage.SEARCH),
}
PHOTO_METRICS = (
    "PhotosIndexed",
    "PhotosWithoutFace",
    "PhotosFailed",
    "PhotosUndone",
    "PhotosRemoved",
    "Faces",
)


def _stages(metrics: Metrics, service: str) -> list[cloudwatch.IMetric]:
    return [
        _named(metrics.reported(service, f"{stage}Latency", "p50"), stage)
        for stage in STAGES[service]
    ]


def _graph(
    title: str,
    left: Sequence[cloudwatch.IMetric],
    right: Sequence[cloudwatch.IMetric] = (),
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(left), right=list(right), width=8)


def _named(metric: cloudwatch.Metric, label: str) -> cloudwatch.Metric:
    """The metric with its label in the graph's legend."""
    return metric.with_(label=label)
