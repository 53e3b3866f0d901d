"""Index a message in a process of its own, which its photo may end without harm to others.

`python -m index_faces.alone` is that process. It reads messages from its standard input and writes
what became of them to its standard output. It ends when its input does.
"""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Timer

import msgspec

from facesearch import errors
from facesearch.closeable import Closeable
from facesearch.errors import FacesearchError, InvalidRequest
from facesearch.indexing import Outcome, Status
from facesearch.planning.capacity import SLOWEST_PHOTO_S, STORE_WAIT_S
from index_faces.messages import BatchResult, index_messages
from index_faces.service import IndexService
from index_faces.settings import IndexSettings

WAIT_S = SLOWEST_PHOTO_S + STORE_WAIT_S


class ProcessEnded(FacesearchError):
    """The process that indexed a photo ended, or did not come to an end."""

    code = "process_ended"


class _Error(msgspec.Struct):
    kind: str
    message: str


class _Outcome(msgspec.Struct):
    photo_id: str
    status: str
    faces: int
    error: _Error | None


class _Reply(msgspec.Struct):
    outcomes: list[_Outcome]
    refused: list[str]
    failed: _Error | None


class AloneProcess(Closeable):
    """The process. It starts with the first message, and again after one that ended it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def index(self, message_id: str, body: str) -> BatchResult:
        """As `index_messages` for one message. A message that ends the process fails."""
        try:
            reply = self._ask(body)
        except (OSError, msgspec.DecodeError):
            return BatchResult(failed={message_id: self._end()})
        result = BatchResult(
            outcomes=[
                Outcome(each.photo_id, Status(each.status), each.faces, _error(each.error))
                for each in reply.outcomes
            ],
            refused=[InvalidRequest(text) for text in reply.refused],
        )
        failed = _error(reply.failed)
        if failed is not None:
            result.failed[message_id] = failed
        return result

    def close(self) -> None:
        if self._process is not None:
            self._end()

    def _ask(self, body: str) -> _Reply:
        process = self._process = self._process or _start()
        assert process.stdin is not None  # noqa: S101
        assert process.stdout is not None  # noqa: S101
        late = Timer(WAIT_S, process.kill)
        late.daemon = True
        late.start()
        try:
            # In JSON, a body has no line ends.
            process.stdin.write(json.dumps(body).encode() + b"\n")
            process.stdin.flush()
            return msgspec.json.decode(process.stdout.readline(), type=_Reply)
        finally:
            late.cancel()

    def _end(self) -> ProcessEnded:
        """End the process, if it has not ended. Returns the error that says how it did."""
        process, self._process = self._process, None
        if process is None:
            return ProcessEnded("no process could be started to index the photo: see the memory")
        for stream in (process.stdin, process.stdout):
            with suppress(OSError):
                if stream is not None:
                    stream.close()
        try:
            code = process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        how = signal.Signals(-code).name if code < 0 else f"code {code}"
        return ProcessEnded(
            f"the photo ended the process that indexed it, or took more than {WAIT_S} s ({how}): "
            "export it again, or delete it"
        )


def _start() -> subprocess.Popen[bytes]:
    # The same modules as here, wherever they were found.
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        [sys.executable, "-m", "index_faces.alone"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Where C libraries print what they think of a photo.
        stderr=subprocess.DEVNULL,
        env=environ,
    )


def _error(error: _Error | None) -> FacesearchError | None:
    if error is None:
        return None
    kind: type[FacesearchError] = getattr(errors, error.kind)
    return kind(error.message)


def _written(error: FacesearchError | None) -> _Error | None:
    return None if error is None else _Error(type(error).__name__, str(error))


def _reply_to(body: str, service: IndexService) -> _Reply:
    try:
        result = index_messages({"": body}, service)
    except FacesearchError as error:
        return _Reply([], [], _written(error))
    return _Reply(
        [
            _Outcome(each.photo_id, each.status, each.faces, _written(each.error))
            for each in result.outcomes
        ],
        [str(error) for error in result.refused],
        _written(result.failed.get("")),
    )


def main() -> None:
    """Index until the input ends."""
    with suppress(OSError):
        # Where memory runs out, this process goes, and not the one that asks.
        Path("/proc/self/oom_score_adj").write_text("1000")
    sink = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    service = IndexService.from_settings(IndexSettings.from_env(os.environ))
    for line in sys.stdin.buffer:
        reply = _reply_to(json.loads(line), service)
        sink.write(msgspec.json.encode(reply) + b"\n")
        sink.flush()


if __name__ == "__main__":
    main()
