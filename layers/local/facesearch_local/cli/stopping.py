"""Handle Ctrl-C and SIGTERM in commands that use worker processes."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from facesearch_local.cli.output import print_error
from facesearch_local.pool import WorkerPool

INTERRUPTED_MESSAGE = "interrupted: what is done is kept, run the same command to do the rest"


@contextmanager
def stopped_by_signal(pool: WorkerPool[Any, Any]) -> Iterator[list[int]]:
    """At Ctrl-C or SIGTERM, stop when the photos in work are done; at a second one, stop at once.

    Yields a list that holds the signal after it came.
    """
    came: list[int] = []

    def stop(number: int, _frame: object) -> None:
        if came:
            raise KeyboardInterrupt
        came.append(number)
        pool.stop()
        again = "press Ctrl-C again" if number == signal.SIGINT else "send it again"
        print_error(f"stopping when the photos in hand are done; {again} to stop now")

    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
