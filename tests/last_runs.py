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


def record(page: Path, cells: Mapping[str, str]) -> None:
    """Put a row into the page's table, in the place of the one with its first cell; commit it."""
    row = {**cells, "day": f"{datetime.now(UTC):%Y-%m-%d}", "processors": str(usable_cpus())}
    lines = page.read_text().splitlines() if page.exists() else []
    rows = [line for line in lines if line.startswith("|")][2:]
    about = [line for line in lines if not line.startswith("|")]
    first = _line([next(iter(row.values()))]).rstrip()
    kept = [line for line in rows if not line.startswith(first)]
    table = [_line(row), _line("---" for _ in row), *sorted([*kept, _line(row.values())])]
    page.write_text("\n".join(["\n".join(about).rstrip("\n"), "", *table, ""]))
    _git("add", str(page))
    _git("commit", "--quiet", "--message", f"Last run: {', '.join(row.values())}", "--", str(page))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _git(*arguments: str) -> str:
    ran = subprocess.run(
        ["git", *arguments], check=True, capture_output=True, text=True, cwd=Path(__file__).parent
    )
    return ran.stdout.strip()
