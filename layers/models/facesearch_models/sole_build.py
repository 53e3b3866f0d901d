"""One build of a folder at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from facesearch.files import PRIVATE_FILE
from facesearch_models.report import Report

LOCK = ".lock"


@contextmanager
def sole_build(folder: Path, report: Report) -> Iterator[None]:
    """No other build of the folder runs meanwhile; waits for one that does, and says so."""
    lock = FileLock(folder / LOCK, mode=PRIVATE_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        report.step("Waiting for another build")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
