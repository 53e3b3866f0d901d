"""How an HNSW index is built and searched, by the number of faces in it.

Chosen by `tests.benchmarks.bench_scale` (tests/benchmarks/SCALE.md has its table): the least that
finds the same person's faces (0.999 of them), comes within 1 % of the exact distance at rank 20,
and, as far as that goes, within 0.99 of the exact 20 nearest.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np


@dataclass(frozen=True, slots=True)
class Hnsw:
    """`m` links a face, `ef_construction` candidates when it is linked, `ef_search` to search.

    The first two are fixed when the index is made. The last is of a segment, of which a shard has
    several.
    """

    m: int
    ef_construction: int
    ef_search: int


def hnsw_for(faces: int) -> Hnsw:
    """For a shard of so many faces: each finds its nearest, of which the nearest are the answer."""
    return Hnsw(m=16, ef_construction=128, ef_search=_ef_search(faces))


def crowded(faces: int, shards: int) -> tuple[str, ...]:
    """A note once shards hold more faces than are found well in one."""
    if faces <= shards * MOST_FACES_IN_SHARD:
        return ()
    enough = ceil(faces / MOST_FACES_IN_SHARD)
    return (
        f"{shards} shard(s) hold {faces:,} faces, and searches miss some in more than "
        f"{MOST_FACES_IN_SHARD:,} each: 'facesearch reindex' with shards={enough} in the store's "
        "URL finds them",
    )


_STEPS = ((100_000, 200), (900_000, 800))
"""Up to how many faces, and `ef_search`."""
_SIZES, _MEASURED = (1_000_000, 3_000_000, 5_000_000), (1200, 3600, 5000)
"""Above those, sizes and the `ef_search` that each needs. Between two of them it grows evenly, and
after the last no more."""
MOST_FACES_IN_SHARD = _SIZES[-1]
"""In a shard of ten million, even 10,000 find 0.996 of a person's faces only."""


def _ef_search(faces: int) -> int:
    for most, ef_search in _STEPS:
        if faces <= most:
            return ef_search
    return ceil(np.interp(faces, _SIZES, _MEASURED))
