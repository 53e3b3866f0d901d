"""How many faces one SQLite file is good for, from `tests.benchmarks.bench_sqlite_store`."""

MANY_FACES = 3_000_000
"""From here on, OpenSearch is the better store: a million faces take some 11 ms of a core's time a
search and 150 MB in each process, and both grow with them."""
MS_A_MILLION = 11


def outgrown(faces: int) -> tuple[str, ...]:
    """A note once there are more faces than a file is good for."""
    if faces < MANY_FACES:
        return ()
    return (
        f"a search compares {faces:,} faces, which takes a core some "
        f"{MS_A_MILLION * faces / 1e6:,.0f} ms: OpenSearch answers sooner from here on, "
        "'facesearch plan' tells what it takes",
    )
