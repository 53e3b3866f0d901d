"""HTTP connections with deadlines, so that slow or idle clients delay nobody."""

import asyncio
from http import HTTPStatus
from typing import cast
from uuid import uuid4

import h11
import msgspec
from uvicorn.protocols.http.h11_impl import H11Protocol

from search_faces.problems import CONTENT_TYPE, HttpProblem

HEAD_S = 10.0
"""The time for a request's head to arrive, or for the rest of a body that is not wanted."""

IDLE_S = 15
"""How long an idle connection is kept open."""

ANSWER_S = 60.0
"""The time for a client to receive an answer."""

STOPPING_S = 10
"""The time to answer requests in work when the server stops."""

UNREAD_BYTES = 128 * 2**20
"""The room for all answers that clients have not received yet."""

MAX_CONNECTIONS = 500
MAX_HEAD_BYTES = 32 * 2**10

PROTECTION = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Headers of every answer. Browsers then do not guess its type, and do not show it on another
site's page."""


class BoundedConnection(H11Protocol):
    """uvicorn's connection with deadlines.

    When there are too many, the one makes room that has been without a request for longest, or else
    that whose request has been on its way for longest.
    """

    _head_timer: asyncio.TimerHandle | None = None
    _answer_timer: asyncio.TimerHandle | None = None
    _waiting_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # Every byte that a client has not taken counts: `pause_writing` tells of the first.
        transport.set_write_buffer_limits(0)
        self._waiting_since = self.loop.time()
        self._expect_head()
        if len(self.connections) > MAX_CONNECTIONS:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop(self._head_timer)
        self._stop(self._answer_timer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._in_request and self._head_timer is None:
            self._expect_head()
        super().data_received(data)

    def handle_events(self) -> None:
        super().handle_events()
        if self._in_request:
            self._stop(self._head_timer)
            self._head_timer = None

    def on_response_complete(self) -> None:
        self._waiting_since = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._answer_timer = self.loop.call_later(ANSWER_S, self.transport.abort)
        unread = [each for each in self._all() if each.flow.write_paused]
        if sum(each.transport.get_write_buffer_size() for each in unread) > UNREAD_BYTES:
            max(unread, key=lambda each: each.transport.get_write_buffer_size()).transport.abort()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop(self._answer_timer)

    def shutdown(self) -> None:
        if self._in_request and self.cycle.more_body:
            self.transport.abort()
            return
        super().shutdown()
        self.loop.call_later(STOPPING_S, self.transport.abort)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - ours says more
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.abort()
            return
        if self._in_request:
            # Its body is what is wrong: no route is to answer it any more.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        problem = HttpProblem(
            HTTPStatus.BAD_REQUEST,
            "invalid_request",
            "The request is not understood",
            f"the request is no HTTP/1.1, or its head is longer than {MAX_HEAD_BYTES // 2**10} KB: "
            "let an HTTP library send it, with shorter headers",
        )
        body = msgspec.json.encode(problem.details(str(uuid4())))
        headers = {
            **PROTECTION,
            "Content-Type": CONTENT_TYPE,
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        for event in (
            h11.Response(status_code=problem.status, headers=list(headers.items())),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    @property
    def _in_request(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_S, self.transport.abort)

    def _make_room(self) -> None:
        others = [each for each in self._all() if each is not self]
        idle = [each for each in others if not each._in_request]
        sending = [each for each in others if each._in_request and each.cycle.more_body]
        if waiting := idle or sending:
            min(waiting, key=lambda each: each._waiting_since).transport.abort()

    def _all(self) -> "list[BoundedConnection]":
        return cast("list[BoundedConnection]", list(self.connections))

    @staticmethod
    def _stop(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()
