"""Progress on stderr: a bar on a terminal, elsewhere a line every few seconds.

Rich is imported only for terminals, because its import takes time.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from facesearch_models.report import Report

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

Advance = Callable[[int], None]
"""Called with the number of things that were done since the last call."""

LINE_EVERY_S = 10.0


@contextmanager
def show_progress(doing: str, noun: str, total: int, *, quiet: bool = False) -> Iterator[Advance]:
    """Show the progress of `total` things: `doing` is "Indexing", say, and `noun` "photos"."""
    if quiet or not total:
        yield lambda _: None
    elif sys.stderr.isatty():
        with _bar(doing, noun, total) as advance:
            yield advance
    else:
        yield _Lines(doing, noun, total).advance


@contextmanager
def show_steps() -> Iterator[Report]:
    """Print a line for each step, with a bar of its progress on a terminal."""
    if not sys.stderr.isatty():
        yield _StepLines()
        return
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    with _bars(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()) as bars:
        steps = _StepBars(bars)
        yield steps
        steps.finish()


@contextmanager
def _bar(doing: str, noun: str, total: int) -> Iterator[Advance]:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("time left"),
        TimeRemainingColumn(compact=True),
    )
    with _bars(*columns, transient=True) as bar:
        task = bar.add_task(doing, total=total, rate="")
        clock = _Clock()

        def advance(done: int) -> None:
            clock.done += done
            bar.update(task, advance=done, rate=f"{clock.rate:.0f} {noun}/s")

        yield advance


def _bars(*columns: "ProgressColumn", transient: bool = False) -> "Progress":
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    console = Console(stderr=True)
    return Progress(*columns, console=console, refresh_per_second=4, transient=transient)


class _StepLines:
    def step(self, about: str) -> None:
        click.echo(about, err=True)

    def advance(self, share: float) -> None:
        """Do nothing: a line shows no progress."""


class _StepBars:
    def __init__(self, bars: "Progress") -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def step(self, about: str) -> None:
        self.finish()
        self._task = self._bars.add_task(about, total=None)

    def advance(self, share: float) -> None:
        if self._task is not None:
            self._bars.update(self._task, total=1.0, completed=share)

    def finish(self) -> None:
        self.advance(1.0)


class _Clock:
    """Counts what is done, and measures its rate."""

    def __init__(self) -> None:
        self.done = 0
        self._start = time.monotonic()

    @property
    def rate(self) -> float:
        return self.done / max(time.monotonic() - self._start, 1e-3)


class _Lines:
    def __init__(self, doing: str, noun: str, total: int) -> None:
        self._doing, self._noun, self._total = doing, noun, total
        self._clock = _Clock()
        self._next = time.monotonic() + LINE_EVERY_S

    def advance(self, done: int) -> None:
        self._clock.done += done
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + LINE_EVERY_S
        rate = self._clock.rate
        left = (self._total - self._clock.done) / rate if rate else 0.0
        click.echo(
            f"{self._doing}: {self._clock.done:,} of {self._total:,} {self._noun}, "
            f"{rate:.0f}/s, {left:.0f} s left",
            err=True,
        )
