"""Requests to an OpenSearch cluster: signed, with time-outs, retries and our own errors."""

import logging
import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from opensearchpy import OpenSearch, Urllib3AWSV4SignerAuth, Urllib3HttpConnection
from opensearchpy.exceptions import NotFoundError, OpenSearchException, SerializationError
from urllib3 import Timeout

from facesearch.errors import SettingsError, StoreError
from facesearch.stores.opensearch.backoff import Backoff
from facesearch.stores.opensearch.errors import check_whole, is_type, may_pass, translate
from facesearch.stores.opensearch.settings import OpenSearchSettings

CONNECTIONS = 16
MOST_IDLE_S = 50.0
"""Load balancers forget a connection that has been idle for a minute or more, and may tell nobody.

A function that was frozen for longer finds such ones: a request on one would wait for its time-out.
"""
PROMPT = Backoff(attempts=5, total_s=3.0, first_s=0.1, most_s=1.0)
"""For requests whose caller waits."""


def patient(settings: OpenSearchSettings) -> Backoff:
    """For what nobody waits for, and for writes, which the end of a reindex blocks."""
    return Backoff(attempts=20, total_s=settings.retry_s, first_s=0.2, most_s=5.0)


# opensearch-py logs requests and answers, which hold embeddings, and stack traces.
for _name in ("opensearch", "opensearch.trace"):
    logging.getLogger(_name).disabled = True


class OpenSearchClient:
    """One cluster. It connects at the first request; several threads may share it."""

    def __init__(
        self,
        settings: OpenSearchSettings,
        backoff: Backoff = PROMPT,
        # Of the world: other clocks stand still while a function is frozen.
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self._backoff = backoff
        self._clock = clock
        self._used = 0.0
        self._client: OpenSearch | None = None
        self._opening = Lock()

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
        *,
        timeout_s: float | None = None,
        ignore_error: str = "",
    ) -> Any:
        """Send a request, with retries, and return the JSON of the answer.

        Returns None if the error is of type `ignore_error`. A missing document is no error. An
        answer that lacks a part is one that may pass. Raises a `StoreError`; `StoreNotFound` means
        that the index does not exist.
        """
        failure: OpenSearchException | None = None
        for _ in self._backoff.tries():
            try:
                answer = self.attempt(
                    method, path, body, params, timeout_s=timeout_s or self.settings.timeout_s
                )
                check_whole(answer)
            except NotFoundError as error:
                if isinstance(error.info, dict) and "found" in error.info:
                    return error.info
                raise self.translate(error) from error
            except OpenSearchException as error:
                if ignore_error and is_type(error, ignore_error):
                    return None
                failure = error
                if not may_pass(error):
                    break
            else:
                return answer
        assert failure is not None  # noqa: S101 (there is a first attempt)
        raise self.translate(failure) from _cause(failure)

    def attempt(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | bytes | None,
        params: Mapping[str, str] | None,
        *,
        timeout_s: float,
        content_type: str = "application/json",
    ) -> Any:
        """One attempt. Raises opensearch-py's exceptions."""
        timeout = Timeout(connect=self.settings.connect_timeout_s, read=timeout_s)
        return self._opened().transport.perform_request(
            method,
            path,
            params=dict(params or {}),
            body=body,
            timeout=timeout,  # type: ignore[arg-type]  # handed to urllib3 as it is
            headers={"content-type": content_type},
        )

    def translate(self, error: OpenSearchException) -> StoreError:
        return translate(error, self.settings.name)

    def close(self) -> None:
        with self._opening:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _opened(self) -> OpenSearch:
        with self._opening:
            idle_s = abs(self._clock() - self._used)
            self._used = self._clock()
            if self._client is None or idle_s > MOST_IDLE_S:
                # The last one is not closed: a request may still be under way.
                self._client = _connect(self.settings)
            return self._client


def _connect(settings: OpenSearchSettings) -> OpenSearch:
    auth: Any = None
    if settings.aws:
        auth = _aws_auth(settings)
    elif settings.user:
        auth = (settings.user, settings.password)
    return OpenSearch(
        hosts=[{"host": settings.host, "port": settings.port}],
        connection_class=Urllib3HttpConnection,
        http_auth=auth,
        use_ssl=settings.tls,
        verify_certs=True,
        pool_maxsize=CONNECTIONS,
        max_retries=0,  # what to try again is decided here
    )


def _aws_auth(settings: OpenSearchSettings) -> Urllib3AWSV4SignerAuth:
    # Only needed on AWS, where it is always there.
    from botocore.session import Session  # noqa: PLC0415

    session = Session()
    region = settings.region or session.get_config_variable("region")
    if not region:
        raise SettingsError(
            f"store '{settings.name}' needs its AWS region: add ?region=… or set AWS_REGION"
        )
    credentials = session.get_credentials()
    if credentials is None:
        raise SettingsError(
            f"store '{settings.name}' needs AWS credentials: there are none in the environment, "
            "the configuration or the role"
        )
    return Urllib3AWSV4SignerAuth(credentials, region, "es")


def _cause(error: OpenSearchException) -> OpenSearchException | None:
    # A SerializationError carries the answer, which may hold embeddings.
    return None if isinstance(error, SerializationError) else error
