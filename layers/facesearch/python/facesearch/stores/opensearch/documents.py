"""Convert photos to OpenSearch documents and back. A photo is one document with its faces."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple
from hashlib import blake2b
from typing import Any

import numpy as np

from facesearch.faces import (
    BoundingBox,
    DetectedFace,
    EmbeddedFace,
    Embedding,
    IndexedPhoto,
    Landmarks,
    LeftOut,
    Photo,
    PhotoListing,
    Point,
    Removal,
    StoredFace,
    face_id,
    photo_key,
)
from facesearch.hidden import Region, Regions

NOT_READ = ["key", "forgotten", "metadata_entries"]
"""Fields that only searches need."""

HIDDEN = "hidden-"
"""What ids of documents of hidden places start with. A role may write these and no others."""

ONLY_OF_FACES = ["faces.embedding", "faces.box", "faces.landmarks"]
"""All fields of a face but its score: the rest is enough to count faces."""


def hidden_id(photo_id: str) -> str:
    """The id of the document of a photo's hidden places."""
    return f"{HIDDEN}{photo_key(photo_id)}"


def hidden_document(photo_id: str, sequence: int, regions: Regions) -> dict[str, Any]:
    """The hidden places of a photo, in a document of their own: indexing never writes it.

    It is one that no search and no count finds, like that of a forgotten photo, and is copied with
    those. `metadata` is the field that takes anything, in the indexes of every version.
    """
    return {
        "key": hidden_id(photo_id),
        "sequence": sequence,
        "forgotten": True,
        "metadata": {"hidden": [astuple(region) for region in regions]},
    }


def regions_of(content: Mapping[str, Any]) -> Regions:
    """The hidden places in a `hidden_document`."""
    return tuple(Region(*numbers) for numbers in content["metadata"]["hidden"])


def has_left_out(change: IndexedPhoto | Removal) -> bool:
    """Whether faces of the photo were left out, or limits set for it: the field `left_out`."""
    if isinstance(change, Removal):
        return False
    return change.photo.left_out != LeftOut() or bool(change.photo.limits)


def document_of(
    change: IndexedPhoto | Removal, *, with_left_out: bool = True
) -> tuple[str, int, dict[str, Any]]:
    """The document's id, version and content.

    Indexes of earlier versions refuse the field `left_out`, so it goes `with_left_out` only.
    Of a forgotten photo, only a hash of its name is kept: the name may be personal.
    """
    if isinstance(change, Removal):
        key = photo_key(change.photo_id)
        return key, change.sequence, {"key": key, "sequence": change.sequence, "forgotten": True}
    photo = change.photo
    key = photo_key(photo.photo_id)
    content = {
        "key": key,
        "photo_id": photo.photo_id,
        "sequence": photo.sequence,
        "forgotten": False,
        "revision": photo.revision,
        "width": photo.width,
        "height": photo.height,
        "collection": photo.collection,
        "problem": photo.problem,
        "metadata": dict(photo.metadata),
        "metadata_entries": [metadata_entry(*entry) for entry in photo.metadata.items()],
        "faces": [_face_content(face) for face in change.faces],
    }
    if with_left_out and has_left_out(change):
        content["left_out"] = {**asdict(photo.left_out), "limits": dict(photo.limits)}
    return key, photo.sequence, content


def metadata_entry(name: str, value: str) -> str:
    """A hash of a metadata entry, 32 hex digits, for exact search whatever its length."""
    return blake2b(json.dumps([name, value]).encode(), digest_size=16).hexdigest()


def numbers(embedding: Embedding) -> list[float]:
    """The embedding for JSON. Nine digits give the same float32 back, in half the bytes."""
    return [float(f"{number:.9g}") for number in embedding.tolist()]


def photo_of(content: Mapping[str, Any]) -> Photo:
    left_out = dict(content.get("left_out", {}))
    limits = left_out.pop("limits", {})
    return Photo(
        photo_id=content["photo_id"],
        sequence=content["sequence"],
        revision=content["revision"],
        width=content["width"],
        height=content["height"],
        collection=content["collection"],
        metadata=content["metadata"],
        problem=content["problem"],
        left_out=LeftOut(**left_out),
        limits=limits,
    )


def listing_of(content: Mapping[str, Any]) -> PhotoListing:
    return PhotoListing(photo_of(content), len(content["faces"]))


def indexed_photo_of(content: Mapping[str, Any]) -> IndexedPhoto:
    return IndexedPhoto(photo_of(content), tuple(map(_embedded_face, content["faces"])))


def stored_faces_of(content: Mapping[str, Any]) -> list[StoredFace]:
    indexed = indexed_photo_of(content)
    return [
        StoredFace(face_id(indexed.photo.photo_id, number), number, face, indexed.photo)
        for number, face in enumerate(indexed.faces)
    ]


def _face_content(face: EmbeddedFace) -> dict[str, Any]:
    box, marks = face.detected.box, face.detected.landmarks
    points = (
        marks.left_eye,
        marks.right_eye,
        marks.nose,
        marks.mouth_left,
        marks.mouth_right,
    )
    return {
        "box": [box.left, box.top, box.width, box.height],
        "landmarks": [number for point in points for number in (point.x, point.y)],
        "detection_score": face.detected.detection_score,
        "embedding": numbers(face.embedding),
    }


def _embedded_face(content: Mapping[str, Any]) -> EmbeddedFace:
    places: Sequence[float] = content["landmarks"]
    points = [Point(x, y) for x, y in zip(places[::2], places[1::2], strict=True)]
    return EmbeddedFace(
        DetectedFace(BoundingBox(*content["box"]), Landmarks(*points), content["detection_score"]),
        np.array(content["embedding"], dtype=np.float32),
    )
