"""Processes that answer requests with photos: this one, and one for each further core."""

import signal
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Lock
from typing import Any

from facesearch.closeable import Closeable
from facesearch_local.server.logs import log_failures
from search_faces.answering import answer_request, problem_answer
from search_faces.http import HttpAnswer, HttpRequest
from search_faces.log import logger
from search_faces.problems import unexpected_problem
from search_faces.routes import ROUTES
from search_faces.routing import Route
from search_faces.service import SearchService
from search_faces.settings import SearchSettings


class Workers(Closeable):
    """Answers up to `count` requests at the same time, called from as many threads.

    The first of them is answered here, as one client alone is served fastest without another
    process; those that come meanwhile go to processes, as threads of one wait for each other
    (Python runs one at a time). Until the processes are ready, this one does all.
    """

    def __init__(self, service: SearchService, settings: SearchSettings, count: int) -> None:
        self._service = service
        self._lock = Lock()
        self._here = 0
        # Ctrl-C reaches the whole group of processes, but only this one may act on it. What is
        # ignored stays ignored in a child, even while it is starting.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self._processes = [_Process(settings) for _ in range(count - 1)]
        finally:
            signal.signal(signal.SIGINT, before)

    def answer(self, route: Route[Any, Any], request: HttpRequest) -> HttpAnswer:
        """Answer a request. Never raises."""
        process = self._taken()
        try:
            if process is None:
                return answer_request(route, lambda: self._service, request)
            return process.answer(route, request)
        finally:
            with self._lock:
                if process is None:
                    self._here -= 1
                else:
                    process.is_busy = False

    def close(self) -> None:
        for process in self._processes:
            process.close()

    def _taken(self) -> "_Process | None":
        with self._lock:
            if self._here:
                for process in self._processes:
                    if process.is_free:
                        process.is_busy = True
                        return process
            self._here += 1
            return None


class _Process:
    """A process that answers one request at a time. If it crashes, a new one is started."""

    def __init__(self, settings: SearchSettings) -> None:
        self._settings = settings
        self.is_busy = False
        self._is_ready = False
        self._start()

    @property
    def is_free(self) -> bool:
        """Whether the process is ready and idle."""
        if self.is_busy:
            return False
        if self._is_ready and not self._process.is_alive():
            self._restart()
        try:
            if not self._is_ready and self._pipe.poll():
                self._pipe.recv()
                self._is_ready = True
        except (EOFError, OSError):
            # It could not even start: others do its work.
            return False
        return self._is_ready

    def answer(self, route: Route[Any, Any], request: HttpRequest) -> HttpAnswer:
        try:
            self._pipe.send((route.method, route.path, request))
            reply: HttpAnswer = self._pipe.recv()
        except (EOFError, OSError):
            reason = "a process that worked at it ended: its memory ran out, or the photo broke it"
            logger.error("request failed", extra={"error": "crash", "reason": reason})
            self._restart()
            return problem_answer(unexpected_problem(), request.request_id)
        return reply

    def _restart(self) -> None:
        self.close()
        self._start()

    def close(self) -> None:
        self._pipe.close()
        self._process.kill()
        self._process.join()

    def _start(self) -> None:
        context = get_context("spawn")
        self._pipe, there = context.Pipe()
        self._process = context.Process(
            target=_work, args=(self._settings, there), name="search worker", daemon=True
        )
        self._is_ready = False
        self._process.start()
        there.close()


def _work(settings: SearchSettings, pipe: "Connection[Any, Any]") -> None:
    """The loop of a process. It ends when the server closes the pipe or ends."""
    # Who stops the server may tell all its processes: it is the server that ends this one.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    log_failures()
    service = SearchService.from_settings(settings)
    routes = {(route.method, route.path): partial(answer_request, route) for route in ROUTES}
    try:
        service.pipeline.warm()
        pipe.send(None)
        while True:
            method, path, request = pipe.recv()
            pipe.send(routes[method, path](lambda: service, request))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
