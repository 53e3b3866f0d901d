"""Photos and faces to store: unit vectors by seed, with numbers that are easily rounded."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from facesearch.faces import (
    DEFAULT_COLLECTION,
    BoundingBox,
    DetectedFace,
    EmbeddedFace,
    Embedding,
    IndexedPhoto,
    Landmarks,
    Match,
    Photo,
    Point,
    Recipe,
)
from tests.facenet import CALIBRATION

RECIPE = Recipe("detector 1", "crop 1", "embedder 1", calibration=CALIBRATION)
OTHER_RECIPE = Recipe("detector 1", "crop 1", "embedder 2")

HOSTILE = (
    'it\'s "quoted".jpg',
    "'; DROP TABLE photos; --",
    "100%_sure%41.jpg",
    "two  spaces and a trailing one ",
    "back\\slash*?[x].jpg",
    "new\nline\ttab.jpg",
    '{"json": [1]}',
    "#fragment?query=1&other=2.jpg",
    "日本語/\u00e9.jpg",
    "日本語/e\u0301.jpg",  # the same to the eye
    "｡ before the emoji by code point, after it in UTF-16",
    "😀🧑‍🚀.jpg",
    "long/" * 180,
)


def unit_vectors(count: int, seed: int) -> NDArray[np.float32]:
    """Shape (count, 128), each of L2 norm 1, in random directions."""
    vectors = np.random.default_rng(seed).standard_normal((count, 128))
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(units, dtype=np.float32)


def vector(seed: int) -> Embedding:
    return unit_vectors(1, seed).reshape(128)


def face(embedding: Embedding, seed: int = 0) -> EmbeddedFace:
    """A face whose places and score have every digit that a float can have."""
    left, top, width, height, score, *places = np.random.default_rng(seed).random(15).tolist()
    points = [Point(x * 1e4, -y / 3) for x, y in zip(places[::2], places[1::2], strict=True)]
    box = BoundingBox(left * 1e4, -top, width / 3, height)
    return EmbeddedFace(DetectedFace(box, Landmarks(*points), score), embedding)


def indexed(
    photo_id: str,
    sequence: int = 1,
    embeddings: Iterable[Embedding] = (),
    *,
    collection: str = DEFAULT_COLLECTION,
    metadata: Mapping[str, str] = MappingProxyType({}),
) -> IndexedPhoto:
    """A photo with a face for each embedding."""
    photo = Photo(photo_id, sequence, collection=collection, metadata=dict(metadata))
    return IndexedPhoto(photo, tuple(face(each, seed) for seed, each in enumerate(embeddings)))


def photo_ids(matches: Iterable[Match]) -> list[str]:
    return [match.stored.photo.photo_id for match in matches]


def distances_to(embeddings: NDArray[np.float32], query: Embedding) -> NDArray[np.float64]:
    """L2, in double precision: what a store's distances are measured against."""
    differences = embeddings.astype(np.float64) - query.astype(np.float64)
    return np.asarray(np.linalg.norm(differences, axis=1))


def same_face(one: EmbeddedFace, other: EmbeddedFace) -> bool:
    """To the last bit."""
    return one.detected == other.detected and one.embedding.tobytes() == other.embedding.tobytes()
