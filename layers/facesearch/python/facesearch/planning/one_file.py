"""How many faces one SQLite file is good for, from `tests.benchmarks.bench_sqlite_store`."""

MANY_FACES = 3_000_000
"""From here on, OpenSearch is the better store: it answers in 16 ms where a file takes 27 (8 and 11
for a million). A file also takes 150 bytes a face in each process."""
MS_A_MILLION = 10
"""Of a core's time: 11 for a million, 27 for three."""


def outgrown(faces: int) -> tuple[str, ...]:
    """A note once there are more faces than a file is good for."""
    if faces < MANY_FACES:
        return ()
    return (
        f"a search compares {faces:,} faces, which takes a core some "
        f"{MS_A_MILLION * faces / 1e6:,.0f} ms: OpenSearch answers sooner, "
        "'facesearch plan' tells what it takes",
    )
