"""Decode photos in a process of their own, with limits on memory and time.

`python -m facesearch.vision.decoding_process` is that process. It reads photos from its standard
input, and writes their pixels to its standard output. It ends when its input does, so it does not
outlive the program that started it.
"""

import atexit
import json
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from threading import Lock, Timer
from typing import IO, Any

from PIL import Image

from facesearch import errors
from facesearch.errors import DamagedImage, ImageError, ImageTooLarge, ReadError
from facesearch.vision.decoding import DecodedImage, decode_any

if sys.platform != "win32":
    import resource

MEMORY_BYTES = 600 * 2**20
"""Memory for one photo and its file; the interpreter takes some 60 MB more."""

CPU_S = 10
WAIT_S = 60
"""By the clock. A photo that takes longer means that the machine is too busy. Where processor time
cannot be limited, `CPU_S` limits the time by the clock instead."""

_LENGTH = struct.Struct(">Q")
_READY = b"r"
"""What the process writes first: whatever ends it before is no photo's fault."""


class _Decoder:
    """One decoding process. It decodes one photo at a time."""

    def __init__(self) -> None:
        # The same modules as here, wherever they were found.
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "facesearch.vision.decoding_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Where C libraries print what they think of a photo.
            stderr=subprocess.DEVNULL,
            env=environ,
        )
        self.late = False
        self._ready = False

    def decode(self, data: bytes) -> DecodedImage:
        """Decode a photo. Raises an `ImageError`, or `ReadError`: then the process has ended."""
        late = Timer(WAIT_S if _CAN_LIMIT else CPU_S, self._end_late)
        late.daemon = True
        late.start()
        try:
            return self._ask(data)
        finally:
            late.cancel()

    def _ask(self, data: bytes) -> DecodedImage:
        assert self._process.stdin is not None  # noqa: S101
        assert self._process.stdout is not None  # noqa: S101
        try:
            self._process.stdin.write(_LENGTH.pack(len(data)))
            self._process.stdin.write(data)
            self._process.stdin.flush()
            if not self._ready and self._process.stdout.read(len(_READY)) != _READY:
                raise EOFError
            self._ready = True
            reply: Mapping[str, Any] = json.loads(_read_block(self._process.stdout))
            if "error" in reply:
                kind: type[ImageError] = getattr(errors, reply["error"])
                raise kind(reply["message"])
            pixels = _read_block(self._process.stdout)
        except (BrokenPipeError, EOFError) as error:
            raise self._end_of_process() from error
        image = Image.frombytes("RGB", tuple(reply["working"]), pixels)
        return DecodedImage(image, reply["width"], reply["height"], reply["note"])

    def _end_of_process(self) -> ImageError | ReadError:
        """The error that says why the process ended."""
        code = self._process.wait()
        if self.late and not _CAN_LIMIT:
            return ImageTooLarge(f"the image takes more than {CPU_S} s to decode: export it again")
        if self.late or code == -signal.SIGTERM or code == -getattr(signal, "SIGKILL", 0):
            return ReadError("the photo could not be decoded in time: try again")
        if code == -getattr(signal, "SIGXCPU", 0):
            return ImageTooLarge(
                f"the image takes more than {CPU_S} s of processor time to decode: export it again"
            )
        if code > 0 and not self._ready:
            # Such as while facesearch itself is being replaced.
            return ReadError(f"the decoding process could not start (exit code {code}): try again")
        return DamagedImage("the image is damaged (its decoder failed): export it again")

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def _end_late(self) -> None:
        self.late = True
        self._process.kill()

    def close(self) -> None:
        """End the process, and wait for it."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            # What was to be written is for nobody now.
            with suppress(BrokenPipeError):
                if stream is not None:
                    stream.close()


class _Decoders:
    """A pool of idle decoding processes. It grows to as many as were needed at the same time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: list[_Decoder] = []

    def decode(self, data: bytes) -> DecodedImage:
        waiting = self._living()
        if waiting is not None:
            try:
                return self._decoded(data, waiting)
            except ReadError:
                # It may have died while it waited.
                if waiting.late:
                    raise
        return self._decoded(data, _Decoder())

    def _decoded(self, data: bytes, decoder: _Decoder) -> DecodedImage:
        try:
            return decoder.decode(data)
        finally:
            if decoder.lives:
                with self._lock:
                    self._waiting.append(decoder)
            else:
                decoder.close()

    def _living(self) -> _Decoder | None:
        with self._lock:
            while self._waiting:
                decoder = self._waiting.pop()
                if decoder.lives:
                    return decoder
                decoder.close()
        return None

    def close(self) -> None:
        with self._lock:
            for decoder in self._waiting:
                decoder.close()
            self._waiting.clear()

    def forget(self) -> None:
        """Drop the processes in a forked child: they belong to its parent."""
        self._lock = Lock()
        self._waiting = []


_CAN_LIMIT = sys.platform.startswith("linux")
"""Other systems do not enforce a memory limit: there, only sizes are checked."""

_decoders = _Decoders()
atexit.register(_decoders.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_decoders.forget)


def decode_apart(data: bytes) -> DecodedImage:
    """Decode a photo of any format. Raises an `ImageError`, or `ReadError`: try again later."""
    return _decoders.decode(data)


def close() -> None:
    """End the idle processes. The next photo starts another."""
    _decoders.close()


def _read_block(stream: IO[bytes]) -> bytes:
    """Raises `EOFError`."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    block = stream.read(length)
    if len(block) < length:
        raise EOFError
    return block


def _write_block(stream: IO[bytes], block: bytes) -> None:
    stream.write(_LENGTH.pack(len(block)))
    stream.write(block)


def _reply_to(data: bytes) -> tuple[Mapping[str, object], bytes | None]:
    try:
        decoded = decode_any(data)
        pixels = decoded.image.tobytes()
    except MemoryError:
        message = (
            f"the image takes more than {MEMORY_BYTES >> 20} MB of memory to decode: scale it down"
        )
        return {"error": "ImageTooLarge", "message": message}, None
    except ImageError as error:
        return {"error": type(error).__name__, "message": str(error)}, None
    reply = {
        "working": decoded.image.size,
        "width": decoded.width,
        "height": decoded.height,
        "note": decoded.note,
    }
    return reply, pixels


def _limit_memory() -> None:
    if sys.platform != "win32" and _CAN_LIMIT:
        # What is mapped to be written, whether it is resident or not.
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))


def _limit_time() -> None:
    if sys.platform != "win32" and _CAN_LIMIT:
        used = resource.getrusage(resource.RUSAGE_SELF)
        until = int(used.ru_utime + used.ru_stime) + CPU_S + 1
        resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))


def main() -> None:
    """Decode until the input ends."""
    # Only here: no other process decodes HEIC, and starting is quicker without it.
    from pi_heif import register_heif_opener  # noqa: PLC0415

    register_heif_opener()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this decides
    _limit_memory()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sink.write(_READY)
    sink.flush()
    while True:
        try:
            data = _read_block(source)
        except EOFError:
            return
        _limit_time()
        reply, pixels = _reply_to(data)
        _write_block(sink, json.dumps(reply).encode())
        if pixels is not None:
            _write_block(sink, pixels)
        sink.flush()


if __name__ == "__main__":
    main()
