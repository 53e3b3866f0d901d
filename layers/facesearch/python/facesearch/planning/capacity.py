"""Compute sizes from a workload: the formulas of the stack and of `facesearch plan`.

Figures say where they come from: measured (here, on two shared cores of an AVX512 machine),
published (by AWS or OpenSearch), or assumed. What faces take in the index was measured by
`tests.benchmarks.bench_scale` with up to 5,000,000 of them in a shard, and no shard gets more.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass
from itertools import count
from math import ceil, log
from operator import itemgetter

from facesearch.errors import InvalidRequest
from facesearch.faces import EMBEDDING_SIZE
from facesearch.planning.hnsw import MOST_FACES_IN_SHARD
from facesearch.planning.nodes import GIB, NODE_TYPES, NodeType, manager_for

MIN_FACES, MAX_FACES = 10_000, 1_000_000_000
DAY_S = 86_400
GB = 10**9

FACES_A_PHOTO = 1.2
"""Assumed: mostly portraits. LFW has 1.1 to 1.2."""
INGEST_PEAK = 10
"""Assumed: uploads come in bursts of ten times the day's mean."""
SEARCH_PEAK = 2
"""Assumed: the API must carry twice the sustained rate."""

PHOTO_CPU_S = 0.15
"""Measured in the Lambda image, one CPU: 0.09 s for a 12-megapixel portrait (0.02 s for one of
LFW's size). Lambda's processors without VNNI take some 1.6 times that; waiting for S3 and the
index is not in it, but shared by a batch."""
SEARCH_S = 0.2
"""Extrapolated in the same way: a search, from the API's call to its answer, photo included."""
SLOWEST_PHOTO_S = 10
"""Assumed: the largest photo that is accepted."""
STORE_WAIT_S = 60
"""The longest that the store's time-outs and retries let one bulk request take."""

VCPU_MB = 1769
"""Published: Lambda gives one whole vCPU at this much memory."""
INDEX_MEMORY_MB = 2048
"""Measured peak of a worker is below 700 MB; the rest is room for the largest photo."""
MAX_THREADS = 6
"""Published: Lambda's largest function has six vCPUs."""
BATCH_SIZE = 16
"""Measured: the embedder's best batch."""
BATCH_WINDOW_S = 1
"""Published: batches above ten need a window."""
SEARCH_TIMEOUT_S = 28
"""Published: API Gateway gives up after 29 s, so the function answers before."""

COMPRESSIONS = {"1x": 4, "4x": 1}
"""Bytes of memory a dimension."""
GRAPH_BYTES = 64
"""Measured: 48 to 60 with `m` 16, more where there are more faces."""


def vector_bytes(compression: str = "1x", dimension: int = EMBEDDING_SIZE) -> float:
    """Measured: what searches walk of one vector, numbers and links, and memory should hold."""
    return COMPRESSIONS[compression] * dimension + GRAPH_BYTES


DISK_BYTES_A_FACE = 1_100
"""Measured: 890 (made-up faces) to 1,053 (LFW) bytes a photo with one face in OpenSearch 3.5, once
what merges replaced is gone (`UNMERGED`)."""
NUMBER_BYTES = 4


def disk_bytes_a_face(dimension: int = EMBEDDING_SIZE) -> int:
    """Bytes in the index: what was measured with 128 numbers, and 4 more for each further one."""
    return DISK_BYTES_A_FACE + NUMBER_BYTES * (dimension - EMBEDDING_SIZE)


INDEXES = 2
"""The index that is searched, and a new one of other models that is built beside it."""
UNMERGED = 1.1
"""Assumed: what deleted and rewritten documents take until they are merged away."""
LINUX_SHARE = 0.05
SERVICE_SHARE, SERVICE_MOST_GIB = 0.2, 20
"""Published ('Calculating storage requirements'): Linux keeps a share of each disk, OpenSearch
Service one of the rest, up to a limit. Only what is left can be used."""
FREE_SHARE = 0.15
"""Assumed: of what can be used, what stays free, so that alarms come before writes are blocked,
and disks stay below the 85 % at which OpenSearch places no more shards."""
SHARD_BYTES = 30 * GB
"""Published: 10 to 30 GB a shard where latency matters."""
MAX_SINGLE_VCPU_NODES = 6
"""Assumed: nodes whose searches, writes and merges share one processor are for small clusters."""
MAX_NODES = 1_000
"""Published: 1,002 data nodes a domain, on request."""
SEARCH_CPU_S = ((100_000, 0.004), (1_000_000, 0.01), (3_000_000, 0.0234), (5_000_000, 0.0347))
"""Measured: up to how many faces in a shard, and the engine's processor time for a search in it
with the `ef_search` of `hnsw_for`. That of five million is from before the last merges."""
STEADY_FACES = 1_000_000
"""Up to here each figure holds for all sizes from the one before."""


def search_cpu_s(faces: float) -> float:
    """Processor time of a search in one shard with so many faces, HTTP included, seconds.

    `faces` is at most `MOST_FACES_IN_SHARD`. From `STEADY_FACES` on by the logarithm of faces.
    """
    place = bisect_left(SEARCH_CPU_S, faces, key=itemgetter(0))
    more, more_s = SEARCH_CPU_S[place]
    if faces <= STEADY_FACES:
        return more_s
    less, less_s = SEARCH_CPU_S[place - 1]
    return less_s + (more_s - less_s) * log(faces / less) / log(more / less)


FACES_WRITTEN_A_VCPU_S = 500
"""Measured: 13,233 documents in 5 to 14 s on two cores."""
NODE_LOAD = 0.5
"""Assumed: half of a cluster's processors are kept for peaks, merges and a lost node."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What the system must carry: most faces stored, sustained searches, photos uploaded.

    `dimension`: how many numbers an embedding has.
    """

    faces: int
    searches_a_second: float
    photos_a_day: int
    dimension: int = EMBEDDING_SIZE

    def __post_init__(self) -> None:
        """Raises `InvalidRequest`, naming the field."""
        if not MIN_FACES <= self.faces <= MAX_FACES:
            raise InvalidRequest(f"faces is {self.faces:,}: use {MIN_FACES:,} to {MAX_FACES:,}")
        if not 0 < self.searches_a_second <= 1_000:
            raise InvalidRequest(
                f"searches is {self.searches_a_second}: use 0.01 to 1,000 a second"
            )
        if not 0 < self.photos_a_day <= 100_000_000:
            raise InvalidRequest(f"photos is {self.photos_a_day:,}: use 1 to 100,000,000 a day")


@dataclass(frozen=True, slots=True)
class Redundancy:
    """What a cluster survives: zones and copies; `burstable` allows the smallest nodes."""

    zones: int
    replicas: int
    managers: bool
    burstable: bool = False


REDUNDANCY = {
    "dev": Redundancy(zones=1, replicas=0, managers=False, burstable=True),
    # For a small site. It goes on losing no data when it loses a node, but it stops until AWS has
    # replaced that: two nodes cannot outvote one another, and nobody else leads the cluster.
    "small": Redundancy(zones=2, replicas=1, managers=False),
    "prod": Redundancy(zones=3, replicas=1, managers=True),
}
SMALL_FACES = 1_000_000
"""Up to here, a plan is for stage small."""


def stage_for(workload: "Workload") -> str:
    """The stage that suits a site which people rely on."""
    return "small" if workload.faces <= SMALL_FACES else "prod"


@dataclass(frozen=True, slots=True)
class IngestionSize:
    """Sizes of the index function and its queue; `concurrency` is how many run at once."""

    threads: int
    memory_mb: int
    timeout_s: int
    concurrency: int
    batch_size: int
    window_s: int

    @property
    def visibility_timeout_s(self) -> int:
        """Published: six times the function's time-out, so that Lambda's own retries fit."""
        return 6 * self.timeout_s


@dataclass(frozen=True, slots=True)
class SearchSize:
    """The search function, and what its API lets through (requests a second, and at once)."""

    threads: int
    memory_mb: int
    timeout_s: int
    concurrency: int
    rate_limit: int
    burst_limit: int


@dataclass(frozen=True, slots=True)
class IndexSize:
    """The cluster and the index in it; `disk_gib` is a node's, `faces_in_shard` when it is full."""

    node: NodeType
    nodes: int
    disk_gib: int
    manager: NodeType | None
    shards: int
    replicas: int
    zones: int
    faces_in_shard: int

    @property
    def low_disk_gib(self) -> float:
        """What a node never has less of while the workload is kept: GiB that can still be used."""
        return usable_gib(self.disk_gib) * FREE_SHARE


@dataclass(frozen=True, slots=True)
class Sizing:
    """Everything that follows from a workload."""

    ingestion: IngestionSize
    search: SearchSize
    index: IndexSize


def parse_count(text: str) -> float:
    """A number, perhaps with k, M or B behind it. Raises `InvalidRequest`."""
    match = re.fullmatch(r"([0-9][0-9_,]*\.?[0-9]*)\s*([kKMB]?)", text.strip())
    if match is None:
        raise InvalidRequest(f"'{text}' is not a number: use digits, as in 500k, 100M or 1B")
    scale = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}[match[2].lower()]
    return float(match[1].replace(",", "").replace("_", "")) * scale


def size(workload: Workload, redundancy: Redundancy, compression: str = "1x") -> Sizing:
    """The smallest system that carries the workload."""
    return Sizing(
        size_ingestion(workload),
        size_search(workload),
        size_index(workload, redundancy, compression),
    )


def usable_gib(disk_gib: float) -> float:
    """What Linux and the service leave of a node's disk."""
    left = disk_gib * (1 - LINUX_SHARE)
    return left - min(left * SERVICE_SHARE, SERVICE_MOST_GIB)


def disk_gib_for(data_gib: float) -> float:
    """The disk on which data of this size leave `FREE_SHARE` of what can be used."""
    usable = data_gib / (1 - FREE_SHARE)
    # The service takes its share, or the limit when that is less.
    left = min(usable / (1 - SERVICE_SHARE), usable + SERVICE_MOST_GIB)
    return left / (1 - LINUX_SHARE)


def size_ingestion(workload: Workload) -> IngestionSize:
    """Concurrency by Little's law at the peak; a time-out for a batch of the slowest photos."""
    busy = workload.photos_a_day / DAY_S * INGEST_PEAK * PHOTO_CPU_S
    threads = min(max(ceil(busy / 500), 1), MAX_THREADS)
    return IngestionSize(
        threads=threads,
        memory_mb=max(INDEX_MEMORY_MB, VCPU_MB * threads),
        timeout_s=BATCH_SIZE * SLOWEST_PHOTO_S + STORE_WAIT_S,
        # Published: an event source takes 2 to 1,000.
        concurrency=min(max(ceil(busy / threads), 2), 1000),
        batch_size=BATCH_SIZE,
        window_s=BATCH_WINDOW_S,
    )


def size_search(workload: Workload) -> SearchSize:
    """Concurrency by Little's law at the peak."""
    peak = workload.searches_a_second * SEARCH_PEAK
    rate = max(ceil(peak), 10)
    return SearchSize(
        threads=1,
        memory_mb=VCPU_MB,
        timeout_s=SEARCH_TIMEOUT_S,
        concurrency=ceil(peak * SEARCH_S),
        rate_limit=rate,
        burst_limit=2 * rate,
    )


def size_index(workload: Workload, redundancy: Redundancy, compression: str = "1x") -> IndexSize:
    """The cheapest nodes that keep every copy's vectors in memory and answer at half load.

    `compression` is that of the store's URL: "4x" keeps a byte a dimension in memory.
    """
    clusters = [
        cluster
        for node in NODE_TYPES
        if redundancy.burstable or not node.burstable
        for cluster in [_smallest_of(node, workload, redundancy, compression)]
        if cluster is not None
    ]
    best = min(clusters, key=lambda each: (each.nodes * each.node.usd_an_hour, each.nodes))
    return IndexSize(
        node=best.node,
        nodes=best.nodes,
        disk_gib=max(ceil(best.disk_gib), 10),
        manager=manager_for(best.nodes) if redundancy.managers else None,
        shards=best.shards,
        replicas=redundancy.replicas,
        zones=redundancy.zones,
        faces_in_shard=ceil(workload.faces / best.shards),
    )


@dataclass(frozen=True, slots=True)
class _Cluster:
    """A number of nodes of one type, and an index with a number of shards on them."""

    workload: Workload
    node: NodeType
    nodes: int
    shards: int
    copies: int
    compression: str

    def carries(self) -> bool:
        """Whether memory, disks and processors suffice, on the fullest node too."""
        # Copies of one shard are on different nodes: with few shards, some nodes have none.
        serving = min(self.nodes, self.shards * self.copies)
        return (
            self._faces_a_node * self._vector_bytes <= self.node.cache_bytes
            and self.disk_gib <= self.node.max_disk_gib
            and self._busy_vcpus <= serving * self.node.vcpus * NODE_LOAD
        )

    @property
    def disk_gib(self) -> float:
        # The compressed vectors stand beside the whole ones, which rank what is found by them.
        dimension = self.workload.dimension
        more = dimension if self.compression == "4x" else 0
        data = self._faces_a_node * (disk_bytes_a_face(dimension) + more) * UNMERGED * INDEXES
        return disk_gib_for(data / GIB)

    @property
    def _vector_bytes(self) -> float:
        return vector_bytes(self.compression, self.workload.dimension)

    @property
    def _faces_a_node(self) -> float:
        fullest = ceil(self.shards * self.copies / self.nodes)
        return fullest * self.workload.faces / self.shards

    @property
    def _busy_vcpus(self) -> float:
        searches = self.workload.searches_a_second * SEARCH_PEAK * self.shards
        search_s = search_cpu_s(self.workload.faces / self.shards)
        writes = self.workload.photos_a_day / DAY_S * INGEST_PEAK * FACES_A_PHOTO * self.copies
        return searches * search_s + writes / FACES_WRITTEN_A_VCPU_S


def _smallest_of(
    node: NodeType, workload: Workload, redundancy: Redundancy, compression: str
) -> _Cluster | None:
    """The smallest cluster of such nodes that carries the workload; None if none does."""
    copies = 1 + redundancy.replicas
    least = max(
        ceil(workload.faces * disk_bytes_a_face(workload.dimension) / SHARD_BYTES),
        ceil(workload.faces / MOST_FACES_IN_SHARD),
    )
    # A node for each copy, at least; and as many in each zone.
    first = ceil(copies / redundancy.zones) * redundancy.zones
    most = MAX_NODES if node.vcpus > 1 else MAX_SINGLE_VCPU_NODES
    for nodes in range(first, most + 1, redundancy.zones):
        for shards in (least, _balanced(least, copies, nodes)):
            cluster = _Cluster(workload, node, nodes, shards, copies, compression)
            if (shards == 1 or shards * copies % nodes == 0) and cluster.carries():
                return cluster
    return None


def _balanced(shards: int, copies: int, nodes: int) -> int:
    """The next number of shards whose copies spread evenly over the nodes."""
    return next(more for more in count(shards) if more * copies % nodes == 0)
