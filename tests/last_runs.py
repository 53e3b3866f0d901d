"""Keep what long runs said: a table in the repository, a row for each kind of run."""

import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from facesearch.machine import usable_cpus


def product() -> str:
    """The commit that is tried."""
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return _git("rev-parse", "--short", "HEAD") + (" with changes" if changed else "")


def record(page: Path, *runs: Mapping[str, str]) -> None:
    """Put rows into the page's table, each in the place of the one with its first cell; commit."""
    lines = page.read_text().splitlines() if page.exists() else []
    about = [line for line in lines if not line.startswith("|")]
    rows = [line for line in lines if line.startswith("|")][2:]
    when = {"day": f"{datetime.now(UTC):%Y-%m-%d}", "processors": str(usable_cpus())}
    for run in runs:
        first = _line([next(iter(run.values()))]).rstrip()
        kept = [line for line in rows if not line.startswith(first)]
        rows = [*kept, _line([*run.values(), *when.values()])]
    heads = [*runs[0], *when]
    table = [_line(heads), _line("---" for _ in heads), *sorted(rows)]
    page.write_text("\n".join(["\n".join(about).rstrip("\n"), "", *table, ""]))
    _git("add", str(page))
    what = ", ".join(runs[0].values()) if len(runs) == 1 else f"{len(runs)} rows"
    message = f"Last run of {page.parent.name}: {what}"
    _git("commit", "--quiet", "--message", message, "--", str(page))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _git(*arguments: str) -> str:
    ran = subprocess.run(
        ["git", *arguments], check=True, capture_output=True, text=True, cwd=Path(__file__).parent
    )
    return ran.stdout.strip()
