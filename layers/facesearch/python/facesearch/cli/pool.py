"""Shares chunks of photos out among worker processes, and outlives the ones that crash."""

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait

from facesearch.cli.worker import Chunk, Reply
from facesearch.closing import Closing
from facesearch.errors import FacesearchError, ModelError, ReadError
from facesearch.indexing import Outcome, Status

Work = Callable[["Connection[Reply, Chunk]"], None]
"""What a process does with its end of a pipe; it must be possible to pickle it."""

PATIENCE_S = 5


class WorkerPool(Closing):
    """At most `count` processes; each has one chunk in hand, and none when it is idle."""

    def __init__(self, count: int, work: Work) -> None:
        self._count = count
        self._work = work
        self._workers: list[_Worker] = []
        self._waiting: deque[Chunk] = deque()
        self._error: FacesearchError | None = None
        self._stopped = False

    def results(self, chunks: Iterable[Chunk]) -> Iterator[list[Outcome]]:
        """The outcomes of each chunk, in the order in which they are done.

        The chunk of a worker that crashes is tried again photo by photo: only a photo that
        crashes a worker by itself is given up. An error that stops one worker stops all, and is
        raised when the chunks in hand are done.
        """
        self._waiting.extend(chunks)
        while self._hand_out():
            ready = wait([worker.connection for worker in self._workers if worker.chunk])
            for worker in [each for each in self._workers if each.connection in ready]:
                yield self._take(worker)
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Start nothing more: `results` ends when the chunks in hand are done."""
        self._stopped = True
        self._waiting.clear()

    def close(self) -> None:
        """Let idle workers end, and kill the others."""
        for worker in self._workers:
            if worker.chunk:
                worker.kill()
            worker.end()
        self._workers.clear()

    def _hand_out(self) -> bool:
        """Whether any worker has something to do."""
        for worker in self._workers:
            if not worker.chunk and self._waiting:
                worker.give(self._waiting.popleft())
        while self._waiting and len(self._workers) < self._count:
            worker = _Worker(self._work)
            self._workers.append(worker)
            worker.give(self._waiting.popleft())
        return any(worker.chunk for worker in self._workers)

    def _take(self, worker: "_Worker") -> list[Outcome]:
        try:
            reply: Reply = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            return self._bury(worker)
        if isinstance(reply, FacesearchError):
            self._fail(reply)
            worker.chunk = ()
            return []
        if reply is None:
            worker.ready = True
            return []
        worker.chunk = ()
        return reply

    def _bury(self, worker: "_Worker") -> list[Outcome]:
        self._workers.remove(worker)
        reason = worker.end()
        if not worker.ready:
            self._fail(ModelError(f"a worker process could not start ({reason})"))
        elif len(worker.chunk) == 1:
            return [_crashed(worker.chunk[0].photo_id, reason)]
        elif not self._stopped:
            self._waiting.extendleft([change] for change in reversed(worker.chunk))
        return []

    def _fail(self, error: FacesearchError) -> None:
        self._error = self._error or error
        self.stop()


class _Worker:
    """A process and the parent's end of the pipe to it."""

    def __init__(self, work: Work) -> None:
        # Spawned, not forked: a fork would share the parent's threads' locks and open store.
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs,), daemon=True)
        self.chunk: Chunk = ()
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

    def give(self, chunk: Chunk) -> None:
        self.chunk = chunk
        try:
            self.connection.send(chunk)
        except (BrokenPipeError, ConnectionResetError):
            # It died while idle; reading from it tells, too, and that is where it is dealt with.
            return

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> str:
        """Wait until it has ended, and tell why."""
        self.connection.close()
        self._process.join(PATIENCE_S)
        if self._process.is_alive():
            self.kill()
            self._process.join()
        code = self._process.exitcode or 0
        return signal.strsignal(-code) or str(code) if code < 0 else f"exit code {code}"


def _crashed(photo_id: str, reason: str) -> Outcome:
    error = ReadError(
        f"a worker process died of it ({reason}): the image may be damaged, export it again"
    )
    return Outcome(photo_id, Status.UNDONE, error=error)
