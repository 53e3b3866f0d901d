"""Receive the bodies of requests, with limits on size, time and the room for all of them."""

import asyncio
import io
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import BinaryIO, cast

from starlette.requests import Request

from facesearch_local.server.refusing import Refused
from search_faces.problems import RETRY_AFTER_S, HttpProblem, body_problem

MEMORY_BYTES = 256 * 2**20
"""The room for all bodies in memory."""

DISK_BYTES = 2**30
"""The room for all bodies on disk."""

GRACE_S = 30.0
BYTES_PER_S = 50_000
"""The slowest rate of a client, after `GRACE_S`: a photo of 10 MB may take four minutes."""

TOO_SLOW = HttpProblem(
    HTTPStatus.REQUEST_TIMEOUT,
    "too_slow",
    "The request took too long to arrive",
    f"the body arrived too slowly: send it with {BYTES_PER_S // 1000} KB a second or more",
)
NO_ROOM = HttpProblem(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "busy",
    "The service is not available now",
    f"other requests are large and fill the room for bodies: try again in {RETRY_AFTER_S} seconds",
)


class Bodies:
    """Receives bodies in memory or in temporary files. Only the event loop's thread may use it."""

    def __init__(self, room: int, *, on_disk: bool) -> None:
        self._room = room
        self._on_disk = on_disk
        self._held = 0

    @asynccontextmanager
    async def receive(self, request: Request, limit: int) -> AsyncIterator[BinaryIO]:
        """Receive a body. The file is open while the context lasts.

        Raises `Refused` for one of more than `limit` bytes, and `ClientDisconnect`.
        """
        if int(request.headers.get("content-length", 0)) > limit:
            raise Refused(body_problem(limit))
        size = 0
        try:
            with _room_on_disk():
                file = self._open()
            with file:
                async for chunk in _chunks(request):
                    size += len(chunk)
                    self._held += len(chunk)
                    if size > limit:
                        raise Refused(body_problem(limit))
                    if self._held > self._room:
                        raise Refused(NO_ROOM)
                    with _room_on_disk():
                        file.write(chunk)
                file.seek(0)
                yield file
        finally:
            self._held -= size

    def _open(self) -> BinaryIO:
        return cast("BinaryIO", tempfile.TemporaryFile()) if self._on_disk else io.BytesIO()


@contextmanager
def _room_on_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Refused(NO_ROOM) from error


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    start, size = loop.time(), 0
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout_at(start + GRACE_S + size / BYTES_PER_S):
                chunk = await anext(stream, None)
        except TimeoutError as error:
            raise Refused(TOO_SLOW) from error
        if chunk is None:
            return
        size += len(chunk)
        yield chunk
