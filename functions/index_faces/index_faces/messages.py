"""Process a batch of queue messages together. Each message succeeds or fails by itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from facesearch.errors import FacesearchError, InvalidRequest, ReadError
from facesearch.faces import Removal
from facesearch.indexing import Outcome, PhotoToIndex, Status, index_photos
from facesearch.photos.bucket import S3Photos
from index_faces.events import (
    Change,
    Message,
    PhotoToCheck,
    parse_message,
    sequence_of_seconds,
)
from index_faces.service import IndexService
from index_faces.trust import believed


@dataclass(slots=True)
class BatchResult:
    """The outcomes of photos, and the errors of failed messages by message id.

    `refused` has an error for each record that S3 never sends, or that is not believed.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    failed: dict[str, FacesearchError] = field(default_factory=dict)
    refused: list[InvalidRequest] = field(default_factory=list)


def index_messages(bodies: Mapping[str, str], service: IndexService) -> BatchResult:
    """Apply the changes in the messages; `bodies` are by message id.

    A message fails if one of its records does; its other records are applied all the same. Raises
    a `StoreError` or `ModelError` when none could be applied.
    """
    result = BatchResult()
    changes: dict[str, list[Change]] = {}
    for message_id, body in bodies.items():
        message = _believed(parse_message(body), service)
        changes[message_id] = message.changes
        if message.refused:
            result.failed[message_id] = message.refused[0]
            result.refused += message.refused
    result.outcomes = _index(_newest(changes.values()), service)
    undone = {
        outcome.photo_id: outcome.error
        for outcome in result.outcomes
        if outcome.status is Status.UNDONE and outcome.error is not None
    }
    for message_id, wanted in changes.items():
        errors = [undone[change.photo_id] for change in wanted if change.photo_id in undone]
        if errors:
            result.failed[message_id] = errors[0]
    return result


def _believed(message: Message, service: IndexService) -> Message:
    believable = Message([], list(message.refused))
    now = sequence_of_seconds(service.clock())
    for change in message.changes:
        try:
            believable.changes.append(
                believed(change, service.bucket, now, limits=service.reembedding)
            )
        except InvalidRequest as error:
            believable.refused.append(error)
    return believable


def _newest(messages: Iterable[Iterable[Change]]) -> list[Change]:
    """The last change of each photo; of equal ones, the one that arrived later."""
    newest: dict[str, Change] = {}
    for change in (change for message in messages for change in message):
        known = newest.get(change.photo_id)
        if known is None or known.sequence <= change.sequence:
            newest[change.photo_id] = change
    return list(newest.values())


def _index(changes: Iterable[Change], service: IndexService) -> list[Outcome]:
    clear: list[PhotoToIndex | Removal] = []
    undone: list[Outcome] = []
    for change in changes:
        try:
            clear.append(_resolved(change, service.photos))
        except ReadError as error:
            undone.append(Outcome(change.photo_id, Status.UNDONE, error=error))
    if not clear:
        return undone
    return [*undone, *index_photos(clear, service.photos.read, service.pipeline, service.store)]


def _resolved(change: Change, photos: S3Photos) -> PhotoToIndex | Removal:
    """Raises `ReadError`."""
    if not isinstance(change, PhotoToCheck):
        return change
    if photos.exists(change.photo_id):
        return PhotoToIndex(change.photo_id, change.sequence, limits=change.limits)
    return Removal(change.photo_id, change.sequence)
