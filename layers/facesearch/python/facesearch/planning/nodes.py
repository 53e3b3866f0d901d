"""The OpenSearch Service instances to choose from: their sizes and prices."""

from dataclasses import dataclass

GIB = 2**30

CACHE_SHARE = 0.7
"""Assumed: of a node's memory beside the Java heap, what holds vectors and links."""


@dataclass(frozen=True, slots=True)
class NodeType:
    """An OpenSearch Service instance; `max_disk_gib` is what is used, below AWS's limit."""

    name: str
    memory_gib: float
    vcpus: int
    max_disk_gib: int
    usd_an_hour: float
    burstable: bool = False

    @property
    def cache_bytes(self) -> float:
        """Memory for vectors: half of the node's is Java heap, 32 GiB of it at most."""
        return (self.memory_gib - min(self.memory_gib / 2, 32)) * CACHE_SHARE * GIB


NODE_TYPES = (
    NodeType("t3.small.search", 2, 2, 100, 0.036, burstable=True),
    NodeType("t3.medium.search", 4, 2, 200, 0.073, burstable=True),
    NodeType("m7g.medium.search", 4, 1, 200, 0.068),
    NodeType("r7g.medium.search", 8, 1, 200, 0.089),
    *(
        NodeType(f"r7g.{size}.search", 16 * scale, 2 * scale, 512 * scale, usd)
        for size, scale, usd in (
            ("large", 1, 0.178),
            ("xlarge", 2, 0.356),
            ("2xlarge", 4, 0.711),
            ("4xlarge", 8, 1.422),
            ("8xlarge", 16, 2.845),
            ("12xlarge", 24, 4.267),
            ("16xlarge", 32, 5.689),
        )
    ),
)
MANAGER_TYPES = (
    (30, NodeType("m7g.large.search", 8, 2, 0, 0.136)),
    (60, NodeType("m7g.xlarge.search", 16, 4, 0, 0.272)),
    (125, NodeType("m7g.2xlarge.search", 32, 8, 0, 0.543)),
    (1000, NodeType("m7g.4xlarge.search", 64, 16, 0, 1.087)),
)
"""Dedicated managers by the number of data nodes they can lead (published)."""
MANAGERS = 3


def manager_for(nodes: int) -> NodeType:
    """The dedicated manager that leads this many data nodes."""
    return next(manager for most, manager in MANAGER_TYPES if nodes <= most)
