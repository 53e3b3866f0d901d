"""`facesearch index` from files to stored vectors, beside the Python peer on the same photos."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click


@dataclass(frozen=True, slots=True)
class Run:
    """One pass over the photos; loading the models counts for us, and not for the peer.

    `peak_mb` is the resident memory of the largest process at its largest.
    """

    photos: int
    faces: int
    seconds: float
    peak_mb: float

    @property
    def photos_per_second(self) -> float:
        return self.photos / self.seconds


def spread_over(folder: Path, photos: int) -> list[Path]:
    """So many of the folder's photos, from everywhere in it."""
    found = sorted(folder.rglob("*.jpg"))
    return found[:: max(1, len(found) // photos)][:photos]


def run_ours(paths: list[Path], workers: int | None) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        store = f"sqlite:///{folder}/faces.db"
        command = [
            sys.executable,
            "-m",
            "facesearch_local.cli",
            "index",
            "--json",
            "--store",
            store,
        ]
        if workers:
            command += ["--workers", str(workers)]
        start = time.perf_counter()
        result, peak_mb = _measured([*command, *map(str, paths)])
        return Run(len(paths), result["faces"], time.perf_counter() - start, peak_mb)


def run_peer(python: str, paths: list[Path]) -> Run:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listing:
        listing.write("\n".join(map(str, paths)))
        listing.flush()
        script = Path(__file__).with_name("peer_facenet_pytorch.py")
        result, peak_mb = _measured([python, str(script), listing.name])
    return Run(len(paths), result["faces"], result["seconds"], peak_mb)


def _measured(command: list[str]) -> tuple[dict[str, Any], float]:
    """The JSON that a command prints, and the peak memory of its largest process."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise click.ClickException(f"{command[0]} ended with exit code {process.returncode}")
        output.seek(0)
        return json.load(output), usage.ru_maxrss / 1000


@click.command(
    epilog="Example: python -m tests.benchmarks.bench_index LFW --peer-python peer/bin/python "
    "(where: python -m venv peer && peer/bin/pip install facenet-pytorch)"
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--photos", default=2000, show_default=True, help="How many, spread over the folder.")
@click.option("--peer-photos", default=400, show_default=True, help="How many for the slow peer.")
@click.option("--peer-python", help="A Python that has facenet-pytorch; without it, ours alone.")
@click.option("--workers", type=int, help="Workers of ours; default: all cores.")
@click.option("--rounds", default=3, show_default=True, help="The two take turns this many times.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(
    folder: Path,
    photos: int,
    peer_photos: int,
    peer_python: str | None,
    workers: int | None,
    rounds: int,
    as_json: bool,
) -> None:
    """Index photos of FOLDER with facesearch and with facenet-pytorch, in turns."""
    many, few = spread_over(folder, photos), spread_over(folder, peer_photos)
    ours, peers, ratios = [], [], []
    for _ in range(rounds):
        ours.append(run_ours(many, workers))
        if peer_python:
            peers.append(run_peer(peer_python, few))
            ratios.append(ours[-1].photos_per_second / peers[-1].photos_per_second)
    if as_json:
        summary = {"facesearch": list(map(asdict, ours)), "peer": list(map(asdict, peers))}
        click.echo(json.dumps(summary | {"ratios": ratios}, indent=2))
        return
    for name, runs in (("facesearch", ours), ("facenet-pytorch", peers)):
        for run in runs:
            click.echo(
                f"{name:16} {run.photos_per_second:7.1f} photos/s  "
                f"({run.photos} photos, {run.faces} faces, {run.seconds:.1f} s, "
                f"peak {run.peak_mb:.0f} MB a process)"
            )
    if ratios:
        click.echo(f"ratio            {min(ratios):.1f} to {max(ratios):.1f}")
    else:
        click.echo("facenet-pytorch not measured: give --peer-python")


if __name__ == "__main__":
    main()
