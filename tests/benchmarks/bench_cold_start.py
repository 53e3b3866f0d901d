"""Cold start of each function, in the Lambda runtime image at one CPU, stage by stage."""

import json
import os
import tempfile
from pathlib import Path
from statistics import median

import click

from facesearch.settings import Settings
from tests.integration.lambda_image import (
    assemble_function,
    assemble_layers,
    run_in_image,
    why_not,
)

PACKAGES = ("index_faces", "search_faces")
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "FACESEARCH_BUCKET": "photos",
    "FACESEARCH_MODELS": "/opt/models",
    "FACESEARCH_STORE": "opensearch+aws://localhost/faces?region=eu-west-1",
    "FACESEARCH_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}

# Docker's own work counts in the age of a container's first process, so that one starts the other.
LAUNCH = "import subprocess, sys; sys.exit(subprocess.call([sys.executable, *sys.argv[1:]]))"

Stages = dict[str, tuple[float, float]]


def measure(
    package: str, opt: Path, photo: Path, runs: int, start: str = "on-demand"
) -> list[Stages]:
    """Each run is a new container; one before them fills the file cache, as Lambda's host has.

    `start` is Lambda's word for it, in AWS_LAMBDA_INITIALIZATION_TYPE.
    """
    environment = {**ENVIRONMENT, "AWS_LAMBDA_INITIALIZATION_TYPE": start}
    with tempfile.TemporaryDirectory() as task:
        assemble_function(package, Path(task))
        folders = {Path(task): "/var/task", Path(__file__).parent: "/probe", photo: "/photo.jpg"}
        probe = ("-c", LAUNCH, "/probe/cold_start_probe.py", package, "/photo.jpg")
        printed = [
            run_in_image(opt, folders, *probe, cpus=1, environment=environment)
            for _ in range(runs + 1)
        ]
    return [json.loads(each) for each in printed[1:]]


@click.command(
    epilog="Run it from the repository's root: python -m tests.benchmarks.bench_cold_start"
)
@click.option("--runs", default=7, show_default=True, help="Cold starts of each function.")
def main(runs: int) -> None:
    """Milliseconds from the process's start until each stage is reached.

    Minimum and median by the clock, and the median of processor time, which other work on the
    machine disturbs less.
    """
    if (reason := why_not()) is not None:
        raise click.ClickException(reason)
    models = Settings.from_env(os.environ).models
    with tempfile.TemporaryDirectory() as opt:
        assemble_layers(models, Path(opt))
        for package in PACKAGES:
            photo = models / "sample/val/elton_john/elton_john_01.jpg"
            show(package, measure(package, Path(opt), photo, runs))


def show(package: str, measured: list[Stages]) -> None:
    click.echo(f"{package:14} {'minimum':>8} {'median':>8} {'CPU':>8}   ({len(measured)} runs)")
    for stage in measured[0]:
        clock, processor = zip(*(run[stage] for run in measured), strict=True)
        figures = (min(clock), median(clock), median(processor))
        click.echo(f"  {stage:12}" + "".join(f" {figure:8.0f}" for figure in figures))


if __name__ == "__main__":
    main()
