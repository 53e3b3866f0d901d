"""Ways to keep faces in an OpenSearch index, by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SETTLED: Mapping[str, Any] = {
    "merge.policy.segments_per_tier": 2,
    "merge.policy.max_merge_at_once": 4,
    "merge.policy.floor_segment": "64mb",
}
TIERS_OF_4: Mapping[str, Any] = {
    "merge.policy.segments_per_tier": 4,
    "merge.policy.floor_segment": "64mb",
}
"""Merges go on until few segments are left: a search walks the graph of each."""


@dataclass(frozen=True, slots=True)
class Shape:
    """`options` are the store's own, of its URL. `index` are settings of the engine beside those.

    `flat`: a document a face, as the store does not write them. `merged`: into so many segments
    after writing; 0 leaves what the engine's merges leave.
    """

    options: str = ""
    index: Mapping[str, Any] = field(default_factory=dict)
    flat: bool = False
    merged: int = 0


SHAPES: Mapping[str, Shape] = {
    "default": Shape(),
    "earlier": Shape("m=16&ef_construction=128"),
    "settled": Shape("m=16&ef_construction=128", SETTLED),
    "tiers4": Shape("m=16&ef_construction=128", TIERS_OF_4),
    "tiers4-m32": Shape("m=32&ef_construction=128", TIERS_OF_4),
    "m32": Shape("m=32&ef_construction=256", SETTLED),
    "m32-128": Shape("m=32&ef_construction=128", SETTLED),
    "m24": Shape("m=24&ef_construction=200", SETTLED),
    "flat": Shape("m=16&ef_construction=128", SETTLED, flat=True),
    "sq": Shape("m=16&ef_construction=128&compression=4x", SETTLED),
    "sq-m32": Shape("m=32&ef_construction=256&compression=4x", SETTLED),
    "whole-source": Shape(
        "m=16&ef_construction=128", {**SETTLED, "knn.derived_source.enabled": False}
    ),
    "shards2": Shape("m=16&ef_construction=128&shards=2", SETTLED),
    "refresh30": Shape("m=16&ef_construction=128&refresh_interval=30s", SETTLED),
    "merged": Shape("m=16&ef_construction=128", merged=1),
    "concurrent": Shape(
        "m=16&ef_construction=128", {"search.concurrent_segment_search.mode": "all"}
    ),
}
