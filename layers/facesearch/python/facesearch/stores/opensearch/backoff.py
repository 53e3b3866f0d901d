"""Retries with random pauses, bounded in number and time."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """At most `attempts` attempts, none begun later than `total_s` after the first.

    The longest pause doubles from `first_s` to `most_s`. Each pause is drawn from zero to that
    ("full jitter"), so that many clients do not try again at the same time.
    """

    attempts: int
    total_s: float
    first_s: float
    most_s: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[float, float], float] = random.uniform

    def tries(self) -> Iterator[int]:
        """Yield the number of each attempt, from 1, and pause between them."""
        start = self.clock()
        yield 1
        for attempt in range(2, self.attempts + 1):
            pause = self.jitter(0.0, min(self.most_s, self.first_s * 2.0 ** (attempt - 2)))
            if self.clock() + pause - start > self.total_s:
                return
            self.sleep(pause)
            yield attempt
