"""How fast the running local stack is: from upload to searchable, and searches over HTTP.

make up
python -m tests.benchmarks.bench_stack FOLDER_OF_PHOTOS
"""

import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import quantiles

import click

from tests.e2e.stack.config import Config, Running
from tests.e2e.system import RunningSystem, wait_for

SEARCHERS = (1, 2, 4)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--name", default="facesearch", show_default=True, help="Which stack.")
@click.option("--uploads", default=30, show_default=True, help="Photos uploaded one by one.")
@click.option("--searches", default=100, show_default=True, help="Searches for each concurrency.")
def main(folder: Path, name: str, uploads: int, searches: int) -> None:
    """Measure with photos from FOLDER, which stay in the bucket."""
    config = Config(name, 0, 0, 0, "eu-west-1", "dev")
    system = RunningSystem(config, Running.load(config.running_file))
    photos = [path.read_bytes() for path in sorted(folder.glob("**/*.jpg"))[: max(uploads, 20)]]
    system.found(photos[0])
    print(f"{platform.machine()}, {platform.system()}")
    started = time.time()
    seconds = [
        _until_searchable(system, f"bench/{started}/{number}.jpg", photo)
        for number, photo in enumerate(photos[:uploads])
    ]
    print(f"upload to searchable: {_told(seconds)} ({len(seconds)} photos, one by one)")
    for searchers in SEARCHERS:
        began = time.perf_counter()
        with ThreadPoolExecutor(searchers) as pool:
            queries = (photos[number % len(photos)] for number in range(searches))
            seconds = list(pool.map(lambda photo: _timed(lambda: system.found(photo)), queries))
        rate = searches / (time.perf_counter() - began)
        print(f"searches, {searchers} at a time: {rate:.1f}/s, {_told(seconds)}")


def _until_searchable(system: RunningSystem, key: str, photo: bytes) -> float:
    """Seconds; a search takes part of them itself."""
    began = time.perf_counter()
    system.put(key, photo)
    wait_for(lambda: key in system.found(photo), "the photo to be found")
    return time.perf_counter() - began


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _told(seconds: Sequence[float]) -> str:
    cuts = quantiles(seconds, n=20)
    return f"p50 {cuts[9] * 1000:.0f} ms, p95 {cuts[18] * 1000:.0f} ms"


if __name__ == "__main__":
    main()
