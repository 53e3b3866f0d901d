"""Handle Ctrl-C in commands that use worker processes."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from facesearch_local.cli.output import print_error
from facesearch_local.pool import WorkerPool

INTERRUPTED_MESSAGE = "interrupted: what is done is kept, run the same command to do the rest"


@contextmanager
def stopped_by_ctrl_c(pool: WorkerPool[Any, Any]) -> Iterator[list[int]]:
    """At Ctrl-C, stop when the photos in work are done; at a second one, stop at once.

    Yields a list that holds the signal after it came.
    """
    came: list[int] = []

    def stop(number: int, _frame: object) -> None:
        if came:
            raise KeyboardInterrupt
        came.append(number)
        pool.stop()
        print_error("stopping when the photos in hand are done; press Ctrl-C again to stop now")

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, before)
