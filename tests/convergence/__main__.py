"""`python -m tests.convergence`: many random histories, on a store of your choice."""

import os
import platform
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import click

from facesearch.machine import usable_cpus
from facesearch.recipes.finding import built_in
from facesearch.settings import Settings
from facesearch.vision.pipeline import FacePipeline
from tests.convergence.running import real_faces, run_until
from tests.integration.opensearch_server import IN_MEMORY, own_server
from tests.last_runs import product, record

LAST_RUN = Path(__file__).with_name("LAST_RUN.md")


@click.command(
    epilog="""\b
Examples:
  python -m tests.convergence sqlite
  python -m tests.convergence opensearch --histories 10000"""
)
@click.argument("engine", type=click.Choice(["sqlite", "opensearch"]))
@click.option("--histories", default=10_000, show_default=True, help="How many to try.")
@click.option("--at-once", default=usable_cpus(), show_default=True, help="How many processes.")
@click.option("--minutes", default=600.0, show_default=True, help="End soon after so many.")
@click.option(
    "--record", "recorded", is_flag=True, help="Write it to LAST_RUN.md, and commit that."
)
def main(engine: str, histories: int, at_once: int, minutes: float, *, recorded: bool) -> None:
    """Play random histories of a bucket and its index, and hold the index to the bucket.

    A history that fails is shortened and printed with its steps. tests/convergence/failures keeps
    it.
    """
    models = Settings.from_env(os.environ).models
    faces = real_faces(FacePipeline(models, built_in("facenet"), threads=1), models / "sample")
    tried = product()
    own = own_server(f"facesearch-convergence-{os.getpid()}", *IN_MEMORY)
    with (
        nullcontext() if engine == "sqlite" else own as server,
        ProcessPoolExecutor(at_once, get_context("spawn")) as pool,
    ):
        started = time.monotonic()
        shares = [(histories + number) // at_once for number in range(at_once)]
        until = started + 60 * minutes
        runs = [pool.submit(run_until, until, share, server, faces) for share in shares]
        done = sum(run.result() for run in runs)
        took = (time.monotonic() - started) / 60
    click.echo(
        f"{datetime.now(UTC):%Y-%m-%d}: {done:,} histories on {engine} converged in "
        f"{took:.1f} minutes ({usable_cpus()} processors, Python {platform.python_version()})"
    )
    if recorded:
        counted = {"product at": tried, "histories": f"{done:,}", "minutes": f"{took:.1f}"}
        record(LAST_RUN, {"engine": engine, **counted})


if __name__ == "__main__":
    main()
