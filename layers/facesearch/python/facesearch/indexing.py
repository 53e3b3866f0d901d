"""The first use case: make photos findable, and forget photos that are gone."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import StrEnum

from facesearch.errors import FacesearchError, InputError, NotFound, ReadError, StoreError
from facesearch.faces import DEFAULT_COLLECTION, IndexedPhoto, Photo, Removal
from facesearch.pipeline import AnalysedPhoto, FacePipeline
from facesearch.stages import Stage, stage
from facesearch.stores import FaceStore

MAX_FILE_BYTES = 128 * 2**20
"""Readers refuse larger photos with `ImageTooLarge`, so that one cannot take the memory of all."""

READERS = 8
"""Photos of a batch that are read at once: reading from S3 waits, it does not compute."""


@dataclass(frozen=True, slots=True)
class PhotoToIndex:
    """A photo that appeared or changed; `sequence` as in `Photo`.

    `collection` is for places that do not tell by themselves.
    """

    photo_id: str
    sequence: int
    collection: str = DEFAULT_COLLECTION


@dataclass(frozen=True, slots=True)
class PhotoContent:
    """What reading a photo gives: its bytes and what else its place knows of it.

    `collection` is None where the place knows of none.
    """

    data: bytes
    revision: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    collection: str | None = None


ReadPhoto = Callable[[str], PhotoContent]
"""Reads a photo by id. Raises `NotFound` when it is gone, `ReadError` when it cannot be read
now, `ImageTooLarge` beyond `MAX_FILE_BYTES`, `InvalidCollection` when its collection's name is
none."""


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
    """What became of one change; `error` tells why when it failed."""

    photo_id: str
    status: Status
    faces: int = 0
    error: FacesearchError | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """A change ready to be written, or (`write` is None) the error that leaves nothing to write."""

    photo_id: str
    write: IndexedPhoto | Removal | None
    error: FacesearchError | None = None


def index_photos(
    changes: Sequence[PhotoToIndex | Removal],
    read: ReadPhoto,
    pipeline: FacePipeline,
    store: FaceStore,
) -> list[Outcome]:
    """Apply the changes as one unit of work, each succeeding or failing by itself.

    Photos are read concurrently, all their faces embedded together, and written at once; durable
    on return. Outcomes are in the order of `changes`. Raises a `StoreError` when the store takes
    nothing at all and `ModelError` when there are no models.
    """
    photos = [change for change in changes if isinstance(change, PhotoToIndex)]
    analysed = iter(_analyse(photos, read, pipeline))
    prepared = [
        _Prepared(change.photo_id, change) if isinstance(change, Removal) else next(analysed)
        for change in changes
    ]
    writes = [each.write for each in prepared if each.write is not None]
    with stage(Stage.STORE):
        written = iter(store.write(writes) if writes else [])
    return [_outcome(each, True if each.write is None else next(written)) for each in prepared]


def _analyse(
    photos: Sequence[PhotoToIndex], read: ReadPhoto, pipeline: FacePipeline
) -> list[_Prepared]:
    if not photos:
        # Removals need no models.
        return []
    contents: list[PhotoContent] = []

    def data() -> Iterator[bytes | FacesearchError]:
        for content in read_ahead(read, [photo.photo_id for photo in photos]):
            if isinstance(content, FacesearchError):
                contents.append(PhotoContent(b"", revision=""))
                yield content
            else:
                # The bytes go: a batch of large photos must not pile up.
                contents.append(replace(content, data=b""))
                yield content.data

    analysed = pipeline.analyse(data())
    return list(map(_prepared, photos, contents, analysed))


def read_ahead(
    read: ReadPhoto, photo_ids: Iterable[str]
) -> Iterator[PhotoContent | FacesearchError]:
    """In order; never more than `READERS` photos are held that have not been asked for."""
    with ThreadPoolExecutor(READERS) as pool:
        ahead: deque[Future[PhotoContent | FacesearchError]] = deque()
        for photo_id in photo_ids:
            ahead.append(pool.submit(_read, read, photo_id))
            if len(ahead) == READERS:
                yield _awaited(ahead.popleft())
        while ahead:
            yield _awaited(ahead.popleft())


def _awaited(
    content: "Future[PhotoContent | FacesearchError]",
) -> PhotoContent | FacesearchError:
    with stage(Stage.READ):
        return content.result()


def _read(read: ReadPhoto, photo_id: str) -> PhotoContent | FacesearchError:
    try:
        return read(photo_id)
    except (InputError, ReadError) as error:
        return error


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
        metadata=content.metadata,
    )
    if isinstance(analysed, FacesearchError):
        bad = replace(record, problem=analysed.code)
        return _Prepared(photo.photo_id, IndexedPhoto(bad), analysed)
    good = replace(record, width=analysed.width, height=analysed.height)
    return _Prepared(photo.photo_id, IndexedPhoto(good, analysed.faces))


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
    found = len(write.faces)
    return Outcome(photo_id, Status.INDEXED if found else Status.WITHOUT_FACE, found)
