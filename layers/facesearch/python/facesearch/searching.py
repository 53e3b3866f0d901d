"""The second use case: with a photo in hand, the nearest faces; and whether two faces agree."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from facesearch.confidence import SAME_PERSON_DISTANCE, confidence
from facesearch.errors import FacesearchError, InvalidRequest, NoFaceFound, NotFound
from facesearch.faces import DetectedFace, EmbeddedFace, Embedding, Match
from facesearch.pipeline import AnalysedPhoto, FacePipeline
from facesearch.stages import Stage, stage
from facesearch.stores import FaceStore

DEFAULT_K = 20
MAX_K = 100


@dataclass(frozen=True, slots=True)
class Scope:
    """How many faces to return, and among which to look."""

    k: int = DEFAULT_K
    collection: str | None = None
    metadata: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.k <= MAX_K:
            raise InvalidRequest(f"k is {self.k}: use 1 to {MAX_K}")


@dataclass(frozen=True, slots=True, eq=False)
class PhotoSearch:
    """The faces of the query photo (largest first; the first was searched) and its matches."""

    width: int
    height: int
    faces: tuple[DetectedFace, ...]
    matches: list[Match]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two faces: their L2 distance (0 to 2), and the probability that they are one person."""

    distance: float
    confidence: float

    @property
    def same_person(self) -> bool:
        return self.distance <= SAME_PERSON_DISTANCE


def search_photo(
    photo: bytes, pipeline: FacePipeline, store: FaceStore, scope: Scope
) -> PhotoSearch:
    """The faces nearest to the largest face of `photo`, which is neither stored nor logged.

    Raises an `ImageError` for a bad photo, `NoFaceFound`, or a `StoreError`.
    """
    analysed = analyse_photo(photo, pipeline)
    matches = _nearest(analysed.faces[0].embedding, scope.k, store, scope)
    faces = tuple(face.detected for face in analysed.faces)
    return PhotoSearch(analysed.width, analysed.height, faces, matches)


def search_face(face_id: str, store: FaceStore, scope: Scope) -> list[Match]:
    """The faces nearest to a stored face, itself left out. Raises `NotFound` or a `StoreError`."""
    stored = store.face(face_id)
    if stored is None:
        raise NotFound(f"there is no face '{face_id}': it may have been deleted with its photo")
    matches = _nearest(stored.face.embedding, scope.k + 1, store, scope)
    return [match for match in matches if match.stored.face_id != face_id][: scope.k]


def _nearest(embedding: Embedding, k: int, store: FaceStore, scope: Scope) -> list[Match]:
    with stage(Stage.SEARCH):
        return store.search(embedding, k, collection=scope.collection, metadata=scope.metadata)


def compare_faces(one: EmbeddedFace, other: EmbeddedFace) -> Comparison:
    """Two faces that were found before."""
    distance = float(np.linalg.norm(one.embedding - other.embedding))
    return Comparison(distance, confidence(distance))


def analyse_photo(photo: bytes, pipeline: FacePipeline) -> AnalysedPhoto:
    """Raises an `ImageError`, or `NoFaceFound` unless there is a face to work with."""
    (analysed,) = pipeline.analyse([photo])
    if isinstance(analysed, FacesearchError):
        raise analysed
    if not analysed.faces:
        raise NoFaceFound("no face was found in the photo: use one where the face is clear")
    return analysed
