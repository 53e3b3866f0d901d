"""The search API on one machine: HTTP in, the Lambda function's own handler, HTTP out."""

import base64
import json
import logging
import os
import signal
import socket
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from http import HTTPStatus
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qs

import click
from waitress.server import create_server

from facesearch.errors import FacesearchError, SettingsError
from facesearch_local.settings import ServeSettings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from facesearch_local.upload_folder import FolderUploads
    from search_faces.problems import Problem

MAX_BODY_BYTES = 10 * 2**20
"""API Gateway's limit."""

_READ_BYTES = 16 * MAX_BODY_BYTES
"""Bodies up to here are read to the end, so that the caller gets to see why they are refused."""

_ENVIRONMENT = {
    "POWERTOOLS_LOG_LEVEL": "WARNING",
    "POWERTOOLS_METRICS_DISABLED": "true",
}
"""What CloudWatch would collect is of no use here."""

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def serve(host: str, port: int, environ: Mapping[str, str]) -> None:
    """Answer requests until SIGINT or SIGTERM; port 0 takes a free one, which is printed.

    New photos go into the folder that FACESEARCH_UPLOADS names, if any.

    `environ` becomes this process's environment, as Lambda's configuration becomes a function's.
    Raises `SettingsError`, `ModelError` or a `StoreError` when it cannot start.
    """
    settings = ServeSettings.from_env(environ)
    known = {**environ, "FACESEARCH_UPLOADS": "off"} if settings.uploads else environ
    os.environ.update({**_ENVIRONMENT, **known})
    # After the environment is set: Powertools reads it as it is imported.
    from facesearch_local.upload_folder import FolderUploads
    from search_faces.handler import handler
    from search_faces.service import open_service

    signal.signal(signal.SIGTERM, _stop)
    # Requests that wait are no news: there is one thread.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    service = open_service()
    uploads = None
    if settings.uploads is not None:
        uploads = FolderUploads(settings.uploads, service.pipeline, service.store)
        service.uploads = uploads
    with _listen(host, port) as listening, closing(service.store):
        held = service.check()
        # Powertools keeps the current request in one place: one at a time, as in Lambda.
        server = create_server(
            Gateway(handler, uploads),
            sockets=[listening],
            threads=1,
            max_request_body_size=_READ_BYTES,
            ident=None,
        )
        url = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
        # A signal may come before the server is there to take it, too.
        with closing(server), suppress(KeyboardInterrupt):
            click.echo(f"{held.faces:,} faces in {held.photos:,} photos: listening on {url}")
            server.run()


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host}, port {port} ({error.strerror}): choose another --port"
        ) from error


@dataclass(frozen=True, slots=True)
class Context:
    """The part of Lambda's context that logs ask for."""

    aws_request_id: str
    function_name: str = "search_faces"
    memory_limit_in_mb: int = 0
    invoked_function_arn: str = "local"


class Gateway:
    """A WSGI application that does what API Gateway does, with `*/*` as its binary types.

    Beside it, what S3 does for new photos: a form with a photo goes to `uploads`.
    """

    def __init__(self, handler: Handler, uploads: "FolderUploads | None" = None) -> None:
        # Not before the environment is set, as everything that imports Powertools.
        from facesearch_local.upload_folder import UPLOAD_URL

        self._handler = handler
        self._uploads = uploads
        self._upload_path = f"/{UPLOAD_URL}"

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        request_id = str(uuid.uuid4())
        length = int(environ.get("CONTENT_LENGTH") or 0)
        asked = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if self._uploads is not None and asked == ("POST", self._upload_path):
            status, headers, body = _upload(self._uploads, environ, length, request_id)
        elif length > MAX_BODY_BYTES:
            status, headers, body = _too_large(MAX_BODY_BYTES, request_id)
        else:
            data = environ["wsgi.input"].read(length) if length else b""
            event = proxy_event(environ, data, request_id)
            status, headers, body = _answer(self._handler(event, Context(request_id)))
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        return [body]


_Answer = tuple[int, list[tuple[str, str]], bytes]


def _answer(response: Mapping[str, Any]) -> _Answer:
    body = response["body"] or ""
    data = base64.b64decode(body) if response["isBase64Encoded"] else body.encode()
    headers = [
        (name, value) for name, values in response["multiValueHeaders"].items() for value in values
    ]
    return response["statusCode"], [*headers, ("Content-Length", str(len(data)))], data


def _upload(
    uploads: "FolderUploads", environ: "WSGIEnvironment", length: int, request_id: str
) -> _Answer:
    """204 as S3 answers, the photo being stored and indexed, or the problem."""
    from facesearch_local.upload_folder import MAX_FORM_BYTES
    from search_faces.log import log_problem
    from search_faces.problems import problem_of

    if length > MAX_FORM_BYTES:
        return _too_large(MAX_FORM_BYTES, request_id)
    try:
        uploads.receive(environ.get("CONTENT_TYPE", ""), environ["wsgi.input"].read(length))
    except FacesearchError as error:
        problem = problem_of(error)
        log_problem(problem, error)
        return _problem(problem, request_id)
    return HTTPStatus.NO_CONTENT, [("X-Request-Id", request_id)], b""


def _too_large(limit: int, request_id: str) -> _Answer:
    from search_faces.problems import body_problem

    return _problem(body_problem(limit), request_id)


def _problem(problem: "Problem", request_id: str) -> _Answer:
    from search_faces.problems import CONTENT_TYPE

    data = json.dumps(problem.as_json(request_id)).encode()
    headers = [
        ("Content-Type", CONTENT_TYPE),
        ("X-Request-Id", request_id),
        ("Content-Length", str(len(data))),
    ]
    return problem.status, headers, data


def proxy_event(environ: "WSGIEnvironment", body: bytes, request_id: str) -> dict[str, Any]:
    """A request as the event of an API Gateway REST API with one proxy resource."""
    # WSGI hands over bytes of UTF-8 as if they were Latin-1.
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    headers = _headers(environ)
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    now = time.time()
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": environ["REQUEST_METHOD"],
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": {"proxy": path.lstrip("/")},
        "stageVariables": None,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "httpMethod": environ["REQUEST_METHOD"],
            "identity": {
                "sourceIp": environ.get("REMOTE_ADDR"),
                "userAgent": headers.get("User-Agent"),
            },
            "path": path,
            "protocol": environ.get("SERVER_PROTOCOL"),
            "requestId": request_id,
            "requestTimeEpoch": int(now * 1000),
            "resourcePath": "/{proxy+}",
            "stage": "local",
        },
        "body": base64.b64encode(body).decode() if body else None,
        "isBase64Encoded": bool(body),
    }


def _headers(environ: "WSGIEnvironment") -> dict[str, str]:
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").title(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    if environ.get("CONTENT_TYPE"):
        headers["Content-Type"] = environ["CONTENT_TYPE"]
    return headers
