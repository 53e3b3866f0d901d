"""Trying again, bounded in number and time, so that a struggling engine is not hit in step."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """At most `attempts`, none begun later than `total_s` after the first.

    Pauses double from `first_s` to `most_s` and are drawn from zero to that ("full jitter").
    """

    attempts: int
    total_s: float
    first_s: float
    most_s: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[float, float], float] = random.uniform

    def tries(self) -> Iterator[int]:
        """Counts attempts from 1, pausing between them: go through it until one succeeds."""
        start = self.clock()
        yield 1
        for attempt in range(2, self.attempts + 1):
            pause = self.jitter(0.0, min(self.most_s, self.first_s * 2.0 ** (attempt - 2)))
            if self.clock() + pause - start > self.total_s:
                return
            self.sleep(pause)
            yield attempt
