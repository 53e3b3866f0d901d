"""Distribute chunks of photos to worker processes, and survive those that crash."""

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeAlias, TypeVar

from facesearch.closeable import Closeable
from facesearch.errors import FacesearchError, ModelError, ReadError
from facesearch.machine import usable_memory

Item = TypeVar("Item")
Result = TypeVar("Result")

Pipe: TypeAlias = "Connection[Any, Any]"
"""A worker's end: it receives chunks of items, and sends None once, when it is ready, then for
each chunk a list of results, or an error when nothing more can be done."""

PATIENCE_S = 5

WORKER_BYTES = 700_000_000
"""The memory that a worker may take for the largest photos."""


def worker_count(threads: int) -> int:
    """The number of workers: one for each thread, as far as memory allows; at least 1."""
    memory = usable_memory()
    return threads if memory is None else max(1, min(threads, memory // WORKER_BYTES))


def answer_chunks(
    connection: Pipe, answer: Callable[[Sequence[Item]], list[Result] | FacesearchError]
) -> None:
    """The loop of a worker. It ends when the parent closes the pipe or ends."""
    try:
        connection.send(None)
        while True:
            connection.send(answer(connection.recv()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


class WorkerPool(Closeable, Generic[Item, Result]):
    """At most `count` processes. Each works at one chunk at a time.

    `work` runs in each process with its end of a pipe; it must be picklable. `crashed` makes the
    result of an item that crashes a worker by itself.
    """

    def __init__(
        self,
        count: int,
        work: Callable[[Pipe], None],
        crashed: Callable[[Item, ReadError], Result],
    ) -> None:
        self._count = count
        self._work = work
        self._crashed = crashed
        self._workers: list[_Worker[Item]] = []
        self._waiting: deque[Sequence[Item]] = deque()
        self._error: FacesearchError | None = None
        self._stopped = False

    def results(self, chunks: Iterable[Sequence[Item]]) -> Iterator[list[Result]]:
        """The results of each chunk, in the order in which they are done.

        The chunk of a worker that crashes is tried again item by item. Only an item that crashes
        a worker by itself is given up. An error that stops one worker stops all. It is raised when
        the chunks in work are done.
        """
        self._waiting.extend(chunks)
        while self._hand_out():
            ready = wait([worker.connection for worker in self._workers if worker.chunk])
            for worker in [each for each in self._workers if each.connection in ready]:
                yield self._take(worker)
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Start no more chunks. `results` ends when the chunks in work are done."""
        self._stopped = True
        self._waiting.clear()

    def close(self) -> None:
        """End idle workers, and kill the others."""
        for worker in self._workers:
            if worker.chunk:
                worker.kill()
            worker.end()
        self._workers.clear()

    def _hand_out(self) -> bool:
        """Give chunks to idle workers. Returns whether any worker has a chunk."""
        for worker in self._workers:
            if not worker.chunk and self._waiting:
                worker.give(self._waiting.popleft())
        while self._waiting and len(self._workers) < self._count:
            another: _Worker[Item] = _Worker(self._work)
            self._workers.append(another)
            another.give(self._waiting.popleft())
        return any(worker.chunk for worker in self._workers)

    def _take(self, worker: "_Worker[Item]") -> list[Result]:
        try:
            reply: list[Result] | FacesearchError | None = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            return self._handle_crash(worker)
        if isinstance(reply, FacesearchError):
            self._fail(reply)
            worker.chunk = ()
            return []
        if reply is None:
            worker.ready = True
            return []
        worker.chunk = ()
        return reply

    def _handle_crash(self, worker: "_Worker[Item]") -> list[Result]:
        self._workers.remove(worker)
        reason = worker.end()
        if not worker.ready:
            self._fail(ModelError(f"a worker process could not start ({reason})"))
        elif len(worker.chunk) == 1:
            error = ReadError(
                f"a worker process died of it ({reason}): the image may be damaged, export it again"
            )
            return [self._crashed(worker.chunk[0], error)]
        elif not self._stopped:
            self._waiting.extendleft([item] for item in reversed(worker.chunk))
        return []

    def _fail(self, error: FacesearchError) -> None:
        self._error = self._error or error
        self.stop()


class _Worker(Generic[Item]):
    """A process and the parent's end of the pipe to it."""

    def __init__(self, work: Callable[[Pipe], None]) -> None:
        # Spawned, not forked: a fork would share the parent's threads' locks and open store.
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs,), daemon=True)
        self.chunk: Sequence[Item] = ()
        self.ready = False
        # Ctrl-C reaches the whole group of processes, but only the parent may act on it. What is
        # ignored stays ignored in a child, even while it is starting. (A blocked signal would
        # not: multiprocessing unblocks SIGINT when it starts its resource tracker.)
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self._process.start()
        finally:
            signal.signal(signal.SIGINT, before)
        # With only the child's own copy left open, its death can be read as the end of the pipe.
        theirs.close()

    def give(self, chunk: Sequence[Item]) -> None:
        self.chunk = chunk
        try:
            self.connection.send(chunk)
        except (BrokenPipeError, ConnectionResetError):
            # It died while idle; reading from it tells, too, and that is where it is dealt with.
            return

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> str:
        """Wait until the process has ended, and return the reason."""
        self.connection.close()
        self._process.join(PATIENCE_S)
        if self._process.is_alive():
            self.kill()
            self._process.join()
        code = self._process.exitcode or 0
        return signal.strsignal(-code) or str(code) if code < 0 else f"exit code {code}"
