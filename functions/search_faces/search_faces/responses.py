"""What the API answers with, as JSON: faces and matches, never their embeddings."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from facesearch.confidence import THRESHOLDS, confidence
from facesearch.faces import BoundingBox, DetectedFace, Landmarks, Match, Point, StoredFace
from facesearch.searching import Comparison, FaceMatches, PhotoSearch
from facesearch.vision.images import DecodedImage
from search_faces.extras import Extras
from search_faces.requests.options import Include

if TYPE_CHECKING:
    from facesearch.vision.quality import FaceQuality
    from search_faces import schemas

Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]
JsonObject = dict[str, Json]

PIXEL_DIGITS = 2
DISTANCE_DIGITS = 6

BOXES = Extras(Include())
"""Nothing but what answers tell unless asked for more."""


def photo_search_json(
    found: PhotoSearch, extras: Extras = BOXES, thumbnails: Sequence[str] = ()
) -> "schemas.SearchAnswer":
    """`thumbnails` are those of the query photo's faces, where they were asked for."""
    faces = [face_json(place, face) for place, face in enumerate(found.faces)]
    for face, url in zip(faces, thumbnails, strict=False):
        face["thumbnail"] = url
    return {
        "photo": {"width": found.photo.width, "height": found.photo.height},
        "faces": faces,
        "results": [_result(result, extras) for result in found.results],
    }


def face_search_json(found: FaceMatches, extras: Extras = BOXES) -> "schemas.SearchAnswer":
    """The same fields for a search without a photo, or with several."""
    return {"photo": None, "faces": [], "results": [_result(found, extras)]}


def stored_face_json(stored: StoredFace, extras: Extras) -> "schemas.StoredFace":
    photo, face = stored.photo, stored.face.detected
    told: schemas.StoredFace = {
        "face_id": stored.face_id,
        "photo_id": photo.photo_id,
        "collection": photo.collection,
        "metadata": dict(photo.metadata),
        "detection_score": round(face.detection_score, DISTANCE_DIGITS),
        "photo": {"width": photo.width, "height": photo.height},
        "box": _box(face.box),
        "landmarks": _landmarks(face.landmarks),
    }
    if extras.include.thumbnails:
        told["thumbnail"] = extras.thumbnails[stored.face_id]
    if extras.include.photo_urls:
        told["photo_url"] = extras.photo_urls[photo.photo_id]
    return told


def detection_json(
    photo: DecodedImage,
    faces: "Iterable[tuple[DetectedFace, FaceQuality]]",
    thumbnails: Sequence[str],
) -> "schemas.DetectAnswer":
    told: list[schemas.DetectedFace] = [
        {**face_json(place, face), "quality": _quality(quality)}
        for place, (face, quality) in enumerate(faces)
    ]
    for each, url in zip(told, thumbnails, strict=False):
        each["thumbnail"] = url
    return {"photo": {"width": photo.width, "height": photo.height}, "faces": told}


def comparison_json(
    comparison: Comparison, one: "schemas.Face", other: "schemas.Face"
) -> "schemas.CompareAnswer":
    return {
        "distance": round(comparison.distance, DISTANCE_DIGITS),
        "confidence": round(comparison.confidence, DISTANCE_DIGITS),
        "same_person": comparison.same_person,
        "one": one,
        "other": other,
        "thresholds": [
            {
                "false_accept_rate": each.false_accept_rate,
                "distance": each.distance,
                "confidence": round(each.confidence, DISTANCE_DIGITS),
                "true_accept_rate": each.true_accept_rate,
                "accepted": comparison.distance <= each.distance,
            }
            for each in THRESHOLDS
        ],
    }


def face_json(place: int, face: DetectedFace) -> "schemas.Face":
    """The face at `place` among its photo's."""
    return {
        "index": place,
        "box": _box(face.box),
        "landmarks": _landmarks(face.landmarks),
        "detection_score": round(face.detection_score, DISTANCE_DIGITS),
    }


def _result(found: FaceMatches, extras: Extras) -> "schemas.Result":
    return {
        "face": found.face,
        "matches": [_match(match, extras) for match in found.matches],
        "next_offset": found.next_offset,
    }


def _match(match: Match, extras: Extras) -> "schemas.Match":
    photo, face = match.stored.photo, match.stored.face.detected
    told: schemas.Match = {
        "face_id": match.stored.face_id,
        "photo_id": photo.photo_id,
        "collection": photo.collection,
        "metadata": dict(photo.metadata),
        "distance": round(match.distance, DISTANCE_DIGITS),
        "score": round(match.score, DISTANCE_DIGITS),
        "confidence": round(confidence(match.distance), DISTANCE_DIGITS),
        "detection_score": round(face.detection_score, DISTANCE_DIGITS),
        "photo": {"width": photo.width, "height": photo.height},
    }
    if extras.include.boxes:
        told["box"] = _box(face.box)
    if extras.include.thumbnails:
        told["thumbnail"] = extras.thumbnails[match.stored.face_id]
    if extras.include.photo_urls:
        told["photo_url"] = extras.photo_urls[photo.photo_id]
    return told


def _quality(quality: "FaceQuality") -> "schemas.Quality":
    pose = quality.pose
    return {
        "size": round(quality.size, PIXEL_DIGITS),
        "sharpness": round(quality.sharpness, 2),
        "brightness": round(quality.brightness, 4),
        "pose": {
            "yaw": round(pose.yaw, 1),
            "pitch": round(pose.pitch, 1),
            "roll": round(pose.roll, 1),
        },
    }


def _box(box: BoundingBox) -> "schemas.Box":
    return {
        "left": round(box.left, PIXEL_DIGITS),
        "top": round(box.top, PIXEL_DIGITS),
        "width": round(box.width, PIXEL_DIGITS),
        "height": round(box.height, PIXEL_DIGITS),
    }


def _landmarks(marks: Landmarks) -> "schemas.Landmarks":
    return {
        "left_eye": _point(marks.left_eye),
        "right_eye": _point(marks.right_eye),
        "nose": _point(marks.nose),
        "mouth_left": _point(marks.mouth_left),
        "mouth_right": _point(marks.mouth_right),
    }


def _point(point: Point) -> "schemas.Point":
    return {"x": round(point.x, PIXEL_DIGITS), "y": round(point.y, PIXEL_DIGITS)}
