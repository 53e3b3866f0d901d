"""Bodies of requests: kept on disk when they are large, within limits on size, time and room."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import BinaryIO, cast

from starlette.requests import ClientDisconnect, Request

from search_faces.problems import RETRY_AFTER_S, Problem, body_problem

MEMORY_BYTES = 2**20
"""Larger bodies lie on disk until their turn comes."""

ROOM_BYTES = 2**30
"""For the bodies of all requests together."""

GRACE_S = 30.0
BYTES_PER_S = 50_000
"""The slowest that a client may send, after the grace: a photo of 10 MB may take four minutes."""

TOO_SLOW = Problem(
    HTTPStatus.REQUEST_TIMEOUT,
    "too_slow",
    "The request took too long to arrive",
    f"send its body with {BYTES_PER_S // 1000} KB a second or more",
)
NO_ROOM = Problem(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "busy",
    "The service is not available now",
    f"other requests are large and fill its room: try again in {RETRY_AFTER_S} seconds",
)


class Refused(Exception):
    """A request that is answered with a problem before its body is read to the end."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


class Bodies:
    """Takes in bodies, from the event loop's thread only."""

    def __init__(self) -> None:
        self._held = 0

    @asynccontextmanager
    async def taken(self, request: Request, limit: int) -> AsyncIterator[BinaryIO]:
        """The whole body, from its start, while the context lasts.

        Raises `Refused` for one of more than `limit` bytes, and `ClientDisconnect`.
        """
        if int(request.headers.get("content-length", 0)) > limit:
            raise Refused(body_problem(limit))
        size = 0
        with tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES) as file:
            try:
                async for chunk in _chunks(request):
                    size += len(chunk)
                    self._held += len(chunk)
                    if size > limit:
                        raise Refused(body_problem(limit))
                    if self._held > ROOM_BYTES:
                        raise Refused(NO_ROOM)
                    file.write(chunk)
                file.seek(0)
                yield cast("BinaryIO", file)
            finally:
                self._held -= size


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


__all__ = ["Bodies", "ClientDisconnect", "Refused"]
