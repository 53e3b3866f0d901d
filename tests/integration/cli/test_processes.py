"""Interrupting `facesearch index`, killing its workers, and running it again."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from facesearch.errors import FacesearchError, ModelError, StoreFull, StoreNotFound
from facesearch.indexing import Outcome, PhotoToIndex, Status
from facesearch.stores import open_store
from facesearch_local.cli.worker import crashed
from facesearch_local.pool import Pipe, WorkerPool, answer_chunks
from tests.integration.cli.running import Cli, Start


@pytest.fixture
def many(sample: Path, tmp_path: Path) -> Path:
    """A folder with the training photos four times: enough to be in the middle of."""
    folder = tmp_path / "many"
    for copy in range(4):
        shutil.copytree(sample / "train", folder / str(copy))
    return folder


@pytest.fixture
def stored(tmp_path: Path) -> Callable[[], int]:
    """How many photos are stored by now."""
    file = tmp_path / "faces.db"

    def count() -> int:
        try:
            with open_store(f"sqlite:///{file}", None) as store:
                return store.counts().photos
        except StoreNotFound:
            return 0

    return count


def wait_until(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def workers_of(process: "subprocess.Popen[str]") -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        try:
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            line = (entry / "cmdline").read_bytes()
        except (OSError, IndexError):
            continue
        if parent == str(process.pid) and b"spawn_main" in line:
            yield int(entry.name)


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_done_and_the_next_run_does_the_rest(
    start: Start, cli: Cli, many: Path, stored: Callable[[], int]
) -> None:
    process = start("index", "--workers", "2", many, start_new_session=True)
    wait_until(lambda: stored() > 0, process)
    # A terminal sends it to every process of the group.
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command" in err
    assert "Traceback" not in err
    kept = stored()
    assert 0 < kept < 372
    summary = cli("index", "--json", many).json
    assert (summary["unchanged"], summary["photos"]) == (kept, 372 - kept)


@pytest.mark.slow
def test_second_ctrl_c_stops_at_once_and_leaves_no_process(
    start: Start, many: Path, stored: Callable[[], int]
) -> None:
    process = start("index", "--workers", "2", many, start_new_session=True)
    wait_until(lambda: stored() > 0, process)
    workers = list(workers_of(process))
    for worker in workers:
        # A worker that never finishes what it has in hand.
        os.kill(worker, signal.SIGSTOP)
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


@pytest.mark.slow
def test_killed_worker_is_replaced_and_every_photo_stored(
    start: Start, many: Path, stored: Callable[[], int]
) -> None:
    process = start("index", "--workers", "2", many)
    wait_until(lambda: stored() > 0, process)
    os.kill(next(workers_of(process)), signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert stored() == 372


@pytest.mark.slow
def test_workers_end_when_their_parent_is_killed(
    start: Start, many: Path, stored: Callable[[], int]
) -> None:
    process = start("index", "--workers", "2", many)
    wait_until(lambda: stored() > 0, process)
    workers = list(workers_of(process))
    assert workers
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline, "orphaned workers"
        time.sleep(0.05)


def crash_on_poison(signal_number: int, connection: Pipe) -> None:
    """A worker that a photo called "poison" crashes."""

    def answer(chunk: Sequence[PhotoToIndex]) -> list[Outcome]:
        if any(change.photo_id == "poison" for change in chunk):
            os.kill(os.getpid(), signal_number)
        return [Outcome(change.photo_id, Status.INDEXED, 1) for change in chunk]

    answer_chunks(connection, answer)


def chunk_of(*names: str) -> list[PhotoToIndex]:
    return [PhotoToIndex(name, 1) for name in names]


def test_pool_photo_that_crashes_a_worker_is_the_only_one_given_up() -> None:
    chunks = [chunk_of("a", "b"), chunk_of("c", "poison", "d"), chunk_of("e"), chunk_of("f")]
    with WorkerPool(2, partial(crash_on_poison, signal.SIGSEGV), crashed) as pool:
        outcomes = [each for some in pool.results(chunks) for each in some]
    status = {outcome.photo_id: outcome.status for outcome in outcomes}
    assert len(outcomes) == 7
    assert {name for name, what in status.items() if what is Status.INDEXED} == set("abcdef")
    (failed,) = (outcome for outcome in outcomes if outcome.error is not None)
    assert failed.photo_id == "poison"
    assert "Segmentation fault" in str(failed.error)


def die_at_start(_connection: Pipe) -> None:
    os._exit(7)


def test_pool_whose_workers_cannot_start_gives_up_at_once() -> None:
    chunks = [chunk_of(str(number)) for number in range(100)]
    with (
        WorkerPool(2, die_at_start, crashed) as pool,
        pytest.raises(ModelError, match="exit code 7"),
    ):
        list(pool.results(chunks))


def fill_up(connection: Pipe) -> None:
    """A worker whose store is full at the photo "last"."""

    def answer(chunk: Sequence[PhotoToIndex]) -> list[Outcome] | FacesearchError:
        if chunk[0].photo_id == "last":
            return StoreFull("the disk is full")
        return [Outcome(change.photo_id, Status.INDEXED, 1) for change in chunk]

    answer_chunks(connection, answer)


def test_pool_error_of_a_worker_stops_all_after_the_chunks_in_hand() -> None:
    chunks = [chunk_of("a"), chunk_of("last"), *(chunk_of(str(number)) for number in range(50))]
    outcomes: list[Outcome] = []
    with WorkerPool(1, fill_up, crashed) as pool:
        results = pool.results(chunks)
        with pytest.raises(StoreFull):
            outcomes.extend(each for some in results for each in some)
    assert [outcome.photo_id for outcome in outcomes] == ["a"]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system knows no affinity")
def test_index_held_to_one_cpu_starts_one_worker(start: Start, many: Path) -> None:
    process = start("index", "--quiet", many, preexec_fn=lambda: os.sched_setaffinity(0, {0}))
    most = 0
    while process.poll() is None:
        most = max(most, len(list(workers_of(process))))
        time.sleep(0.02)
    assert process.returncode == 0
    assert most == 1
