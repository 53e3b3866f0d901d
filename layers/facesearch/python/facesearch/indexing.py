"""The first use case: index photos, and remove photos that are gone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from facesearch.errors import FacesearchError, NotFound, ReadError, StoreError
from facesearch.faces import DEFAULT_COLLECTION, IndexedPhoto, Photo, Removal
from facesearch.photos.reading import PhotoContent, ReadPhoto, read_ahead
from facesearch.stages import Stage, stage
from facesearch.stores import FaceStore
from facesearch.vision.limits import IndexLimits
from facesearch.vision.pipeline import AnalysedPhoto, FacePipeline


@dataclass(frozen=True, slots=True)
class PhotoToIndex:
    """A photo that is new or changed; `sequence` as in `Photo`.

    `collection` and `metadata` count where reading the photo gives none. `limits` hold for this
    photo instead of the pipeline's.
    """

    photo_id: str
    sequence: int
    collection: str = DEFAULT_COLLECTION
    metadata: Mapping[str, str] = field(default_factory=dict)
    limits: IndexLimits | None = None


class Status(StrEnum):
    """What became of a change."""

    INDEXED = "indexed"
    WITHOUT_FACE = "without_face"
    FAILED = "failed"
    """The photo itself is bad: recorded in the store, and useless to try again."""
    UNDONE = "undone"
    """It could not be read or stored this time: nothing changed, try again."""
    SUPERSEDED = "superseded"
    """A newer change was there already, or the photo is gone by now."""
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one change; `error` says why it failed.

    `left_out` counts faces that were found and lie outside the limits; `note` as in
    `AnalysedPhoto`.
    """

    photo_id: str
    status: Status
    faces: int = 0
    error: FacesearchError | None = None
    left_out: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """A change that is ready to be written. `write` is None if an error left nothing to write."""

    photo_id: str
    write: IndexedPhoto | Removal | None
    error: FacesearchError | None = None
    left_out: int = 0
    note: str = ""


def index_photos(
    changes: Sequence[PhotoToIndex | Removal],
    read: ReadPhoto,
    pipeline: FacePipeline,
    store: FaceStore,
) -> list[Outcome]:
    """Apply the changes together. Each succeeds or fails by itself.

    Photos are read concurrently, all their faces are embedded in common model runs, and everything
    is written in one request. It is durable on return. Outcomes are in the order of `changes`.
    Raises a `StoreError` when the store can write nothing, and `ModelError` without models.
    """
    photos = {
        place: change for place, change in enumerate(changes) if isinstance(change, PhotoToIndex)
    }
    analysed = dict(zip(photos, _analyse(list(photos.values()), read, pipeline), strict=True))
    prepared = [
        _Prepared(change.photo_id, change) if isinstance(change, Removal) else analysed[place]
        for place, change in enumerate(changes)
    ]
    writes = {place: each.write for place, each in enumerate(prepared) if each.write is not None}
    with stage(Stage.STORE):
        answers = store.write(list(writes.values())) if writes else []
    written = dict(zip(writes, answers, strict=True))
    return [_outcome(each, written.get(place, True)) for place, each in enumerate(prepared)]


def _analyse(
    photos: Sequence[PhotoToIndex], read: ReadPhoto, pipeline: FacePipeline
) -> list[_Prepared]:
    if not photos:
        # Removals need no models.
        return []
    batch = pipeline.batch_to_index()
    contents: list[PhotoContent] = []
    read_photos = read_ahead(read, [photo.photo_id for photo in photos])
    for photo, content in zip(photos, read_photos, strict=True):
        if isinstance(content, FacesearchError):
            batch.add(content)
            contents.append(PhotoContent(b"", revision=""))
        else:
            batch.add(content.data, photo.limits)
            # The bytes go: a batch of large photos must not pile up.
            contents.append(replace(content, data=b""))
    return [
        _prepared(photo, content, analysed)
        for photo, content, analysed in zip(photos, contents, batch.finish(), strict=True)
    ]


def _prepared(
    photo: PhotoToIndex, content: PhotoContent, analysed: AnalysedPhoto | FacesearchError
) -> _Prepared:
    if isinstance(analysed, NotFound | ReadError):
        return _Prepared(photo.photo_id, None, analysed)
    record = Photo(
        photo.photo_id,
        photo.sequence,
        revision=content.revision,
        collection=content.collection or photo.collection,
        metadata=content.metadata or photo.metadata,
    )
    if isinstance(analysed, FacesearchError):
        bad = replace(record, problem=analysed.code)
        return _Prepared(photo.photo_id, IndexedPhoto(bad), analysed)
    good = replace(
        record,
        width=analysed.width,
        height=analysed.height,
        left_out=analysed.left_out,
        limits=analysed.limits.record(),
    )
    write = IndexedPhoto(good, analysed.faces)
    return _Prepared(photo.photo_id, write, None, analysed.left_out.total, analysed.note)


def _outcome(prepared: _Prepared, written: bool | StoreError) -> Outcome:
    photo_id, write, error = prepared.photo_id, prepared.write, prepared.error
    if isinstance(written, StoreError):
        return Outcome(photo_id, Status.UNDONE, error=written)
    if isinstance(error, ReadError):
        return Outcome(photo_id, Status.UNDONE, error=error)
    if write is None or not written:
        return Outcome(photo_id, Status.SUPERSEDED)
    if isinstance(write, Removal):
        return Outcome(photo_id, Status.REMOVED)
    if error is not None:
        return Outcome(photo_id, Status.FAILED, error=error)
    faces = len(write.faces)
    status = Status.INDEXED if faces else Status.WITHOUT_FACE
    return Outcome(photo_id, status, faces, None, prepared.left_out, prepared.note)
