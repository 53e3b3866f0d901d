"""What builds report to in tests."""


class Steps:
    """A report that remembers."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def step(self, about: str) -> None:
        self.steps.append(about)

    def advance(self, share: float) -> None:
        pass
