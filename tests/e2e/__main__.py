"""`python -m tests.e2e`: the rehearsal, as `make rehearse` runs it."""

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import click
import pytest

from tests.last_runs import product, record

FOLDER = Path(__file__).parent
LAST_RUN = FOLDER / "LAST_RUN.md"

# The page of `facesearch serve` is tested by `make test`.
_OPTIONS = ("-k", "not page or deployed", "--durations", "10")


class Outcomes:
    """Counts of pytest's outcomes, and the seconds of each file of tests."""

    def __init__(self) -> None:
        self.counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.seconds: dict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file = report.nodeid.partition("::")[0]
        name = str(Path(file).relative_to("tests/e2e"))
        self.seconds[name] += report.duration
        if report.when == "call" or report.outcome != "passed":
            self.counts[name][report.outcome] += 1

    def rows(self, tried: str) -> list[dict[str, str]]:
        """A row for each file, of what is `tried`."""
        return [
            _row(
                f"`{name}`", tried, ", ".join(f"{n} {what}" for what, n in counts.items()), seconds
            )
            for name, seconds in self.seconds.items()
            if (counts := self.counts[name])
        ]


@click.command(context_settings={"ignore_unknown_options": True})
@click.option(
    "--record", "recorded", is_flag=True, help="Write it to LAST_RUN.md, and commit that."
)
@click.option("--up", is_flag=True, help="Only measure how long `make up` takes, and record it.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def main(arguments: tuple[str, ...], *, recorded: bool, up: bool) -> None:
    """Deploy the stack on an emulator of AWS, use it, change it and destroy it.

    ARGUMENTS are pytest's: files, else all are run.
    """
    tried = product()
    if up:
        load = os.getloadavg()[0]
        seconds = _seconds_up()
        record(LAST_RUN, _row("`make up`", tried, f"answers; load before {load:.0f}", seconds))
        return
    files = [each for each in arguments if Path(each.partition("::")[0]).exists()]
    outcomes = Outcomes()
    if recorded:
        # Else what is skipped would look as if it had passed.
        os.environ["FACESEARCH_TEST_ALL"] = "1"
    # Ended, it still stops what it started, and records what was done.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    code = pytest.main([*_OPTIONS, *arguments, *([] if files else [str(FOLDER)])], [outcomes])
    if recorded:
        record(LAST_RUN, *outcomes.rows(tried))
    sys.exit(code)


def _row(what: str, tried: str, outcome: str, seconds: float) -> dict[str, str]:
    cells = {"what": what, "product at": tried, "outcome": outcome}
    return {**cells, "seconds": f"{seconds:,.0f}"}


def _seconds_up() -> float:
    """How long `make up` takes from nothing, where images, layers and tools are there."""
    # Not before pytest, which has to be the first to import what its plugins are made of.
    from tests.e2e.system import free_ports

    name = f"--name=facesearch-timed-{os.getpid()}"
    aws, domain, opensearch = free_ports(3)
    ports = [f"--aws-port={aws}", f"--domain-port={domain}", f"--opensearch-port={opensearch}"]
    started = time.monotonic()
    try:
        _make("up", name, *ports)
        return time.monotonic() - started
    finally:
        _make("down", name, "--erase")


def _make(target: str, *options: str) -> None:
    subprocess.run(
        ["make", "--silent", target, f"STACK={' '.join(options)}"],
        cwd=FOLDER.parents[1],
        check=True,
    )


if __name__ == "__main__":
    main()
