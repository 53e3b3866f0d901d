"""The nearest faces to those of photos, or to stored ones."""

from msgspec import UNSET

from facesearch.photos.thumbnails import preview
from facesearch.searching import MAX_PHOTOS, FaceMatches, search_face, search_person, search_photo
from search_faces.contract.answers import SearchAnswer
from search_faces.contract.extras import Extras, data_url, extras_of, query_thumbnails
from search_faces.contract.requests import (
    QUERIES,
    BucketQuery,
    FaceQuery,
    MatchesRequest,
    MatchOptions,
    PhotoQuery,
    Query,
    SearchRequest,
)
from search_faces.log import logger
from search_faces.routes.words import ADDRESS, FACE, FACE_ID, PHOTO, SEVERAL, SIZES, STORE
from search_faces.routing import Body, Route
from search_faces.service import SearchService

_KINDS = {PhotoQuery: "photo", BucketQuery: "s3_key", FaceQuery: "face_id"}
"""What a search was by, for the log: never the photo, the key or the face."""


def search(request: SearchRequest, service: SearchService) -> SearchAnswer:
    """The faces nearest to those that the request shows or names."""
    queries = request.queries
    logger.info("searching", extra={"by": [_KINDS[type(query)] for query in queries]})
    if len(queries) > 1:
        return _search_person(queries, request, service)
    (query,) = queries
    if isinstance(query, FaceQuery):
        page = search_face(query.face_id, service.store, request)
        return _without_photo(page, request, service)
    return _search_photo(service.photo_of(query), request, service)


def matches(request: MatchesRequest, service: SearchService) -> SearchAnswer:
    """The faces nearest to a stored one, itself left out."""
    return _without_photo(search_face(request.face_id, service.store, request), request, service)


def _search_photo(photo: bytes, request: SearchRequest, service: SearchService) -> SearchAnswer:
    pipeline = service.pipeline
    result = search_photo(photo, pipeline, service.store, request, request.face_choice)
    drawn = query_thumbnails(result.photo, result.faces, request.include)
    extras = _extras(result.results, request, service, len(drawn))
    limits = service.limiter.limits(request.collection)
    shown = data_url(preview(result.photo)) if "preview" in request.include else UNSET
    return SearchAnswer.of_photo(result, pipeline.recipe, limits, extras, drawn, shown)


def _search_person(
    queries: tuple[Query, ...], request: SearchRequest, service: SearchService
) -> SearchAnswer:
    faces = [query.face_id for query in queries if isinstance(query, FaceQuery)]
    photos = [service.photo_of(query) for query in queries if not isinstance(query, FaceQuery)]
    page = search_person(photos, faces, service.pipeline, service.store, request)
    return _without_photo(page, request, service)


def _without_photo(
    page: FaceMatches, request: MatchOptions, service: SearchService
) -> SearchAnswer:
    extras = _extras([page], request, service)
    limits = service.limiter.limits(request.collection)
    return SearchAnswer.of_person(page, service.pipeline.recipe, limits, extras)


def _extras(
    results: list[FaceMatches], request: MatchOptions, service: SearchService, besides: int = 0
) -> Extras:
    faces = [match.stored for result in results for match in result.matches]
    return extras_of(faces, request.include, service.photos, besides)


SEARCH = Route(
    method="POST",
    path="/v1/search",
    respond=search,
    request=SearchRequest,
    answer=SearchAnswer,
    body=Body(fields=QUERIES, files={"photo": MAX_PHOTOS}, is_photo=True),
    tag="Searching",
    description="Send a photo as the body, one or more as files `photo` of a form, or JSON "
    f"that names what to search with. {SEVERAL}\n\n{SIZES}",
    problems=(*ADDRESS, *PHOTO, *STORE, "no_face"),
    examples={
        "A stored face": {"face_id": FACE_ID},
        "A photo in the bucket, all its faces": {"s3_key": "wedding/0001.jpg", "face": "all"},
        "Two faces of one person": {
            "face_id": [FACE_ID, "1c0f9a8b7c9b1f0c6f0e5d4a7c8b3e2d-1"],
            "collection": "wedding",
            "metadata": {"album": "summer"},
        },
    },
)
MATCHES = Route(
    method="GET",
    path="/v1/faces/{face_id}/matches",
    respond=matches,
    request=MatchesRequest,
    answer=SearchAnswer,
    tag="Searching",
    description="Pages go on with `offset`, at most to the 10,000th match.",
    problems=(*ADDRESS, *FACE, "read_error"),
)
