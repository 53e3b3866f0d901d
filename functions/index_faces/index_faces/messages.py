"""Process a batch of queue messages together. Each message succeeds or fails by itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from facesearch.errors import FacesearchError, ReadError
from facesearch.faces import Removal
from facesearch.indexing import Outcome, PhotoToIndex, Status, index_photos
from facesearch.photos.bucket import S3Photos
from index_faces.events import Change, VersionRemoval, parse_message
from index_faces.service import IndexService


@dataclass(slots=True)
class BatchResult:
    """The outcomes of photos, and the errors of failed messages by message id."""

    outcomes: list[Outcome] = field(default_factory=list)
    failed: dict[str, FacesearchError] = field(default_factory=dict)


def index_messages(bodies: Mapping[str, str], service: IndexService) -> BatchResult:
    """Apply the changes in the messages; `bodies` are by message id.

    Raises a `StoreError` or `ModelError` when none could be applied.
    """
    result = BatchResult()
    changes: dict[str, list[Change]] = {}
    for message_id, body in bodies.items():
        try:
            changes[message_id] = parse_message(body)
        except FacesearchError as error:
            result.failed[message_id] = error
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
    if not isinstance(change, VersionRemoval):
        return change
    if photos.exists(change.photo_id):
        return PhotoToIndex(change.photo_id, change.sequence)
    return Removal(change.photo_id, change.sequence)
