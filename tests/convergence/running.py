"""Run random histories on a store, and keep those that fail."""

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from uuid import uuid4

from hypothesis import HealthCheck, Phase, settings
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.stateful import run_state_machine_as_test

from facesearch.faces import EmbeddedFace
from facesearch.vision.pipeline import FacePipeline
from tests.convergence.machine import history_machine
from tests.convergence.world import Place, World, contents_of
from tests.integration.opensearch_server import OpenSearchServer

FAILURES = Path(__file__).parent / "failures"
"""Histories that failed once, in hypothesis's own form: they are tried first, every time."""

MEMORY = Path("/dev/shm")  # noqa: S108 (a folder of its own is made there)
STEPS = 25
PART = 50
"""Histories at a time: hypothesis remembers those that it tried."""

OpenStore = Callable[[], AbstractContextManager[Place]]
"""Yields the place of a store that is not there yet, and removes it at the end."""


def real_faces(pipeline: FacePipeline, sample: Path) -> list[EmbeddedFace]:
    """A face of each of the sample's five people."""
    people = sorted((sample / "train").iterdir())
    photos = [min(person.glob("*.jpg")) for person in people]
    return [pipeline.analyse_one(photo.read_bytes())[1].faces[0] for photo in photos]


def run_histories(
    count: int,
    open_store: OpenStore,
    faces: Sequence[EmbeddedFace],
) -> None:
    """Run `count` random histories, each on a store of its own.

    Raises what the shortest history that fails raises, with its steps.
    """
    contents = contents_of(faces)

    run_state_machine_as_test(
        history_machine(lambda: World(open_store(), contents), len(faces) + 3),
        settings=settings(
            max_examples=count,
            stateful_step_count=STEPS,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.reuse, Phase.generate, Phase.shrink],
            database=DirectoryBasedExampleDatabase(FAILURES),
        ),
    )


def run_until(
    end: float, count: int, server: OpenSearchServer | None, faces: Sequence[EmbeddedFace]
) -> int:
    """Run so many, on SQLite where there is no server; no part begins after `end` (monotonic).

    Returns how many it were.
    """
    done = 0
    with sqlite_stores() if server is None else nullcontext(opensearch_stores(server)) as stores:
        while done < count and time.monotonic() < end:
            part = min(PART, count - done)
            run_histories(part, stores, faces)
            done += part
    return done


@contextmanager
def sqlite_stores() -> Iterator[OpenStore]:
    """Stores in memory, if there is such a place for files: they come and go quickly."""
    numbers = itertools.count()

    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:

        @contextmanager
        def store() -> Iterator[Place]:
            path = Path(folder) / f"{next(numbers)}.db"
            yield Place(f"sqlite:///{path}")
            for file in path.parent.glob(f"{path.name}*"):
                file.unlink()

        yield store


def opensearch_stores(server: OpenSearchServer) -> OpenStore:
    """Stores on a server. As in production, what was written can be found some time later."""

    @contextmanager
    def store() -> Iterator[Place]:
        name = f"history-{uuid4().hex[:12]}"
        try:
            yield Place(
                f"opensearch://{server.host}/{name}",
                lambda: server.request("POST", f"/{name}-*/_refresh"),
            )
        finally:
            server.request("DELETE", f"/{name}-*?expand_wildcards=all")

    return store
