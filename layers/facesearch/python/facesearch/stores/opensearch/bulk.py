"""Write photos to OpenSearch in bulk: in order for each photo, with retries.

A document's version is the photo's sequence, and the engine refuses a lower one. So a late event
never wins, however many writers there are, and sending a document again does no harm.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from opensearchpy.exceptions import NotFoundError, OpenSearchException, TransportError

from facesearch.errors import StoreError, StoreUnavailable
from facesearch.faces import IndexedPhoto, Removal
from facesearch.stores.opensearch.backoff import Backoff
from facesearch.stores.opensearch.client import OpenSearchClient, patient
from facesearch.stores.opensearch.documents import document_of, has_left_out
from facesearch.stores.opensearch.errors import may_pass, reason

BULK_BYTES = 5_000_000  # the smallest nodes on AWS refuse requests of more than 10 MB
CONFLICT = 409


@dataclass(frozen=True, slots=True)
class _BulkOperation:
    """One change, as the lines of a bulk request."""

    key: str
    photo_id: str
    lines: bytes


@dataclass(frozen=True, slots=True)
class _MayPass:
    """An error of an operation that may succeed when it is tried again."""

    error: StoreError


class BulkWriter:
    """Writes changes to an alias.

    `prepare` is called when the alias is missing or blocks writes. It creates what is missing, and
    raises if the store has another recipe by now. `takes_left_out` tells whether the index has the
    field for faces that were left out.
    """

    def __init__(
        self,
        client: OpenSearchClient,
        alias: str,
        prepare: Callable[[], None],
        takes_left_out: Callable[[], bool],
        backoff: Backoff | None = None,
    ) -> None:
        self._client = client
        self._alias = alias
        self._prepare = prepare
        self._takes_left_out = takes_left_out
        self._backoff = backoff or patient(client.settings)

    def write(self, changes: Sequence[IndexedPhoto | Removal]) -> list[bool | StoreError]:
        """As `FaceStore.write`."""
        left_out = any(map(has_left_out, changes)) and self._takes_left_out()
        operations = [_operation(change, with_left_out=left_out) for change in changes]
        results: dict[int, bool | StoreError] = {}
        for turn in _turns(operations):
            results |= self._write_all({place: operations[place] for place in turn})
        ordered = [results[place] for place in range(len(operations))]
        errors = [result for result in ordered if isinstance(result, StoreError)]
        if len(errors) == len(ordered) and all(type(error) is not StoreError for error in errors):
            raise errors[0]  # the store's fault, not one of the photos'
        return ordered

    def _write_all(self, operations: dict[int, _BulkOperation]) -> dict[int, bool | StoreError]:
        """The result of each operation. Errors that may pass are retried until time is up."""
        results: dict[int, bool | StoreError | _MayPass] = {}
        left = operations
        for _ in self._backoff.tries():
            for part in _parts(left):
                results |= self._write_part(part)
            left = {p: each for p, each in left.items() if isinstance(results[p], _MayPass)}
            if not left:
                break
        return {
            place: result.error if isinstance(result, _MayPass) else result
            for place, result in results.items()
        }

    def _write_part(
        self, part: dict[int, _BulkOperation]
    ) -> dict[int, bool | StoreError | _MayPass]:
        try:
            items = self._send(part.values())
        except OpenSearchException as error:
            failure = self._client.translate(error)
            return dict.fromkeys(part, _MayPass(failure) if may_pass(error) else failure)
        if any(_is_missing_alias(item) or _is_write_block(item) for item in items):
            with suppress(StoreUnavailable):  # tried again with the operations
                self._prepare()
        return {
            place: self._result(operation, item)
            for (place, operation), item in zip(part.items(), items, strict=True)
        }

    def _send(self, operations: Iterable[_BulkOperation]) -> list[dict[str, Any]]:
        settings = self._client.settings
        answer = self._client.attempt(
            "POST",
            f"/{self._alias}/_bulk",
            b"".join(operation.lines for operation in operations),
            {"refresh": settings.refresh},
            timeout_s=settings.write_timeout_s,
            content_type="application/x-ndjson",
        )
        return [item["index"] for item in answer["items"]]

    def _result(
        self, operation: _BulkOperation, item: dict[str, Any]
    ) -> bool | StoreError | _MayPass:
        status = item["status"]
        if status < 300:
            return True
        if status == CONFLICT:
            return False
        error = _item_error(item)
        failure = self._client.translate(error)
        if may_pass(error) or _is_missing_alias(item) or _is_write_block(item):
            return _MayPass(failure)
        if type(failure) is not StoreError:
            return failure
        return StoreError(
            f"store '{self._client.settings.name}' cannot hold '{operation.photo_id}' "
            f"({reason(error)})"
        )


def _turns(operations: Sequence[_BulkOperation]) -> Iterator[list[int]]:
    """Indices of operations in turns, in order: no turn holds two operations on one photo.

    In one request, the first of two could be retried after the second was done.
    """
    left = list(range(len(operations)))
    while left:
        turn: dict[str, int] = {}
        for place in left:
            turn.setdefault(operations[place].key, place)
        yield list(turn.values())
        taken = set(turn.values())
        left = [place for place in left if place not in taken]


def _parts(operations: dict[int, _BulkOperation]) -> Iterator[dict[int, _BulkOperation]]:
    part: dict[int, _BulkOperation] = {}
    size = 0
    for place, operation in operations.items():
        if part and size + len(operation.lines) > BULK_BYTES:
            yield part
            part, size = {}, 0
        part[place] = operation
        size += len(operation.lines)
    yield part


def _operation(change: IndexedPhoto | Removal, *, with_left_out: bool) -> _BulkOperation:
    key, version, content = document_of(change, with_left_out=with_left_out)
    action = {
        "index": {
            "_id": key,
            "version": version,
            "version_type": "external_gte",
            # A missing alias must not become an index. Here, because a signed request's parameters
            # may be lost on the way.
            "require_alias": True,
        }
    }
    lines = b"".join(
        json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in (action, content)
    )
    photo = change if isinstance(change, Removal) else change.photo
    return _BulkOperation(key, photo.photo_id, lines)


def _item_error(item: dict[str, Any]) -> TransportError:
    """The error of an item as the exception that a whole request would raise."""
    kind = NotFoundError if item["status"] == 404 else TransportError
    return kind(item["status"], item["error"].get("type", ""), {"error": item["error"]})


def _is_missing_alias(item: dict[str, Any]) -> bool:
    return bool(item["status"] == 404 and item["error"]["type"] == "index_not_found_exception")


def _is_write_block(item: dict[str, Any]) -> bool:
    """Whether a reindex blocks writes, as it does at its end; 429 would be a full disk."""
    return bool(item["status"] == 403 and item["error"]["type"] == "cluster_block_exception")
