"""`python -m tests.faults`: bring each known fault back, in a copy, and see its tests fail."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from tests.faults.faults import ROOT, Fault, faults
from tests.last_runs import product, record

LAST_RUN = Path(__file__).with_name("LAST_RUN.md")
FAILED = 1
"""What pytest ends with when tests failed, and not for another reason."""


@click.command()
@click.option("--only", default="", help="Faults whose names begin so.")
@click.option(
    "--record", "recorded", is_flag=True, help="Write it to LAST_RUN.md, and commit that."
)
def main(only: str, *, recorded: bool) -> None:
    """Bring each fault of faults.toml back, one at a time: its tests pass before, and fail then."""
    tried, chosen = product(), [fault for fault in faults() if fault.name.startswith(only)]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        _copy_to(copy)
        code, said = _pytest(copy, sorted({test for fault in chosen for test in fault.tests}))
        if code != 0:
            raise click.ClickException(f"without a fault, all have to pass: {said}")
        rows = [_row(fault, tried, copy) for fault in chosen]
    if recorded:
        record(LAST_RUN, *rows)
    sys.exit(any(not row["with it"].startswith("fails") for row in rows))


def _row(fault: Fault, tried: str, copy: Path) -> dict[str, str]:
    fault.bring_back(copy)
    code, said = _pytest(copy, fault.tests)
    shutil.copy(ROOT / fault.file, copy / fault.file)
    outcome = f"fails: {said}" if code == FAILED else f"does not fail: {said}"
    click.echo(f"{fault.name}: {outcome}")
    tests = "<br>".join(f"`{each.removeprefix('tests/')}`" for each in fault.tests)
    return {"fault": fault.name, "product at": tried, "test": tests, "with it": outcome}


def _copy_to(folder: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)


def _pytest(copy: Path, tests: Sequence[str]) -> tuple[int, str]:
    """How the tests end, and pytest's last line."""
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stdout.strip().rpartition("\n")[2].partition(" in ")[0]


if __name__ == "__main__":
    main()
