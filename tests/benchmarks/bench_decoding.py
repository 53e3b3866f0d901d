"""What costly and lying pictures cost to decode: `python -m tests.benchmarks.bench_decoding`.

Each is decoded in a process of its own. Processor time is told as a multiple of that of a phone's
12-megapixel JPEG in the same run; memory is the largest process's.
"""

import json
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

from facesearch.errors import FacesearchError
from facesearch.vision import decoding_process
from facesearch.vision.images import decode_image
from tests.fuzz.hostile_images import HOSTILE, phone_12_megapixels

MAX_MEMORY_MB = 700
MAX_TIMES = 60


@dataclass(frozen=True)
class Cost:
    """Of decoding one file; `outcome` is its size, or the error's code."""

    outcome: str
    cpu_s: float
    memory_mb: float


def cost_of(data: bytes) -> Cost:
    """In a fresh process, whose own start is left out of the time."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        command = [sys.executable, "-m", "tests.benchmarks.bench_decoding", "--decode", file.name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Cost(**json.loads(done.stdout))


def _decode(path: Path) -> Cost:
    data = path.read_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF)
    try:
        decoded = decode_image(data)
        outcome = f"{decoded.width}×{decoded.height}"
    except FacesearchError as error:
        outcome = error.code
    decoding_process.close()
    own = resource.getrusage(resource.RUSAGE_SELF)
    others = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = own.ru_utime + own.ru_stime - before.ru_utime - before.ru_stime
    spent += others.ru_utime + others.ru_stime
    return Cost(outcome, spent, max(own_peak_mb(), others.ru_maxrss / 1024))


def own_peak_mb() -> float:
    """Not `ru_maxrss`, which a process has from the one that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@click.command()
@click.argument("names", nargs=-1)
@click.option("--decode", type=click.Path(path_type=Path), hidden=True)
def main(names: tuple[str, ...], decode: Path | None) -> None:
    """Print a row for each of NAMES (default: all)."""
    if decode is not None:
        click.echo(json.dumps(vars(_decode(decode))))
        return
    reference = cost_of(phone_12_megapixels())
    click.echo(
        "| picture | bytes | outcome | processor time, × a 12-megapixel JPEG's | memory, MB |"
    )
    click.echo("|---|---|---|---|---|")
    over = False
    for name in names or HOSTILE:
        data = HOSTILE[name]()
        cost = cost_of(data)
        times = cost.cpu_s / reference.cpu_s
        click.echo(
            f"| {name.replace('_', ' ')} | {len(data):,} | {cost.outcome} | {times:.1f} | "
            f"{cost.memory_mb:.0f} |"
        )
        over |= times > MAX_TIMES or cost.memory_mb > MAX_MEMORY_MB
    sys.exit(over)


if __name__ == "__main__":
    main()
