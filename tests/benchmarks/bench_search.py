"""How long `facesearch serve` takes for a search: upload, decode, detect, embed, k-NN, answer."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np
import requests

WARM_UP = 20


@contextmanager
def served(store: str, port: int, core: int | None) -> Iterator[str]:
    """A server on one core (all if None) and one ONNX thread; yields its address."""
    command = [sys.executable, "-m", "facesearch_local.cli", "serve", "--store", store]
    environ = os.environ | ({} if core is None else {"FACESEARCH_THREADS": "1"})
    server = subprocess.Popen(
        [*command, "--port", str(port)],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        if core is not None:
            os.sched_setaffinity(server.pid, {core})
        address = f"http://127.0.0.1:{port}"
        _wait_for(address)
        yield address
    finally:
        server.terminate()
        server.wait()


def _wait_for(address: str) -> None:
    for _ in range(100):
        try:
            requests.get(f"{address}/v1/health", timeout=5).raise_for_status()
        except requests.RequestException:
            time.sleep(0.1)
        else:
            return
    raise click.ClickException(f"no server answered at {address}")


@click.command(epilog="Example: python -m tests.benchmarks.bench_search sqlite:///lfw.db LFW")
@click.argument("store")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--queries", default=300, show_default=True, help="Photos of FOLDER to search with.")
@click.option("--rounds", default=5, show_default=True, help="Their medians are told.")
@click.option("--port", default=8765, show_default=True)
@click.option("--core", default=0, show_default=True, help="Where to run the server; -1: anywhere.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(
    store: str, folder: Path, queries: int, rounds: int, port: int, core: int, as_json: bool
) -> None:
    """Search STORE over HTTP with photos of FOLDER, one after another, warm."""
    photos = sorted(folder.rglob("*.jpg"))
    chosen = photos[:: max(1, len(photos) // (queries + WARM_UP))][: queries + WARM_UP]
    headers, runs = {"Content-Type": "image/jpeg"}, []
    with served(store, port, None if core < 0 else core) as address, requests.Session() as session:
        for _ in range(rounds):
            took = []
            for photo in chosen:
                body = photo.read_bytes()
                start = time.perf_counter()
                answer = session.post(
                    f"{address}/v1/search", data=body, headers=headers, timeout=30
                )
                took.append(1000 * (time.perf_counter() - start))
                answer.raise_for_status()
            runs.append(np.percentile(took[WARM_UP:], [50, 95, 99]))
    p50, p95, p99 = np.median(runs, axis=0).round(1).tolist()
    ratio = round(float(np.median([each[1] / each[0] for each in runs])), 2)
    figures = {"queries": queries, "p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "p95_to_p50": ratio}
    if as_json:
        click.echo(json.dumps(figures))
    else:
        click.echo("  ".join(f"{name} {value}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
