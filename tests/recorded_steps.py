"""What the builds of models report to in tests."""


class RecordedSteps:
    """Remembers the steps."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def step(self, about: str) -> None:
        self.steps.append(about)

    def advance(self, share: float) -> None:
        assert 0 <= share <= 1
