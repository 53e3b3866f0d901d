"""Searches a second of `facesearch serve` with one client and with several, and what they wait."""

import itertools
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import median

import click
import numpy as np

CLIENTS = (1, 2, 4, 8)
START_S = 4
"""By then, all of the server's processes work."""
HEADERS = {"Content-Type": "image/jpeg"}


@contextmanager
def served(store: str, workers: int | None) -> Iterator[tuple[int, int]]:
    """A server; yields its port and its process."""
    command = [sys.executable, "-m", "facesearch_local.cli", "serve", "--store", store, "--port=0"]
    options = [f"--workers={workers}"] if workers else []
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            found = re.search(r":(\d+)$", line.strip())
            if not found:
                raise click.ClickException(f"the server did not start: {line}")
            yield int(found[1]), server.pid
        finally:
            server.terminate()


def searched(port: int, photos: Sequence[bytes], clients: int, seconds: float) -> list[float]:
    """How long each search took, in seconds; every client keeps one connection."""
    end = time.monotonic() + seconds

    def search(first: int) -> list[float]:
        took: list[float] = []
        with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            for place in itertools.count(first * 7):
                start = time.monotonic()
                if start > end:
                    return took
                connection.request("POST", "/v1/search", photos[place % len(photos)], HEADERS)
                answer = connection.getresponse()
                answer.read()
                took.append(time.monotonic() - start)
                if answer.status != 200:
                    raise click.ClickException(f"a search was answered with {answer.status}")
        return took

    with ThreadPoolExecutor(clients) as threads:
        return [each for found in threads.map(search, range(clients)) for each in found]


def workers_of(process: int) -> list[int]:
    """The processes that answer searches beside the server's own."""
    command = ["pgrep", "-P", str(process), "-f", "spawn_main"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return list(map(int, found.stdout.split()))


def processor_s(process: int) -> float:
    """What its processor time adds up to, in seconds."""
    spent = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, spent)) / os.sysconf("SC_CLK_TCK")


def wait_until_idle(processes: Sequence[int]) -> None:
    """Wait until the processes, which have just been started, have nothing more to do."""
    before = -1.0
    while (now := sum(map(processor_s, processes))) != before or now == 0:
        before = now
        time.sleep(1)


def peak_mb(process: int) -> float:
    """The most memory that the process and its workers have had."""
    statuses = [
        Path(f"/proc/{each}/status").read_text() for each in (process, *workers_of(process))
    ]
    return sum(int(each.partition("VmHWM:")[2].split()[0]) for each in statuses) / 1024


def usable(port: int, folder: Path, count: int) -> list[bytes]:
    """Photos of the folder in which there is a face."""
    paths = sorted(folder.rglob("*.jpg"))
    photos = [path.read_bytes() for path in paths[:: max(1, len(paths) // count)]]
    found = []
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        for photo in photos[:count]:
            connection.request("POST", "/v1/search", photo, HEADERS)
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                found.append(photo)
    return found


@click.command(epilog="Example: python -m tests.benchmarks.bench_serve sqlite:///lfw.db LFW")
@click.argument("store")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--seconds", default=3.0, show_default=True, help="For each number of clients.")
@click.option("--rounds", default=3, show_default=True, help="Their median is told.")
@click.option("--workers", type=click.IntRange(1), help="Of the server (default: its own).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(
    store: str, folder: Path, seconds: float, rounds: int, workers: int | None, as_json: bool
) -> None:
    """Search STORE over HTTP with photos of FOLDER, as 1, 2, 4 and 8 clients in turn."""
    rows: dict[int, list[dict[str, float]]] = {clients: [] for clients in CLIENTS}
    with served(store, workers) as (port, process):
        photos = usable(port, folder, 50)
        time.sleep(START_S)
        for _ in range(rounds):
            for clients in CLIENTS:
                took = searched(port, photos, clients, seconds)
                p50, p95 = 1000 * np.percentile(took, [50, 95])
                figures = {"searches_s": len(took) / seconds, "p50_ms": p50, "p95_ms": p95}
                rows[clients].append(figures)
        most = peak_mb(process)
    with served(store, 1) as (port, process):
        searched(port, photos, 8, seconds)
        least = peak_mb(process)
    table = [{"clients": clients, **_middle(found, rows[1])} for clients, found in rows.items()]
    if as_json:
        click.echo(json.dumps({"clients": table, "peak_mb": most, "peak_mb_of_one_worker": least}))
        return
    for row in table:
        click.echo("  ".join(f"{name} {value:g}" for name, value in row.items()))
    click.echo(f"peak memory {most:.0f} MB; with one worker {least:.0f} MB")


def _middle(found: Sequence[dict[str, float]], one: Sequence[dict[str, float]]) -> dict[str, float]:
    """Medians over the rounds, and ratios to one client's in the same round."""
    row = {name: round(median(each[name] for each in found), 1) for name in found[0]}
    for name in ("searches_s", "p95_ms"):
        ratios = [each[name] / base[name] for each, base in zip(found, one, strict=True)]
        row[f"{name.partition('_')[0]}_ratio"] = round(median(ratios), 2)
    return row


if __name__ == "__main__":
    main()
