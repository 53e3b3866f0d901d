"""The dashboard: alarms on top, then the data's way from photo to answer."""

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
                _graph("Photos", [reported("index_faces", name) for name in PHOTO_METRICS]),
                _graph("Waiting", [metrics.waiting, metrics.dead_letters], [metrics.oldest_s]),
                _graph(
                    "Index function",
                    [metrics.index_duration_ms],
                    [metrics.index_errors, metrics.index_concurrency],
                ),
            ],
            [
                _graph("Searches", [metrics.searches, metrics.search_throttles]),
                _graph(
                    "Search latency, ms",
                    [
                        metrics.search_p50_ms,
                        metrics.search_p99_ms,
                        reported("search_faces", "RequestLatency", "p99", "p99 in the function"),
                    ],
                ),
                _graph("Search errors", [metrics.search_errors, metrics.search_refusals]),
            ],
            [
                _graph("Indexing by stage, ms a batch", _stages(metrics, "index_faces")),
                _graph("Searching by stage, ms", _stages(metrics, "search_faces")),
            ],
            [
                _graph(
                    "Index health",
                    [
                        cluster("ClusterStatus.red", "Maximum", "red"),
                        cluster("ClusterStatus.yellow", "Maximum", "yellow"),
                    ],
                ),
                _graph(
                    "Index load, %",
                    [
                        cluster("CPUUtilization", "Maximum", "processor"),
                        cluster("JVMMemoryPressure", "Maximum", "heap"),
                    ],
                ),
                _graph(
                    "Index size",
                    [cluster("SearchableDocuments", "Maximum", "documents")],
                    [cluster("FreeStorageSpace", "Minimum", "free, MiB")],
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
    return [metrics.reported(service, f"{stage}Latency", "p50", stage) for stage in STAGES[service]]


def _graph(
    title: str,
    left: Sequence[cloudwatch.IMetric],
    right: Sequence[cloudwatch.IMetric] = (),
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(left), right=list(right), width=8)
