"""`python -m tests.benchmarks.load FOLDER`: `facesearch serve`, or with `--stack` a local stack."""

import json
import time
from pathlib import Path

import click
import numpy as np

from tests.benchmarks.load import serving, stack
from tests.last_runs import product

SECONDS = click.FloatRange(1)
MOST_PHOTOS = 10_000
"""They are kept in memory: some 100 MB of LFW's."""


@click.command(epilog="Example: python -m tests.benchmarks.load LFW --seconds 600")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--stack", "stack_name", help="The running stack of this name, instead of a server.")
@click.option("--seconds", type=SECONDS, default=60.0, show_default=True, help="Of steady load.")
@click.option(
    "--overload", type=SECONDS, default=20.0, show_default=True, help="Seconds of twice too much."
)
@click.option("--share", default=0.8, show_default=True, help="Of what the service can do.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(
    folder: Path,
    stack_name: str | None,
    seconds: float,
    overload: float,
    share: float,
    as_json: bool,
) -> None:
    """Upload photos of FOLDER and search with them.

    A server has an empty store; a stack, started with `make up`, loses what is in it.
    """
    paths = sorted(folder.rglob("*.jpg"))
    chosen = np.random.default_rng(1).permutation(len(paths))[:MOST_PHOTOS].tolist()
    photos = [paths[place].read_bytes() for place in chosen]
    if stack_name is None:
        report = serving.run(photos, seconds, overload, share)
    else:
        report = stack.run(stack_name, photos, seconds, overload, share)
    told = {
        "day": time.strftime("%Y-%m-%d"),
        "commit": product(),
        "of": "serve" if stack_name is None else "stack",
        **report.figures(),
    }
    if as_json:
        click.echo(json.dumps(told, indent=1))
        return
    phases = [report.steady.figures(), report.overload.figures()]
    for figures in ({**told, "phases": [each["phase"] for each in phases]}, *phases):
        click.echo("\n".join(f"{name:22}{value}" for name, value in figures.items()) + "\n")


if __name__ == "__main__":
    main()
