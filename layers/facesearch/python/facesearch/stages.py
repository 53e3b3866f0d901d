"""Measure how long each stage of the work takes."""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum

METRICS_NAMESPACE = "FaceSearch"
"""Where CloudWatch keeps them."""
STACK_DIMENSION = "stack"
"""What tells the metrics of one stack from another's in the same account."""


def metric_dimensions(environ: Mapping[str, str]) -> dict[str, str]:
    """The dimensions of every metric that a function reports, beside its name."""
    stack = environ.get("FACESEARCH_STACK")
    return {STACK_DIMENSION: stack} if stack else {}


class Stage(StrEnum):
    """A stage of the work; `READ` is the time spent waiting for photos."""

    READ = "Read"
    DECODE = "Decode"
    DETECT = "Detect"
    EMBED = "Embed"
    STORE = "Store"
    SEARCH = "Search"


_seconds: ContextVar[defaultdict[Stage, float] | None] = ContextVar("seconds", default=None)


@contextmanager
def stages_timed() -> Iterator[dict[Stage, float]]:
    """Measure the seconds of each stage, summed over all that runs in this context."""
    seconds: defaultdict[Stage, float] = defaultdict(float)
    token = _seconds.set(seconds)
    try:
        yield seconds
    finally:
        _seconds.reset(token)


@contextmanager
def stage(name: Stage) -> Iterator[None]:
    """Count the time of this block to a stage, if `stages_timed` is measuring."""
    seconds = _seconds.get()
    start = time.perf_counter()
    try:
        yield
    finally:
        if seconds is not None:
            seconds[name] += time.perf_counter() - start
