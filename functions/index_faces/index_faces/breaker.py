"""A circuit breaker: while store or bucket are away, nothing is read and embedded in vain."""

from collections.abc import Callable

PAUSE_S = 300.0


class Breaker:
    """It opens at a failure that is not one photo's. After `PAUSE_S`, one message is tried."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: float | None = None

    @property
    def open(self) -> bool:
        """Whether it is useless to try."""
        return self._until is not None and self._clock() < self._until

    @property
    def doubtful(self) -> bool:
        """Whether the last try failed."""
        return self._until is not None

    def failed(self) -> None:
        self._until = self._clock() + PAUSE_S

    def worked(self) -> None:
        self._until = None
