"""How many faces one SQLite file is good for, from `tests.benchmarks.bench_sqlite_store`."""

MANY_FACES = 3_000_000
"""From here on, OpenSearch is the better store: a search takes 16 ms instead of 27, of an engine
that needs no core of its caller's; at a million it is 8 instead of 11. Codes take 150 bytes a face
in each process."""
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
