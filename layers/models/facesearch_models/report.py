"""How the build tells what it is doing."""

from typing import Protocol


class Report(Protocol):
    """Is told of each step when it starts, and of a step's progress if that can be known."""

    def step(self, about: str) -> None: ...

    def advance(self, share: float) -> None:
        """`share` of the current step is done, 0 to 1."""
