"""The nearest faces to those of photos, or to stored ones."""

from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler.api_gateway import Router

from facesearch.photos.thumbnails import thumbnail
from facesearch.searching import FaceMatches, search_face, search_person, search_photo
from search_faces.extras import Extras, data_url, extras_of
from search_faces.requests import SearchRequest, parse_matches, parse_search
from search_faces.requests.options import Include
from search_faces.requests.queries import FaceQuery
from search_faces.responses import face_search_json, photo_search_json
from search_faces.service import Service, open_service

if TYPE_CHECKING:
    from search_faces.schemas import SearchAnswer

router = Router()  # type: ignore[no-untyped-call]


@router.post("/search")
def search() -> "SearchAnswer":
    """The faces nearest to those that the request shows or names."""
    request = parse_search(router.current_event)
    service = open_service()
    if len(request.queries) > 1:
        return _search_person(request, service)
    (query,) = request.queries
    if isinstance(query, FaceQuery):
        found = search_face(query.face_id, service.store, request.scope)
        return face_search_json(found, _extras([found], request.include, service))
    return _search_photo(service.photo_of(query), request, service)


@router.get("/faces/<face_id>/matches")
def matches(face_id: str) -> "SearchAnswer":
    """The faces nearest to a stored one, itself left out."""
    scope, include = parse_matches(router.current_event)
    service = open_service()
    found = search_face(face_id, service.store, scope)
    return face_search_json(found, _extras([found], include, service))


def _search_photo(photo: bytes, request: SearchRequest, service: Service) -> "SearchAnswer":
    found = search_photo(photo, service.pipeline, service.store, request.scope, request.face)
    extras = _extras(found.results, request.include, service)
    drawn = []
    if request.include.thumbnails:
        drawn = [data_url(thumbnail(found.photo, face.box)) for face in found.faces]
    return photo_search_json(found, extras, drawn)


def _search_person(request: SearchRequest, service: Service) -> "SearchAnswer":
    faces = [query.face_id for query in request.queries if isinstance(query, FaceQuery)]
    photos = [
        service.photo_of(query) for query in request.queries if not isinstance(query, FaceQuery)
    ]
    found = search_person(photos, faces, service.pipeline, service.store, request.scope)
    return face_search_json(found, _extras([found], request.include, service))


def _extras(results: list[FaceMatches], include: Include, service: Service) -> Extras:
    faces = [match.stored for result in results for match in result.matches]
    return extras_of(faces, include, service.photos)
