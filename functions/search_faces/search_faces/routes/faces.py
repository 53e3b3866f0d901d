"""Single faces: stored ones, those of a photo, and whether two are one person's."""

from http import HTTPStatus
from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from facesearch.errors import InputError, NotFound
from facesearch.faces import EmbeddedFace
from facesearch.photos.thumbnails import thumbnail
from facesearch.searching import analyse_photo, compare_faces, stored_face
from facesearch.vision.images import decode_image
from search_faces.extras import data_url, extras_of
from search_faces.requests import parse_compare, parse_detect, parse_include
from search_faces.requests.queries import FaceQuery, Query
from search_faces.responses import (
    comparison_json,
    detection_json,
    face_json,
    stored_face_json,
)
from search_faces.service import Service, open_service

if TYPE_CHECKING:
    from search_faces.schemas import CompareAnswer, DetectAnswer, StoredFace

router = Router()  # type: ignore[no-untyped-call]

THUMBNAIL_CACHE = "private, max-age=300"


@router.get("/faces/<face_id>")
def face(face_id: str) -> "StoredFace":
    """A stored face, and the photo it is in."""
    include = parse_include(router.current_event)
    service = open_service()
    stored = stored_face(face_id, service.store)
    return stored_face_json(stored, extras_of([stored], include, service.photos))


@router.get("/faces/<face_id>/thumbnail")
def face_thumbnail(face_id: str) -> Response[bytes]:
    """A picture of a stored face."""
    service = open_service()
    stored = stored_face(face_id, service.store)
    try:
        photo = decode_image(service.photos.read(stored.photo.photo_id).data)
    except InputError as error:
        raise NotFound(
            f"the photo of face '{face_id}' is not there any more, or is no photo now"
        ) from error
    jpeg = thumbnail(photo, stored.face.detected.box)
    return Response(
        HTTPStatus.OK.value, "image/jpeg", jpeg, headers={"Cache-Control": THUMBNAIL_CACHE}
    )


@router.post("/detect")
def detect() -> "DetectAnswer":
    """The faces of a photo, and how good a picture of each it is."""
    # No search needs it: the function starts sooner without.
    from facesearch.vision.quality import face_quality

    query, include = parse_detect(router.current_event)
    service = open_service()
    photo, faces = service.pipeline.detect(service.photo_of(query))
    drawn = []
    if include.thumbnails:
        drawn = [data_url(thumbnail(photo, each.box)) for each in faces]
    return detection_json(photo, [(each, face_quality(photo, each)) for each in faces], drawn)


@router.post("/compare")
def compare() -> "CompareAnswer":
    """Whether two faces show the same person."""
    queries = parse_compare(router.current_event)
    service = open_service()
    (one_place, one), (other_place, other) = (_face(query, service) for query in queries)
    return comparison_json(
        compare_faces(one, other),
        face_json(one_place, one.detected),
        face_json(other_place, other.detected),
    )


def _face(query: Query, service: Service) -> tuple[int, EmbeddedFace]:
    """The stored face, or the largest of the photo, and its place in its photo."""
    if isinstance(query, FaceQuery):
        stored = stored_face(query.face_id, service.store)
        return stored.number, stored.face
    return 0, analyse_photo(service.photo_of(query), service.pipeline).faces[0]
