"""The nouns of the project: photos, the faces in them, and the matches of a search."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b, sha256

import numpy as np
from numpy.typing import NDArray

from facesearch.confidence import Calibration

EMBEDDING_SIZE = 128
DEFAULT_COLLECTION = "default"

Embedding = NDArray[np.float32]
"""Shape (d,): as many numbers as its recipe says, of unit L2 norm where that says so."""


@dataclass(frozen=True, slots=True)
class Point:
    """A place in an upright photo, in pixels from its top left corner."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class BoundingBox:
    """A rectangle in an upright photo, in pixels."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Landmarks:
    """MTCNN's five points; left and right as the viewer sees them."""

    left_eye: Point
    right_eye: Point
    nose: Point
    mouth_left: Point
    mouth_right: Point

    @property
    def points(self) -> tuple[Point, ...]:
        """All five, in this order."""
        return self.left_eye, self.right_eye, self.nose, self.mouth_left, self.mouth_right


@dataclass(frozen=True, slots=True)
class DetectedFace:
    """A face found in a photo; `detection_score` is the detector's probability, 0 to 1.

    Or a whole image, which has no landmarks: all five are its middle.
    """

    box: BoundingBox
    landmarks: Landmarks
    detection_score: float

    @property
    def has_landmarks(self) -> bool:
        """Whether it is a face."""
        return len(set(self.landmarks.points)) > 1


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedFace:
    """A detected face and its embedding."""

    detected: DetectedFace
    embedding: Embedding


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many faces were found and not indexed.

    `by_quality`: below the least size, sharpness or detection score. `by_max_faces`: good enough,
    but beyond the largest that a photo may have.
    """

    by_quality: int = 0
    by_max_faces: int = 0

    @property
    def total(self) -> int:
        return self.by_quality + self.by_max_faces


@dataclass(frozen=True, slots=True)
class Photo:
    """What is known of a photo, its faces aside.

    `photo_id` is its URI: `s3://bucket/key` (the key as it is) or `file:///folder/name`.
    `revision` changes when the photo's bytes do (S3's ETag; a file's `FileRevision`).
    `sequence` orders the changes of one photo: a time in units of 2**-23 s, below 2**63.
    `width` and `height` are pixels of the upright photo, 0 when it could not be decoded.
    `problem` is the error code of a photo that could not be used, else empty.
    `left_out` counts faces that `limits` left out: the limits on faces that were in force when the
    photo was indexed, by their names in `IndexLimits`, those at their defaults aside.
    """

    photo_id: str
    sequence: int
    revision: str = ""
    width: int = 0
    height: int = 0
    collection: str = DEFAULT_COLLECTION
    metadata: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    left_out: LeftOut = field(default_factory=LeftOut)
    limits: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PhotoListing:
    """A photo, and how many faces it has."""

    photo: Photo
    faces: int


@dataclass(frozen=True, slots=True, eq=False)
class IndexedPhoto:
    """A photo with all its faces, numbered by their place in `faces`; it may have none.

    `hidden` are the numbers of those that a person hid, where a store returns it; writing it
    changes nothing about that.
    """

    photo: Photo
    faces: tuple[EmbeddedFace, ...] = ()
    hidden: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Removal:
    """The removal of a photo; `sequence` as in `Photo`."""

    photo_id: str
    sequence: int


@dataclass(frozen=True, slots=True, eq=False)
class StoredFace:
    """A face as the store returns it, with the photo it is in; `hidden`: a person hid it."""

    face_id: str
    number: int
    face: EmbeddedFace
    photo: Photo
    hidden: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """A stored face and its L2 distance from the query: 0 to 2 between unit vectors."""

    stored: StoredFace
    distance: float

    @property
    def score(self) -> float:
        """OpenSearch's `_score` for space type `l2`: 1 / (1 + d²)."""
        return 1.0 / (1.0 + self.distance**2)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How embeddings were made; vectors of different recipes must never be compared.

    The first three fields each name one step with every parameter that changes its numbers, and
    make the recipe what it is. The others follow from them, or are known beside them: `dimension`
    is how many numbers an embedding has, `unit_length` whether its L2 norm is 1, `whole_image`
    whether it is of photos, not of the faces in them, and `calibration` what distances mean; None:
    nobody has measured that.
    """

    detector: str
    crop: str
    embedder: str
    dimension: int = field(default=EMBEDDING_SIZE, compare=False)
    unit_length: bool = field(default=True, compare=False)
    whole_image: bool = field(default=False, compare=False)
    name: str = field(default="", compare=False)
    calibration: Calibration | None = field(default=None, compare=False)

    @property
    def max_distance(self) -> float:
        """No two embeddings are farther apart."""
        return 2.0 if self.unit_length else math.inf

    @property
    def expansion_distance(self) -> float | None:
        """How near a match must be to expand a query; None: nobody has measured that."""
        return self.calibration.expansion_distance if self.calibration else None

    @property
    def fingerprint(self) -> str:
        """16 hex digits. Recipes that differ in any step have different ones."""
        text = "\n".join((self.detector, self.crop, self.embedder))
        return sha256(text.encode()).hexdigest()[:16]


def photo_key(photo_id: str) -> str:
    """32 hex digits that stand for a photo where its URI would be too long or unsafe."""
    return blake2b(photo_id.encode(), digest_size=16).hexdigest()


def face_id(photo_id: str, number: int) -> str:
    """The id of a face. Indexing a photo again gives its faces the same ids."""
    return f"{photo_key(photo_id)}-{number}"
