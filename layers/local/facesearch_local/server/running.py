"""`facesearch serve`: the search API and its page over HTTP, on this machine."""

import asyncio
import os
import secrets
import signal
import socket
import webbrowser
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from types import FrameType
from typing import NoReturn

import click
import uvicorn
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from facesearch.errors import SettingsError, StoreNotFound
from facesearch.machine import usable_cpus
from facesearch.photos.links import PhotoLinks
from facesearch.store_urls import place_of
from facesearch.stores import Counts, FaceStore
from facesearch_local.pool import worker_count
from facesearch_local.server.access import Access, is_loopback, own_hosts
from facesearch_local.server.application import Application, Operations, operations_of
from facesearch_local.server.connections import (
    IDLE_S,
    MAX_CONNECTIONS,
    MAX_HEAD_BYTES,
    PROTECTION,
    STOPPING_S,
    BoundedConnection,
)
from facesearch_local.server.logs import log_failures
from facesearch_local.server.photos import photo_operations
from facesearch_local.server.uploads import FolderUploads, upload_operations
from facesearch_local.server.workers import Workers
from facesearch_local.settings import ServeSettings
from search_faces.service import SearchService

MOST_WORKERS = 4
"""The most workers by default."""

PREFLIGHT_S = 3600
"""How long a browser may keep the answer to a preflight request."""


def default_workers() -> int:
    """The default number of searches at the same time."""
    return min(worker_count(usable_cpus()), MOST_WORKERS)


def serve(
    host: str,
    port: int,
    settings: ServeSettings,
    *,
    workers: int = 0,
    api_key: str = "",
    hosts: Sequence[str] = (),
    open_page: bool = False,
    limited_keys: Mapping[str, Collection[str]] | None = None,
) -> None:
    """Answer requests until SIGINT or SIGTERM; port 0 takes a free one, which is printed.

    Callers need `api_key`, unless it is "" and `host` is for this machine alone: elsewhere, a key
    is made up and printed. `hosts` are further names that this machine goes by. With
    `open_page`, the page is opened in a browser when the server listens. `limited_keys` have the
    collections that they may see; there is another key beside them then.

    Raises `SettingsError`, `ModelError` or a `StoreError` when it cannot start.
    """
    limited = limited_keys or {}
    if not all(each.isascii() and each.isprintable() for each in (api_key, *limited)):
        raise SettingsError("the API key is sent in a header: use ASCII letters, digits and signs")
    signal.signal(signal.SIGTERM, _stop)
    open_to_all = is_loopback(host) and not limited
    made_up = "" if api_key or open_to_all else secrets.token_urlsafe(24)
    # Which key it is, not the key itself, goes with the requests.
    ids = {key: f"limited-{number}" for number, key in enumerate(limited)}
    access = Access(own_hosts((*hosts, host)), api_key or made_up, ids)
    seen = {ids[key]: frozenset(collections) for key, collections in limited.items()}
    settings = replace(settings, search=replace(settings.search, key_collections=seen))
    count = workers or default_workers()
    with _listen(host, port) as listening:
        links = PhotoLinks(secrets.token_bytes(32))
        settings = replace(settings, search=replace(settings.search, link_secret=links.secret))
        service = SearchService.from_settings(settings.search)
        uploads = None
        if settings.uploads is not None:
            uploads = FolderUploads(settings.uploads, service.pipeline, service.store)
            service = replace(service, uploads=uploads)
        with closing(service.store):
            # Before processes start: what is missing is told once.
            service.check()
            held = _held(service.store)
            url = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
            place = place_of(settings.search.shared.store_url)
            news = f"{held.faces:,} faces in {held.photos:,} photos, in {place}: listening on {url}"
            log_failures()
            if made_up:
                news += f"\nCallers need this key, in the header X-Api-Key: {made_up}"
            with (
                Workers(service, settings.search, count) as working,
                closing(
                    Application(_operations(service, working, uploads, links), access, count)
                ) as app,
                # uvicorn hands on the signal that ended it; one may come before it is there, too.
                suppress(KeyboardInterrupt),
            ):
                page = url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
                _run(
                    _with_cors(app, settings.search.cors_origins),
                    listening,
                    news,
                    page if open_page else "",
                )


def _held(store: FaceStore) -> Counts:
    """What the store holds; nothing when it does not exist yet."""
    try:
        return store.counts()
    except StoreNotFound:
        return Counts(0, 0)


def _operations(
    service: SearchService, workers: Workers, uploads: FolderUploads | None, links: PhotoLinks
) -> Operations:
    operations = operations_of(service, workers) | photo_operations(links)
    return operations if uploads is None else operations | upload_operations(uploads)


def _with_cors(application: Application, origins: Sequence[str]) -> ASGIApp:
    """Allow pages of these origins to use the API."""
    if not origins:
        return application
    return CORSMiddleware(
        application,
        allow_origins=origins,
        allow_methods=["*"],
        allow_headers=["Content-Type", "X-Api-Key"],
        expose_headers=["Retry-After", "X-Request-Id"],
        max_age=PREFLIGHT_S,
    )


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, news: str, page: str) -> None:
        super().__init__(config)
        self._news = news
        self._page = page

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        click.echo(self._news)
        if self._page:
            await asyncio.to_thread(webbrowser.open, self._page)


def _run(application: ASGIApp, listening: socket.socket, news: str, page: str) -> None:
    config = uvicorn.Config(
        application,
        loop="asyncio",
        http=BoundedConnection,
        ws="none",
        interface="asgi3",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        headers=list(PROTECTION.items()),
        # One more than are kept: this one gets to hear that there are too many.
        limit_concurrency=MAX_CONNECTIONS + 1,
        timeout_keep_alive=IDLE_S,
        # Connections end before it.
        timeout_graceful_shutdown=STOPPING_S + 2,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
    )
    _Server(config, news, page).run([listening])


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named: without, asyncio leaves Nagle's algorithm on, at 40 ms an answer.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise SettingsError(
            f"cannot listen on {host}, port {port} ({error.strerror}): choose another --port"
        ) from error
    return listening
