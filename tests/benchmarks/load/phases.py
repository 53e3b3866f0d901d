"""Requests that come at their times, whether earlier ones were answered or not."""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

import numpy as np

from tests.benchmarks.load.client import FAIR, REFUSED, Client

UPLOADS = 0.1
"""The share of requests that are uploads."""
CLOSED_CLIENTS = 4
"""As many find out what a server can do, each waiting for its answer."""

Held = Callable[[], Mapping[str, float]]
"""Tells by name what the service holds: resident memory in MB, open files."""


@dataclass
class Phase:
    """What became of the requests of one phase, in the order in which they were due."""

    name: str
    rate: float
    seconds: float
    took_s: list[float] = field(default_factory=list)
    """Of requests that were answered with what they asked for, from when they were due."""
    errors: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    without_retry_after: int = 0
    greedy: Counter[str] = field(default_factory=Counter)
    held: list[Mapping[str, float]] = field(default_factory=list)
    """What the service held, looked at again and again."""

    def figures(self) -> dict[str, object]:
        third = max(1, len(self.took_s) // 3)
        return {
            "phase": self.name,
            "requests_s": round(self.rate, 1),
            "seconds": self.seconds,
            "answered": len(self.took_s),
            "refused": dict(self.refused),
            "without_retry_after": self.without_retry_after,
            "errors": dict(self.errors),
            **({"greedy": dict(self.greedy)} if self.greedy else {}),
            "p50_ms": _ms(self.took_s, 50),
            "p95_ms": _ms(self.took_s, 95),
            "p50_ms_by_third": [
                _ms(part, 50)
                for part in (
                    self.took_s[:third],
                    self.took_s[third:-third],
                    self.took_s[-third:],
                )
            ],
            **{name: _over_time([each[name] for each in self.held]) for name in self.held[0]},
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a run."""

    capacity_s: float
    steady: Phase
    overload: Phase
    after_s: float
    """How long after the overload a search waited, or every upload was in the index."""
    uploaded: int
    lost: list[str]

    def figures(self) -> dict[str, object]:
        return {
            "capacity_s": round(self.capacity_s, 1),
            "after_overload_s": round(self.after_s, 2),
            "uploads_acknowledged": self.uploaded,
            "uploads_lost": len(self.lost),
            "phases": [self.steady.figures(), self.overload.figures()],
        }


def closed_loop(client: Client, seconds: float) -> int:
    """How many requests a few clients that wait for each answer get what they asked for."""
    end = time.monotonic() + seconds

    def work(first: int) -> int:
        fair = 0
        for number in itertools.count(first * 7):
            if time.monotonic() > end:
                return fair
            fair += _one(client, number)[0] in FAIR
        raise AssertionError

    with ThreadPoolExecutor(CLOSED_CLIENTS) as threads:
        return sum(threads.map(work, range(CLOSED_CLIENTS)))


def open_loop(client: Client, phase: Phase, clients: int, held: Held, every_s: float) -> None:
    """Send requests when they are due, `clients` at most at once, and fill in what became of them.

    What is held is looked up each `every_s` seconds.
    """
    start = time.monotonic()
    took: dict[int, float] = {}

    def work(number: int) -> None:
        due = start + number / phase.rate
        try:
            status, again = _one(client, number)
        except (HTTPException, OSError) as error:
            phase.errors[type(error).__name__] += 1
            return
        if status in FAIR:
            took[number] = time.monotonic() - due
        elif status in REFUSED:
            phase.refused[str(status)] += 1
            phase.without_retry_after += not again
        else:
            phase.errors[str(status)] += 1

    with ThreadPoolExecutor(clients) as threads, ThreadPoolExecutor(1) as looking:
        looks = 0
        for number in range(round(phase.rate * phase.seconds)):
            time.sleep(max(0.0, start + number / phase.rate - time.monotonic()))
            threads.submit(work, number)
            if number / phase.rate >= looks * every_s:
                looking.submit(lambda: phase.held.append(held()))
                looks += 1
    phase.held.append(held())
    phase.took_s = [took[number] for number in sorted(took)]


def until_served(client: Client) -> float:
    """How long until a search is answered with matches."""
    start = time.monotonic()
    while client.search(0)[0] not in FAIR:
        time.sleep(0.05)
    return time.monotonic() - start


def held_by(process: int) -> Mapping[str, float]:
    """`memory_mb`, `own_memory_mb` and `handles`, of a process and those that it started.

    Their own memory leaves out files that are mapped, as libraries and the store are: each
    process counts them, and the system takes them back when it wants to.
    """
    held = dict.fromkeys(("memory_mb", "own_memory_mb", "handles"), 0.0)
    for place in _tree(Path("/proc") / str(process)):
        with suppress(OSError, IndexError):
            status = (place / "status").read_text()
            held["memory_mb"] += _kilobytes(status, "VmRSS") / 1024
            held["own_memory_mb"] += _kilobytes(status, "RssAnon") / 1024
            held["handles"] += len(list((place / "fd").iterdir()))
    return held


def _tree(place: Path) -> Iterator[Path]:
    yield place
    for children in place.glob("task/*/children"):
        with suppress(OSError):
            for child in children.read_text().split():
                yield from _tree(Path("/proc") / child)


def _kilobytes(status: str, name: str) -> int:
    return int(status.partition(f"{name}:")[2].split()[0])


def _one(client: Client, number: int) -> tuple[int, str]:
    uploads = number % round(1 / UPLOADS) == 0
    return client.upload() if uploads else client.search(number)


def _ms(took_s: Sequence[float], share: int) -> float | None:
    return round(1000 * float(np.percentile(took_s, share)), 1) if took_s else None


def _over_time(values: Sequence[float]) -> list[int]:
    """At the start, at the quarters, and at the end."""
    places = np.linspace(0, len(values) - 1, 5).round().astype(int)
    return [round(values[place]) for place in places.tolist()]
