"""A bucket, its queue and the index function, in one thread: every order of things can be played.

The bucket and the queue are models of S3 and SQS: what they promise, and no more. The function
(`index_messages`), the rebuild and the store are the real ones; faces are real, found beforehand.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast
from urllib.parse import quote_plus

import numpy as np

from facesearch.errors import DamagedImage, FacesearchError, NotFound, StoreUnavailable
from facesearch.faces import EmbeddedFace, IndexedPhoto, LeftOut, Recipe, Removal, face_id
from facesearch.hidden import Region, Regions, decide
from facesearch.photos.bucket import S3Photos
from facesearch.photos.ids import bucket_and_key, photo_id
from facesearch.photos.reading import PhotoContent
from facesearch.reindexing import reindex_store
from facesearch.stores import FaceStore, open_rebuild, open_store
from facesearch.vision.limits import NO_LIMITS, IndexLimits
from facesearch.vision.pipeline import AnalysedPhoto, FacePipeline
from index_faces.messages import index_messages
from index_faces.service import IndexService

BUCKET = "photos"
RECIPES = Recipe("detector 1", "crop 1", "embedder 1"), Recipe("detector 1", "crop 1", "embedder 2")

START_S = 1_790_000_000
FRACTION = 2**32
"""S3's sequencer counts in parts of a second."""


class Fate(StrEnum):
    """What becomes of a write to the store."""

    WRITTEN = "written"
    DOWN = "down"
    """The store cannot be reached."""
    ANSWER_LOST = "answer lost"
    """It wrote, but the function never heard of it: it crashed, or the connection was cut."""
    PARTLY = "partly"
    """It wrote the first half, then broke down."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the queue."""

    number: int
    body: str


@dataclass(slots=True)
class Bucket:
    """A versioned bucket: its objects, and the events that it sent. Contents are numbers."""

    versions: dict[str, list[int | None]] = field(default_factory=dict)
    """Of each key, oldest first; None is a delete marker."""
    written_at: dict[str, int] = field(default_factory=dict)
    sent: list[Message] = field(default_factory=list)
    clock: int = START_S * FRACTION

    def put(self, key: str, content: int) -> None:
        self.versions.setdefault(key, []).append(content)
        self.written_at[key] = self._tick()
        self._send("ObjectCreated:Put", key, self.clock, {"size": 1})

    def remove(self, key: str) -> bool:
        """Put a delete marker on the object, if there is one."""
        if self.current(key) is None:
            return False
        self.versions[key].append(None)
        self._send("ObjectRemoved:DeleteMarkerCreated", key, self._tick(), {"versionId": "m"})
        return True

    def remove_newest_version(self, key: str) -> None:
        """For good: the version before it is the current one again."""
        if self.versions.get(key):
            self.versions[key].pop()
            self._send("ObjectRemoved:Delete", key, self._tick(), {"versionId": "v"})

    def backfill(self) -> None:
        """What `facesearch backfill` sends: the time that S3 lists, in whole seconds."""
        for key in self.objects():
            at = datetime.fromtimestamp(self.written_at[key] // FRACTION, UTC)
            self._send("ObjectCreated:Put", key, None, {"size": 1}, at)

    def objects(self) -> dict[str, int]:
        """The current contents, by key."""
        current = {key: self.current(key) for key in self.versions}
        return {key: content for key, content in current.items() if content is not None}

    def current(self, key: str) -> int | None:
        versions = self.versions.get(key)
        return versions[-1] if versions else None

    def read(self, photo: str) -> PhotoContent:
        content = self.current(bucket_and_key(photo)[1])
        if content is None:
            raise NotFound("there is no such photo")
        return PhotoContent(str(content).encode(), revision=f"content {content}")

    def exists(self, photo: str) -> bool:
        return self.current(bucket_and_key(photo)[1]) is not None

    def _tick(self) -> int:
        # A third of a second: some changes share a second, no two a sequencer.
        self.clock += FRACTION // 3
        return self.clock

    def _send(
        self,
        event: str,
        key: str,
        at: int | None,
        stored: Mapping[str, object],
        time: datetime | None = None,
    ) -> None:
        sequencer = {} if at is None else {"sequencer": f"{at:018X}"}
        record = {
            "eventSource": "aws:s3",
            "eventName": event,
            "eventTime": (time or datetime.fromtimestamp(self.clock // FRACTION, UTC)).isoformat(),
            "s3": {
                "bucket": {"name": BUCKET},
                "object": {"key": quote_plus(key), **stored, **sequencer},
            },
        }
        self.sent.append(Message(len(self.sent), json.dumps({"Records": [record]})))


Contents = Mapping[Recipe, Sequence[tuple[EmbeddedFace, ...] | None]]
"""The faces in each content, by recipe; None is a picture that cannot be decoded."""


def contents_of(faces: Sequence[EmbeddedFace]) -> Contents:
    """A face each, no face, all together, and a damaged picture.

    The second recipe's embeddings are the first one's, in another order of their numbers.
    """
    contents = [*((each,) for each in faces), (), tuple(faces), None]

    def otherwise(face: EmbeddedFace) -> EmbeddedFace:
        return EmbeddedFace(face.detected, np.roll(face.embedding, 1))

    others = [each if each is None else tuple(map(otherwise, each)) for each in contents]
    return dict(zip(RECIPES, (contents, others), strict=True))


class _KnownFaces:
    """Stands for `FacePipeline`: it looks the faces up."""

    def __init__(self, faces: Sequence[tuple[EmbeddedFace, ...] | None]) -> None:
        self._faces = faces
        self._photos: list[bytes | FacesearchError] = []

    def batch_to_index(self) -> "_KnownFaces":
        return _KnownFaces(self._faces)

    def add(self, photo: bytes | FacesearchError, _: IndexLimits | None = None) -> None:
        self._photos.append(photo)

    def finish(self) -> list[AnalysedPhoto | FacesearchError]:
        return [
            each if isinstance(each, FacesearchError) else self._analysed(each)
            for each in self._photos
        ]

    def _analysed(self, photo: bytes) -> AnalysedPhoto | FacesearchError:
        faces = self._faces[int(photo)]
        if faces is None:
            return DamagedImage("the image is damaged")
        return AnalysedPhoto(9, 9, faces, LeftOut(), NO_LIMITS)


@dataclass(slots=True)
class _StoreWithFate:
    """Stands before the store: first other things happen, then the write meets its fate."""

    store: FaceStore
    fate: Fate
    meanwhile: Callable[[], None]

    def write(self, changes: Sequence[IndexedPhoto | Removal]) -> list[Any]:
        self.meanwhile()
        if self.fate is Fate.DOWN:
            raise StoreUnavailable("the store cannot be reached")
        if self.fate is Fate.PARTLY:
            half = changes[: len(changes) // 2]
            error = StoreUnavailable("the store broke down")
            return [*self.store.write(half), *[error] * (len(changes) - len(half))]
        results = self.store.write(changes)
        if self.fate is Fate.ANSWER_LOST:
            raise StoreUnavailable("the connection was cut")
        return list(results)


class _Interrupted(Exception):
    """The rebuild's process was ended."""


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store is. `settle` makes all that was written to be found."""

    url: str
    settle: Callable[[], object] = _nothing


class World:
    """A bucket, its queue, the function and a store in a place of its own."""

    def __init__(self, place: AbstractContextManager[Place], contents: Contents) -> None:
        self.bucket = Bucket()
        self._place = place
        opened = place.__enter__()
        self._url, self._settle = opened.url, opened.settle
        self._contents = contents
        self._recipe = 0
        self._store = open_store(self._url, self.recipe)
        self._pending: list[Message] = []
        self._hidden: dict[str, Regions] = {}
        self._seen = 0

    @property
    def recipe(self) -> Recipe:
        return RECIPES[self._recipe]

    @property
    def is_waiting(self) -> bool:
        """Whether a message waits in the queue."""
        self._receive()
        return bool(self._pending)

    def deliver(
        self, picks: Iterable[int], fate: Fate, meanwhile: Callable[[], None] | None = None
    ) -> None:
        """Deliver messages together. Those that fail stay in the queue, as do those not picked."""
        self._receive()
        chosen: dict[int, Message] = {}
        for pick in picks:
            if self._pending:
                message = self._pending[pick % len(self._pending)]
                chosen[message.number] = message
        for number in self._process(chosen.values(), fate, meanwhile or _nothing):
            self._pending = [each for each in self._pending if each.number != number]

    def deliver_again(self, pick: int) -> None:
        """Deliver any message that was ever sent: SQS may deliver one twice, late."""
        if self.bucket.sent:
            self._process([self.bucket.sent[pick % len(self.bucket.sent)]], Fate.WRITTEN, _nothing)

    def rebuild(self, meanwhile: Callable[[], None], ends_after: int | None) -> None:
        """Rebuild the store for the other recipe; the function uses it then.

        `meanwhile` happens after the first part. With `ends_after`, the process ends after so many.
        """
        if not self._written():
            return
        other = 1 - self._recipe
        pipeline = cast(FacePipeline, _KnownFaces(self._contents[RECIPES[other]]))
        parts = 0

        def progress(done: int, total: int) -> None:
            nonlocal parts
            parts += 1
            if parts == 1:
                meanwhile()
            if parts == ends_after:
                raise _Interrupted

        with suppress(_Interrupted), open_rebuild(self._url, RECIPES[other]) as rebuild:
            reindex_store(rebuild, self.bucket.read, pipeline, progress)
            self._recipe = other
            self._store.close()
            self._store = open_store(self._url, self.recipe)

    def hide(self, pick: int, *, hidden: bool) -> None:
        """A person hides one of the stored faces, or shows it again."""
        faces = list(self._store.faces()) if self._written() else []
        if not faces:
            return
        face = faces[pick % len(faces)]
        photo, place = face.photo.photo_id, Region.of(face.face.detected.box, face.photo)
        self._store.hide(photo, place, hidden=hidden)
        self._hidden[photo] = decide(self._hidden.get(photo, ()), place, hidden=hidden)

    def drain(self, order: Callable[[list[Message]], None]) -> None:
        """Deliver all that waits, in any order."""
        self._receive()
        order(self._pending)
        while self._pending:
            self.deliver(range(3), Fate.WRITTEN)

    def deliver_all_again(self, order: Callable[[list[Message]], None]) -> None:
        """Deliver every message that was ever sent once more."""
        again = list(self.bucket.sent)
        order(again)
        for message in again:
            assert self._process([message], Fate.WRITTEN, _nothing) == [message.number]

    def check(self) -> None:
        """The store holds exactly the faces of the objects in the bucket, hidden ones hidden."""
        self._settle()
        objects = self.bucket.objects()
        expected = {photo_id(BUCKET, key): content for key, content in objects.items()}
        if not self._written():
            assert not expected
            return
        assert [each.photo.photo_id for each in self._store.photos()] == sorted(expected)
        count = 0
        for photo, content in expected.items():
            stored = self._store.photo(photo)
            assert stored is not None
            faces = self._contents[self.recipe][content]
            assert stored.photo.problem == (DamagedImage.code if faces is None else "")
            assert stored.photo.revision == f"content {content}"
            assert [each.embedding.tobytes() for each in stored.faces] == [
                each.embedding.tobytes() for each in faces or ()
            ]
            count += len(stored.faces)
            regions = self._hidden.get(photo, ())
            for number, face in enumerate(stored.faces):
                place = Region.of(face.detected.box, stored.photo)
                hidden = any(place.is_at(region) for region in regions)
                assert (number in stored.hidden) == hidden
                matches = self._store.search(face.embedding, 1)
                if hidden:
                    assert face_id(photo, number) not in {each.stored.face_id for each in matches}
                else:
                    assert matches[0].distance < 1e-3
        counts = self._store.counts()
        assert (counts.photos, counts.faces) == (len(expected), count)

    def close(self) -> None:
        self._store.close()
        self._place.__exit__(None, None, None)

    def _receive(self) -> None:
        self._pending += self.bucket.sent[self._seen :]
        self._seen = len(self.bucket.sent)

    def _process(
        self, messages: Iterable[Message], fate: Fate, meanwhile: Callable[[], None]
    ) -> list[int]:
        """Returns the messages that are done with."""
        service = IndexService(
            bucket=BUCKET,
            photos=cast(S3Photos, self.bucket),
            pipeline=cast(FacePipeline, _KnownFaces(self._contents[self.recipe])),
            store=cast(FaceStore, _StoreWithFate(self._store, fate, meanwhile)),
            clock=lambda: self.bucket.clock / FRACTION,
        )
        bodies = {str(each.number): each.body for each in messages}
        try:
            failed = index_messages(bodies, service).failed
        except FacesearchError:
            return []
        return [int(number) for number in bodies if number not in failed]

    def _written(self) -> bool:
        return self._store.stored_recipe() is not None
