"""`python -m tests.convergence`: many random histories, on a store of your choice."""

import os
import platform
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import click

from facesearch.machine import usable_cpus
from facesearch.recipes.finding import built_in
from facesearch.settings import Settings
from facesearch.vision.pipeline import FacePipeline
from tests.convergence.running import (
    opensearch_stores,
    real_faces,
    run_histories,
    sqlite_stores,
)
from tests.integration.opensearch_server import IN_MEMORY, own_server
from tests.last_runs import product, record

LAST_RUN = Path(__file__).with_name("LAST_RUN.md")
PART = 1000
"""Histories at a time: hypothesis remembers those that it tried."""


@click.command(
    epilog="""\b
Examples:
  python -m tests.convergence sqlite
  python -m tests.convergence opensearch --histories 10000"""
)
@click.argument("engine", type=click.Choice(["sqlite", "opensearch"]))
@click.option("--histories", default=10_000, show_default=True, help="How many to try.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="Begin no thousand after so many.",
)
@click.option(
    "--record", "recorded", is_flag=True, help="Write it to LAST_RUN.md, and commit that."
)
def main(engine: str, histories: int, minutes: float | None, *, recorded: bool) -> None:
    """Play random histories of a bucket and its index, and hold the index to the bucket.

    A history that fails is shortened and printed with its steps. tests/convergence/failures keeps
    it.
    """
    models = Settings.from_env(os.environ).models
    faces = real_faces(FacePipeline(models, built_in("facenet"), threads=1), models / "sample")
    tried = product()
    done = 0
    with ExitStack() as stack:
        if engine == "sqlite":
            stores = stack.enter_context(sqlite_stores())
        else:
            server = own_server("facesearch-convergence", *IN_MEMORY)
            stores = opensearch_stores(stack.enter_context(server))
        bar = stack.enter_context(click.progressbar(length=histories, label="Histories"))
        started = time.monotonic()
        while done < histories and (minutes is None or _minutes_since(started) < minutes):
            part = min(PART, histories - done)
            run_histories(part, stores, faces, lambda: bar.update(1))
            done += part
        took = _minutes_since(started)
    click.echo(
        f"{datetime.now(UTC):%Y-%m-%d}: {done:,} histories on {engine} converged in "
        f"{took:.1f} minutes ({usable_cpus()} processors, Python {platform.python_version()})"
    )
    if recorded:
        counted = {"product at": tried, "histories": f"{done:,}", "minutes": f"{took:.1f}"}
        record(LAST_RUN, {"engine": engine, **counted})


def _minutes_since(started: float) -> float:
    return (time.monotonic() - started) / 60


if __name__ == "__main__":
    main()
