"""Translate errors of OpenSearch and of the connection to it into our own."""

from collections.abc import Callable
from typing import Any

from opensearchpy.exceptions import (
    AuthenticationException,
    AuthorizationException,
    ConnectionError,
    ConnectionTimeout,
    OpenSearchException,
    SerializationError,
    SSLError,
    TransportError,
)

from facesearch.errors import (
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreNotFound,
    StoreUnavailable,
)


class WritesBlocked(StoreUnavailable):
    """A reindex is at its end, or was cut short."""


BUSY = {429, 502, 503, 504}
_IN_PART = "answered_in_part"


def translate(error: OpenSearchException, name: str) -> StoreError:
    """Translate an error of the store `name` into one for users."""
    for applies, kind, text in _MEANINGS:
        if applies(error):
            return kind(f"store '{name}' {text}")
    return StoreError(f"store '{name}' refused a request ({reason(error)})")


def may_pass(error: OpenSearchException) -> bool:
    """Whether the same request may succeed a little later."""
    if isinstance(error, ConnectionError):
        return not isinstance(error, SSLError)
    return _status(error) in BUSY and not is_type(error, "cluster_block_exception")


def check_whole(answer: Any) -> None:
    """Raise an error that may pass if shards failed, or time was up before all had answered."""
    if not isinstance(answer, dict):
        return
    shards = answer.get("_shards")
    if answer.get("timed_out") or (isinstance(shards, dict) and shards.get("failed")):
        raise TransportError(503, _IN_PART, {"error": {"type": _IN_PART}})


def reason(error: OpenSearchException) -> str:
    """The status and the engine's short name of the error: no values of the request."""
    info = error.info if isinstance(error, TransportError) else None
    kind = info.get("error") if isinstance(info, dict) else None
    return f"{_status(error)} {kind.get('type', '') if isinstance(kind, dict) else ''}".strip()


def _status(error: OpenSearchException) -> int:
    status = error.status_code if isinstance(error, TransportError) else 0
    return status if isinstance(status, int) else 0


def is_type(error: OpenSearchException, kind: str) -> bool:
    """Whether the error is of the engine's type `kind`."""
    return isinstance(error, TransportError) and error.error == kind


def _is_foreign(error: OpenSearchException) -> bool:
    """Whether another program answered: OpenSearch's errors are JSON objects."""
    if isinstance(error, SerializationError):
        return True
    return isinstance(error, TransportError) and not isinstance(error.info, dict)


_MEANINGS: tuple[tuple[Callable[[OpenSearchException], bool], type[StoreError], str], ...] = (
    (
        lambda error: isinstance(error, SSLError),
        StoreUnavailable,
        "was not trusted: its certificate is not valid for this host, or its authority is not "
        "known (name a file of authorities in SSL_CERT_FILE)",
    ),
    (
        lambda error: isinstance(error, ConnectionTimeout),
        StoreUnavailable,
        "did not answer in time: try again later, or allow it more with ?timeout=",
    ),
    (
        lambda error: isinstance(error, ConnectionError),
        StoreUnavailable,
        "cannot be reached: check its address, and that OpenSearch is running",
    ),
    (
        lambda error: isinstance(error, AuthenticationException),
        StoreUnavailable,
        "refuses these credentials: check user and password",
    ),
    (
        lambda error: (
            is_type(error, "index_create_block_exception")
            or (_status(error) == 429 and is_type(error, "cluster_block_exception"))
        ),
        StoreFull,
        "takes no more, its disks are nearly full: add storage; what it holds is intact",
    ),
    (
        lambda error: is_type(error, "cluster_block_exception"),
        WritesBlocked,
        "is not being written for the moment (a reindex is at its end, or was cut short: run it "
        "again): try again later",
    ),
    (
        lambda error: isinstance(error, AuthorizationException),
        StoreUnavailable,
        "does not allow this: give the user or role access to its index",
    ),
    (
        lambda error: is_type(error, _IN_PART),
        StoreUnavailable,
        "answered in part only, some of its shards failed or took too long: try again later",
    ),
    (
        lambda error: _status(error) in BUSY,
        StoreUnavailable,
        "is overloaded or starting: try again later",
    ),
    (
        lambda error: is_type(error, "index_not_found_exception"),
        StoreNotFound,
        "does not exist yet: index some photos first",
    ),
    (_is_foreign, StoreDamaged, "is not OpenSearch: check the address"),
)
