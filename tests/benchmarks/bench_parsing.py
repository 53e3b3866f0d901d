"""What hostile requests, messages and recipes cost: `python -m tests.benchmarks.bench_parsing`.

Each is parsed in a process of its own. Processor time is told as a multiple of that of decoding a
phone's 12-megapixel JPEG in the same run; memory is what parsing adds to the process's peak.
"""

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from tests.benchmarks.bench_decoding import cost_of, own_peak_mb
from tests.fuzz.hostile_images import phone_12_megapixels
from tests.fuzz.hostile_requests import HOSTILE_REQUESTS
from tests.fuzz.targets import TARGETS

MAX_TIMES = 20
MAX_MEMORY_MB = 400


@dataclass(frozen=True)
class Cost:
    bytes: int
    cpu_s: float
    memory_mb: float


def _parse(name: str) -> Cost:
    target, made = HOSTILE_REQUESTS[name]
    data = made()
    # What made it may have taken more.
    Path("/proc/self/clear_refs").write_text("5")
    before, started = own_peak_mb(), time.process_time()
    TARGETS[target].run(data)
    return Cost(len(data), time.process_time() - started, own_peak_mb() - before)


@click.command()
@click.option("--parse", hidden=True)
def main(parse: str | None) -> None:
    """Print a row for each kind."""
    if parse is not None:
        click.echo(json.dumps(asdict(_parse(parse))))
        return
    reference = cost_of(phone_12_megapixels())
    click.echo("| input | bytes | processor time, × a 12-megapixel JPEG's | memory, MB |")
    click.echo("|---|---|---|---|")
    over = False
    for name in HOSTILE_REQUESTS:
        command = [sys.executable, "-m", "tests.benchmarks.bench_parsing", "--parse", name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        cost = Cost(**json.loads(done.stdout))
        times = cost.cpu_s / reference.cpu_s
        click.echo(f"| {name} | {cost.bytes:,} | {times:.1f} | {cost.memory_mb:.0f} |")
        over |= times > MAX_TIMES or cost.memory_mb > MAX_MEMORY_MB
    sys.exit(over)


if __name__ == "__main__":
    main()
