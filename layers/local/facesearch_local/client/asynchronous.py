"""The client for programs with an event loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from facesearch_local.client.client import PAGE, FaceSearchClient
from search_faces.contract.answers import ListedPhoto

_Given = ParamSpec("_Given")
_Answer = TypeVar("_Answer")

CONNECTIONS = 8


def _awaitable(
    method: Callable[Concatenate[FaceSearchClient, _Given], _Answer],
) -> Callable[Concatenate["AsyncFaceSearchClient", _Given], Awaitable[_Answer]]:
    def ask(
        self: "AsyncFaceSearchClient", /, *args: _Given.args, **kwargs: _Given.kwargs
    ) -> Awaitable[_Answer]:
        return self._run(lambda client: method(client, *args, **kwargs))

    ask.__doc__ = method.__doc__
    return ask


class AsyncFaceSearchClient:
    """`FaceSearchClient` with methods to await: use it in an `async with` block.

    Up to `connections` requests run beside each other, each in a thread; further ones wait. One
    that is cancelled ends by itself, and its answer is dropped. Every method raises `ApiError`.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        timeout_s: float = 30.0,
        connections: int = CONNECTIONS,
    ) -> None:
        self._threads = ThreadPoolExecutor(connections, "facesearch-client")
        self._idle: SimpleQueue[FaceSearchClient] = SimpleQueue()
        for _ in range(connections):
            self._idle.put(FaceSearchClient(url, api_key, timeout_s=timeout_s))
        self._connections = connections

    search = _awaitable(FaceSearchClient.search)
    matches = _awaitable(FaceSearchClient.matches)
    face = _awaitable(FaceSearchClient.face)
    thumbnail = _awaitable(FaceSearchClient.thumbnail)
    hide_face = _awaitable(FaceSearchClient.hide_face)
    show_face = _awaitable(FaceSearchClient.show_face)
    detect = _awaitable(FaceSearchClient.detect)
    compare = _awaitable(FaceSearchClient.compare)
    collections = _awaitable(FaceSearchClient.collections)
    upload = _awaitable(FaceSearchClient.upload)
    delete_photo = _awaitable(FaceSearchClient.delete_photo)
    health = _awaitable(FaceSearchClient.health)
    version = _awaitable(FaceSearchClient.version)

    async def photos(self, prefix: str = "", page: int = PAGE) -> AsyncIterator[ListedPhoto]:
        """All photos whose id starts with `prefix`, by id. They are fetched a page at a time."""
        after: str | None = ""
        while after is not None:
            fetch = partial(FaceSearchClient.photo_page, prefix=prefix, after=after, page=page)
            answer = await self._run(fetch)
            for photo in answer.photos:
                yield photo
            after = answer.next

    async def close(self) -> None:
        """Wait for the requests under way, and close the connections."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        for _ in range(self._connections):
            self._idle.get().close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def _run(self, ask: Callable[[FaceSearchClient], _Answer]) -> Awaitable[_Answer]:
        return asyncio.get_running_loop().run_in_executor(self._threads, self._asked, ask)

    def _asked(self, ask: Callable[[FaceSearchClient], _Answer]) -> _Answer:
        """In one of the threads: there are as many clients."""
        client = self._idle.get()
        try:
            return ask(client)
        finally:
            self._idle.put(client)
