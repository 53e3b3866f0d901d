"""What the API answers with, as JSON: faces and matches, never their embeddings."""

from collections.abc import Mapping, Sequence

from facesearch.confidence import confidence
from facesearch.faces import BoundingBox, DetectedFace, Landmarks, Match, Point
from facesearch.searching import PhotoSearch

Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]
JsonObject = dict[str, Json]

PIXEL_DIGITS = 2
DISTANCE_DIGITS = 6


def photo_search_json(found: PhotoSearch) -> JsonObject:
    """The query photo (pixels of the upright photo), its faces, and the matches of the first."""
    return {
        "photo": {"width": found.width, "height": found.height},
        "faces": [_face_json(face) for face in found.faces],
        "matches": [_match_json(match) for match in found.matches],
    }


def face_search_json(matches: Sequence[Match]) -> JsonObject:
    """The same fields for a search without a photo."""
    return {"photo": None, "faces": [], "matches": [_match_json(match) for match in matches]}


def _match_json(match: Match) -> Json:
    photo, face = match.stored.photo, match.stored.face.detected
    return {
        "face_id": match.stored.face_id,
        "photo_id": photo.photo_id,
        "collection": photo.collection,
        "metadata": dict(photo.metadata),
        "distance": round(match.distance, DISTANCE_DIGITS),
        "score": round(match.score, DISTANCE_DIGITS),
        "confidence": round(confidence(match.distance), DISTANCE_DIGITS),
        "box": _box_json(face.box),
        "detection_score": round(face.detection_score, DISTANCE_DIGITS),
        "photo": {"width": photo.width, "height": photo.height},
    }


def _face_json(face: DetectedFace) -> Json:
    return {
        "box": _box_json(face.box),
        "landmarks": _landmarks_json(face.landmarks),
        "detection_score": round(face.detection_score, DISTANCE_DIGITS),
    }


def _box_json(box: BoundingBox) -> Json:
    return {
        "left": round(box.left, PIXEL_DIGITS),
        "top": round(box.top, PIXEL_DIGITS),
        "width": round(box.width, PIXEL_DIGITS),
        "height": round(box.height, PIXEL_DIGITS),
    }


def _landmarks_json(marks: Landmarks) -> Json:
    return {
        "left_eye": _point_json(marks.left_eye),
        "right_eye": _point_json(marks.right_eye),
        "nose": _point_json(marks.nose),
        "mouth_left": _point_json(marks.mouth_left),
        "mouth_right": _point_json(marks.mouth_right),
    }


def _point_json(point: Point) -> Json:
    return {"x": round(point.x, PIXEL_DIGITS), "y": round(point.y, PIXEL_DIGITS)}
