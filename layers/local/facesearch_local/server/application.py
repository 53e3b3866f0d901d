"""The API's routes as an ASGI application. They run in threads, not in the event loop."""

import asyncio
import gzip
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import BinaryIO
from uuid import uuid4

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as PathRoute
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from facesearch_local.server.access import Access, is_loopback
from facesearch_local.server.bodies import DISK_BYTES, MEMORY_BYTES, Bodies
from facesearch_local.server.connections import PROTECTION
from facesearch_local.server.refusing import Refused
from facesearch_local.server.workers import Workers
from search_faces.answering import answer_request, problem_answer, refusal_answer
from search_faces.http import HttpAnswer, HttpRequest
from search_faces.problems import RETRY_AFTER_S, HttpProblem
from search_faces.routes import ROUTES
from search_faces.service import SearchService
from search_faces.static import STATIC_ROUTES, static_answer

MAX_BODY_BYTES = 10 * 2**20
"""The limit of API Gateway."""

WAITING = 100
"""How many requests may wait for each worker: two or three seconds' work."""

TOO_MANY = HttpProblem(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "busy",
    "The service is not available now",
    f"too many other requests are waiting: try again in {RETRY_AFTER_S} seconds",
)

TWO_LENGTHS = HttpProblem(
    HTTPStatus.BAD_REQUEST,
    "invalid_request",
    "The request is not understood",
    "the request has a Content-Length and a Transfer-Encoding: send one of them",
)
"""A proxy might see another end of the body than we do (RFC 9112, 6.3)."""

COMPRESSED = ("application/json", "image/svg+xml", "text/")
COMPRESSED_FROM_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Operation:
    """What a method does on a path. It runs in a thread, with a request and its body's file.

    Callers need the key unless it is `open`. Bodies of what is `stored` wait on disk; those of
    queries never touch it.
    """

    answer: Callable[[HttpRequest, BinaryIO], HttpAnswer]
    """Answers a request. It never raises."""
    open: bool = False
    max_bytes: int = MAX_BODY_BYTES
    stored: bool = False


Operations = dict[str, dict[str, Operation]]
"""Operations by path, then by method."""


def operations_of(service: SearchService, workers: Workers) -> Operations:
    """The operations of the API's routes. `workers` answer those that take photos."""
    operations: Operations = {}
    for route in ROUTES:
        respond = partial(answer_request, route, lambda: service)
        if route.body is not None and route.body.files:
            respond = partial(workers.answer, route)
        operation = Operation(_bound(respond), route.open)
        operations.setdefault(route.path, {})[route.method] = operation
    for static in STATIC_ROUTES:
        operation = Operation(_bound(partial(static_answer, static, lambda: service)), open=True)
        operations[static.path] = {"GET": operation}
        if static.file and not static.path.endswith("/"):
            # With a slash too many, a page leads to itself without.
            operations[f"{static.path}/"] = operations[static.path]
    return operations


def _bound(
    respond: Callable[[HttpRequest], HttpAnswer],
) -> Callable[[HttpRequest, BinaryIO], HttpAnswer]:
    return lambda request, body: respond(replace(request, body=body.read()))


class Application:
    """An ASGI application that works at `workers` requests with photos at once.

    Reading has threads of its own, so that no listing waits for searches.
    """

    def __init__(self, operations: Operations, access: Access, workers: int) -> None:
        self._access = access
        self._queries = Bodies(MEMORY_BYTES, on_disk=False)
        self._stored = Bodies(DISK_BYTES, on_disk=True)
        self._analysing = _Threads(workers, "analysing")
        self._reading = _Threads(workers, "reading")
        self._router = Router(
            [PathRoute(path, _Endpoint(self, methods)) for path, methods in operations.items()],
            redirect_slashes=False,
            default=_Endpoint(self, {}),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._router(scope, receive, send)

    def close(self) -> None:
        """Wait for the requests in work."""
        for threads in (self._analysing, self._reading):
            threads.close()

    async def respond(self, methods: Mapping[str, Operation], request: Request) -> Response:
        """Answer a request with one of the path's methods. Raises `ClientDisconnect`."""
        asked = _http_request(request)
        operation = methods.get(asked.method)
        try:
            if "content-length" in request.headers and "transfer-encoding" in request.headers:
                raise Refused(TWO_LENGTHS)
            self._access.check_host(request.headers.get("host", ""))
            if operation is None:
                return _response(refusal_answer(asked, list(methods)), asked)
            if not operation.open:
                key_id = self._access.check_key(request.headers.get("x-api-key", ""))
                asked = replace(asked, key_id=key_id)
            bodies = self._stored if operation.stored else self._queries
            async with bodies.receive(request, operation.max_bytes) as body:
                return await self._worked(operation, request, asked, body)
        except Refused as refused:
            # What follows may be the body's rest, and no request.
            headers = {"Connection": "close"} if refused.problem is TWO_LENGTHS else {}
            return _response(problem_answer(refused.problem, asked.request_id, headers), asked)

    async def _worked(
        self, operation: Operation, request: Request, asked: HttpRequest, body: BinaryIO
    ) -> Response:
        """The operation's answer. It does not run for a client that left before its turn.

        Raises `Refused` when too many requests are waiting, and `ClientDisconnect`.
        """
        threads = self._reading if asked.method == "GET" else self._analysing
        # Within one machine, compressing takes longer than it saves.
        compress = request.client is None or not is_loopback(request.client.host)
        with threads.working(partial(_work, operation, asked, body, compress=compress)) as job:
            answered = asyncio.wrap_future(job)
            left = asyncio.ensure_future(request.receive())
            await asyncio.wait((answered, left), return_when=asyncio.FIRST_COMPLETED)
            left.cancel()
            if not answered.done() and job.cancel():
                raise ClientDisconnect
            return _response(await answered, asked)


class _Threads:
    """Threads, and a queue before them that has an end. The event loop's thread uses it."""

    def __init__(self, count: int, name: str) -> None:
        self._threads = ThreadPoolExecutor(count, name)
        self._most = count * (1 + WAITING)
        self._in_hand = 0

    @contextmanager
    def working(self, work: Callable[[], HttpAnswer]) -> Iterator[Future[HttpAnswer]]:
        """Let a thread do the work. Raises `Refused` when too much is waiting already."""
        if self._in_hand >= self._most:
            raise Refused(TOO_MANY)
        self._in_hand += 1
        try:
            yield self._threads.submit(work)
        finally:
            self._in_hand -= 1

    def close(self) -> None:
        """Wait for the work in hand; what waits is not done."""
        self._threads.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True, eq=False)
class _Endpoint:
    """A path's methods, as an ASGI application."""

    application: Application
    methods: Mapping[str, Operation]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self.application.respond(self.methods, Request(scope, receive))
        except ClientDisconnect:
            return
        except asyncio.CancelledError:
            # The server stops, and what this request waits for goes on for too long.
            return
        await response(scope, receive, send)


def _http_request(request: Request) -> HttpRequest:
    """The request without its body. HEAD is answered as GET; the server sends no body then."""
    return HttpRequest(
        method="GET" if request.method == "HEAD" else request.method,
        path=request.scope["path"],
        path_params=request.path_params,
        query=request.query_params.multi_items(),
        headers=dict(request.headers),
        body=b"",
        request_id=str(uuid4()),
    )


def _work(
    operation: Operation, request: HttpRequest, body: BinaryIO, *, compress: bool
) -> HttpAnswer:
    answer = operation.answer(request, body)
    return _compressed(answer, request) if compress else answer


def _compressed(answer: HttpAnswer, request: HttpRequest) -> HttpAnswer:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    if (
        "gzip" not in request.headers.get("accept-encoding", "")
        or "content-encoding" in headers
        or len(answer.body) < COMPRESSED_FROM_BYTES
        or not str(headers.get("content-type", "")).startswith(COMPRESSED)
    ):
        return answer
    headers |= {"content-encoding": "gzip", "vary": "Accept-Encoding"}
    return HttpAnswer(answer.status, headers, gzip.compress(answer.body, 5))


def _response(answer: HttpAnswer, request: HttpRequest) -> Response:
    response = Response(answer.body, answer.status)
    headers = MutableHeaders(raw=response.raw_headers)
    for name, values in answer.headers.items():
        if name.title() in PROTECTION:  # the server adds them to every answer
            continue
        for value in [values] if isinstance(values, str) else values:
            headers.append(name, value)
    headers["X-Request-Id"] = request.request_id
    # Answers are about people: nothing on the way keeps them.
    headers.setdefault("Cache-Control", "no-store")
    return response
