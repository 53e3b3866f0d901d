"""How the build tells what it is doing."""

from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class Report(Protocol):
    """Is told of each step when it starts, and of a step's progress if that can be known."""

    def step(self, about: str) -> None: ...

    def advance(self, share: float) -> None:
        """`share` of the current step is done, 0 to 1."""


class ShownProgress:
    """A line and a bar for each step on stderr; lines alone where there is no terminal."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._finish()
        self._progress.stop()

    def step(self, about: str) -> None:
        self._finish()
        self._task = self._progress.add_task(about, total=None)
        if self._progress.disable:
            self._console.print(about, highlight=False)

    def advance(self, share: float) -> None:
        if self._task is not None:
            self._progress.update(self._task, total=1.0, completed=share)

    def _finish(self) -> None:
        self.advance(1.0)
