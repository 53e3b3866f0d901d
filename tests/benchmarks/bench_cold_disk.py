"""Indexing photos that are on the disk only, beside the same ones in memory.

Each round takes turns: index them warm, index them cold, read them cold one by one, read them
cold as the index does (`read_ahead`). Before what is cold, the system is asked to forget the files;
whether it does is seen when they are read.
"""

import json
import os
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from facesearch.photos.folder import read_photo
from facesearch.photos.reading import read_ahead
from tests.benchmarks.bench_index import run_ours, spread_over

FORGOTTEN = 0.9
"""The least share of the photos' bytes that has to come from the disk, else they were not cold."""


def forget(paths: Sequence[Path]) -> None:
    """Take files out of the system's memory."""
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_one_by_one(photo_ids: Sequence[str]) -> None:
    for photo_id in photo_ids:
        read_photo(photo_id)


def read_as_indexing_does(photo_ids: Sequence[str]) -> None:
    for _ in read_ahead(read_photo, photo_ids):
        pass


def from_disk() -> int:
    """Bytes that this process has had read from a disk."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("read_bytes"))


@click.command(epilog="Example: python -m tests.benchmarks.bench_cold_disk LFW")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--photos",
    type=click.IntRange(1),
    default=2000,
    show_default=True,
    help="How many, spread over the folder.",
)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(folder: Path, photos: int, rounds: int, as_json: bool) -> None:
    """Index and read photos of FOLDER, warm and cold."""
    paths = [path.resolve() for path in spread_over(folder, photos)]
    if not paths:
        raise click.ClickException(f"{folder} holds no *.jpg")
    photo_ids = [path.as_uri() for path in paths]
    size = sum(path.stat().st_size for path in paths)
    rates = defaultdict(list)
    for _ in range(rounds):
        run_ours(paths[:16], None)  # the program itself is in memory, as are the models
        read_one_by_one(photo_ids)
        rates["indexed warm"].append(run_ours(paths, None).photos_per_second)
        forget(paths)
        rates["indexed cold"].append(run_ours(paths, None).photos_per_second)
        for name, read in (
            ("read cold, one by one", read_one_by_one),
            ("read cold, ahead", read_as_indexing_does),
        ):
            forget(paths)
            before, start = from_disk(), time.perf_counter()
            read(photo_ids)
            rates[name].append(len(paths) / (time.perf_counter() - start))
            if from_disk() - before < FORGOTTEN * size:
                raise click.ClickException(f"{folder} stays in memory: try a folder on a disk")
    medians = {name: float(np.median(each)) for name, each in rates.items()}
    ratio = float(np.median(np.divide(rates["indexed cold"], rates["indexed warm"])))
    if as_json:
        click.echo(json.dumps({"photos": len(paths), "bytes": size, **rates, "ratio": ratio}))
        return
    click.echo(f"{len(paths):,} photos of {size / len(paths) / 1000:,.0f} KB, medians of {rounds}")
    for name, rate in medians.items():
        click.echo(f"{name:22} {rate:9,.1f} photos/s {rate * size / len(paths) / 1e6:8,.1f} MB/s")
    click.echo(f"cold to warm           {ratio:9.3f}")


if __name__ == "__main__":
    main()
