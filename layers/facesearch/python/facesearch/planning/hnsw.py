"""How an HNSW index is built and searched, by the number of faces in it.

Chosen by `tests.benchmarks.bench_scale` (tests/benchmarks/SCALE.md has its table): the least that
finds the same person's faces (0.999 of them), comes within 1 % of the exact distance at rank 20,
and, as far as that goes, within 0.99 of the exact 20 nearest.
"""

from dataclasses import dataclass


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
    m, ef_construction, ef_search = next(row for most, *row in _BY_FACES if faces <= most)
    return Hnsw(m, ef_construction, ef_search)


_BY_FACES: tuple[tuple[float, int, int, int], ...] = (
    (100_000, 16, 128, 200),
    (900_000, 16, 128, 800),
    (1_000_000, 16, 128, 1200),
    (3_000_000, 16, 128, 3600),
    (float("inf"), 16, 128, 5000),
)
