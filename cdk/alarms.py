"""The alarms: what each means, and where it starts to matter."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk.aws_cloudwatch import ComparisonOperator, Metric

from cdk.metrics import Metrics
from cdk.settings import StageSettings
from facesearch.planning.capacity import IndexSize
from facesearch.planning.nodes import MANAGERS

_ABOVE = ComparisonOperator.GREATER_THAN_THRESHOLD
_FROM = ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
_BELOW = ComparisonOperator.LESS_THAN_THRESHOLD

SEARCH_P99_MS = 2_000
QUARTER_HOUR = Duration.minutes(15)


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """It alarms after `periods` of the metric's beyond `threshold`; `name` is its runbook's, too.

    The metric's period is a minute where nothing else is said.
    """

    name: str
    meaning: str
    metric: Metric
    threshold: float
    periods: int
    comparison: ComparisonOperator


def alarms(metrics: Metrics, settings: StageSettings) -> Sequence[AlarmRule]:
    """All alarms, most urgent first."""
    sizing = settings.sizing
    # FreeStorageSpace is in MiB, its minimum that of the fullest node; at 0 writes are blocked:
    # what the service keeps for itself is not in it.
    least_free_mib = sizing.index.low_disk_gib * 1024
    # A change that was tried twice and is still there: the queue does not drain.
    oldest_s = 2 * sizing.ingestion.visibility_timeout_s
    cluster = metrics.cluster
    rules = (
        AlarmRule(
            "ClusterRed",
            "Part of the face index is missing: searches miss faces.",
            cluster("ClusterStatus.red", "Maximum"),
            1,
            1,
            _FROM,
        ),
        AlarmRule(
            "WritesBlocked",
            "The face index refuses writes: its disks or its memory are full.",
            cluster("ClusterIndexWritesBlocked", "Maximum"),
            1,
            5,
            _FROM,
        ),
        AlarmRule(
            "SearchErrors",
            "More than one search in twenty fails.",
            metrics.search_errors,
            0.05,
            5,
            _ABOVE,
        ),
        AlarmRule(
            "SearchSlow",
            f"One search in a hundred takes more than {SEARCH_P99_MS / 1000:g} seconds.",
            metrics.search_p99_ms,
            SEARCH_P99_MS,
            10,
            _ABOVE,
        ),
        AlarmRule(
            "SearchThrottled",
            "Lambda refuses searches: the account's functions run as often at once as they may.",
            metrics.search_throttles,
            0,
            5,
            _ABOVE,
        ),
        AlarmRule(
            "DeadLetters",
            "Changes of photos were given up: those photos are not searchable as they are now.",
            metrics.dead_letters,
            0,
            1,
            _ABOVE,
        ),
        AlarmRule(
            "PhotosUndone",
            "Photos cannot be read or stored for half an hour: they wait, and nothing is lost.",
            # A message that waits is tried in every quarter of an hour, and counts in each.
            metrics.reported("index_faces", "PhotosUndone", period=QUARTER_HOUR),
            0,
            2,
            _ABOVE,
        ),
        AlarmRule(
            "IndexingBehind",
            "New photos wait too long to become searchable.",
            metrics.oldest_s,
            oldest_s,
            5,
            _ABOVE,
        ),
        AlarmRule(
            "IndexingErrors",
            "The index function fails as a whole, not for single photos.",
            metrics.index_errors,
            0,
            3,
            _ABOVE,
        ),
        AlarmRule(
            "StorageLow",
            "A node of the face index holds more than its storage was sized for.",
            cluster("FreeStorageSpace", "Minimum"),
            least_free_mib,
            5,
            _BELOW,
        ),
        AlarmRule(
            "MemoryPressure",
            "The face index's Java heap is nearly full: it will refuse writes, then searches.",
            cluster("JVMMemoryPressure", "Maximum"),
            92,
            15,
            _FROM,
        ),
        AlarmRule(
            "SnapshotsFailed",
            "The face index was not saved: there may be no snapshot to restore.",
            cluster("AutomatedSnapshotFailure", "Maximum"),
            1,
            1,
            _FROM,
        ),
    )
    # How many nodes an existing domain has is not known here.
    return rules if settings.domain_endpoint else (*rules, _nodes_lost(metrics, sizing.index))


def _nodes_lost(metrics: Metrics, size: IndexSize) -> AlarmRule:
    nodes = size.nodes + (MANAGERS if size.manager else 0)
    return AlarmRule(
        "NodesLost",
        "A node of the face index is gone, and with it what the index survives next.",
        metrics.cluster("Nodes", "Minimum"),
        nodes,
        10,
        _BELOW,
    )
