"""Single faces: stored ones, those of a photo, and whether two are one person's."""

from dataclasses import dataclass

from msgspec import UNSET

from facesearch import faces as domain
from facesearch.errors import HidingOff, InputError, NotFound
from facesearch.faces import EmbeddedFace
from facesearch.fields import shorten
from facesearch.hiding import hide_face
from facesearch.photos.thumbnails import preview, thumbnail
from facesearch.searching import analyse_photo, compare_faces, shown_face, stored_face
from facesearch.vision.images import DecodedImage, decode_image
from search_faces.contract.answers import (
    PLAIN,
    CompareAnswer,
    DetectAnswer,
    Face,
    JpegAnswer,
    StoredFace,
    StoredPhoto,
)
from search_faces.contract.extras import data_url, extras_of, query_thumbnails
from search_faces.contract.requests import (
    CompareRequest,
    DetectRequest,
    FaceQuery,
    FaceRequest,
    Query,
    ThumbnailRequest,
)
from search_faces.routes.words import ADDRESS, FACE, FACE_ID, PHOTO, SIZES, STORE
from search_faces.routing import Body, Route
from search_faces.service import SearchService


def face(request: FaceRequest, service: SearchService) -> StoredFace:
    """A stored face, and the photo it is in."""
    stored = stored_face(request.face_id, service.store)
    return StoredFace.of(stored, extras_of([stored], request.include, service.photos))


def hide(request: ThumbnailRequest, service: SearchService) -> StoredFace:
    """Hide a stored face: no search finds it any more."""
    return _decided(request, service, hidden=True)


def show(request: ThumbnailRequest, service: SearchService) -> StoredFace:
    """Show a hidden face again."""
    return _decided(request, service, hidden=False)


def _decided(request: ThumbnailRequest, service: SearchService, *, hidden: bool) -> StoredFace:
    if service.uploads is None:
        raise HidingOff(
            "nobody can hide faces through this service: ask whoever runs it, who has facesearch "
            "hide"
        )
    return StoredFace.of(hide_face(request.face_id, service.store, hidden=hidden), PLAIN)


def face_thumbnail(request: ThumbnailRequest, service: SearchService) -> JpegAnswer:
    """A picture of a stored face."""
    stored = shown_face(request.face_id, service.store)
    return JpegAnswer(thumbnail(_photo_of(stored, service), stored.face.detected.box))


def _photo_of(stored: domain.StoredFace, service: SearchService) -> DecodedImage:
    try:
        return decode_image(service.photos.read(stored.photo.photo_id).data)
    except InputError as error:
        raise NotFound(
            f"the photo of face {shorten(stored.face_id)} is not there any more, or is no photo "
            "now: use another face"
        ) from error


def face_photo(request: ThumbnailRequest, service: SearchService) -> StoredPhoto:
    """The photo that a stored face is in, with all its faces."""
    photo_id = stored_face(request.face_id, service.store).photo.photo_id
    indexed = service.store.photo(photo_id)
    if indexed is None:
        raise NotFound("the photo was deleted just now: search for another")
    return StoredPhoto.of(indexed, service.photos.url(photo_id))


def face_preview(request: ThumbnailRequest, service: SearchService) -> JpegAnswer:
    """The photo that a stored face is in, as a picture."""
    return JpegAnswer(preview(_photo_of(stored_face(request.face_id, service.store), service)))


def detect(request: DetectRequest, service: SearchService) -> DetectAnswer:
    """The faces of a photo, and how good a picture of each it is."""
    # Cold start: ten milliseconds of import that no search needs.
    from facesearch.vision.quality import face_quality  # noqa: PLC0415

    photo, faces = service.pipeline.detect(service.photo_of(request.query))
    drawn = query_thumbnails(photo, faces, request.include)
    return DetectAnswer.of(photo, [(each, face_quality(photo, each)) for each in faces], drawn)


def compare(request: CompareRequest, service: SearchService) -> CompareAnswer:
    """Whether two faces show the same person."""
    queries = request.one.query("one"), request.other.query("other")
    one, other = (_side(query, request, service) for query in queries)
    recipe, limits = service.pipeline.recipe, service.limiter.of_pair()
    comparison = compare_faces(one.embedded, other.embedded, recipe)
    return CompareAnswer.of(comparison, one.face, other.face, recipe, limits)


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """One of the two compared faces, and its form in the answer."""

    embedded: EmbeddedFace
    face: Face


def _side(query: Query, request: CompareRequest, service: SearchService) -> _Side:
    """The stored face, or the largest of the photo."""
    if isinstance(query, FaceQuery):
        stored = shown_face(query.face_id, service.store)
        drawn = extras_of([stored], request.include, service.photos).thumbnails
        picture = drawn.get(stored.face_id, UNSET)
        return _Side(stored.face, Face.of(stored.number, stored.face.detected, picture))
    photo = service.photo_of(query)
    embedded = analyse_photo(photo, service.pipeline).faces[0]
    picture = UNSET
    if "thumbnails" in request.include:
        picture = data_url(thumbnail(decode_image(photo), embedded.detected.box))
    return _Side(embedded, Face.of(0, embedded.detected, picture))


STORED_FACE = (*ADDRESS, *FACE, "read_error")

FACE_ROUTE = Route(
    method="GET",
    path="/v1/faces/{face_id}",
    respond=face,
    request=FaceRequest,
    answer=StoredFace,
    tag="Faces",
    problems=STORED_FACE,
)
HIDE_FACE = Route(
    method="PUT",
    path="/v1/faces/{face_id}/hidden",
    respond=hide,
    request=ThumbnailRequest,
    answer=StoredFace,
    tag="Faces",
    description="A person's decision, kept through indexing again: it is about the face's place in "
    "its photo, and holds until it is undone. The photo view marks the face as hidden. Where "
    "nobody may add photos, this is 409 `hiding_off`.",
    problems=(*ADDRESS, *FACE, "hiding_off"),
)
SHOW_FACE = Route(
    method="DELETE",
    path="/v1/faces/{face_id}/hidden",
    respond=show,
    request=ThumbnailRequest,
    answer=StoredFace,
    tag="Faces",
    problems=(*ADDRESS, *FACE, "hiding_off"),
)
FACE_THUMBNAIL = Route(
    method="GET",
    path="/v1/faces/{face_id}/thumbnail",
    respond=face_thumbnail,
    request=ThumbnailRequest,
    answer=JpegAnswer,
    tag="Faces",
    description="216 pixels square: the face with its surroundings, outlined.",
    problems=STORED_FACE,
)
FACE_PHOTO = Route(
    method="GET",
    path="/v1/faces/{face_id}/photo",
    respond=face_photo,
    request=ThumbnailRequest,
    answer=StoredPhoto,
    tag="Faces",
    problems=STORED_FACE,
)
FACE_PREVIEW = Route(
    method="GET",
    path="/v1/faces/{face_id}/preview",
    respond=face_preview,
    request=ThumbnailRequest,
    answer=JpegAnswer,
    tag="Faces",
    description="Upright, 1600 pixels at most, whatever the photo's format.",
    problems=STORED_FACE,
)
DETECT = Route(
    method="POST",
    path="/v1/detect",
    respond=detect,
    request=DetectRequest,
    answer=DetectAnswer,
    body=Body(fields=("photo", "s3_key"), files={"photo": 1}, is_photo=True),
    tag="Faces",
    description=f"A photo without a face is an empty list, not an error. {SIZES}",
    problems=(*ADDRESS, *PHOTO),
    examples={"A photo in the bucket": {"s3_key": "wedding/0001.jpg"}},
)
COMPARE = Route(
    method="POST",
    path="/v1/compare",
    respond=compare,
    request=CompareRequest,
    answer=CompareAnswer,
    body=Body(fields=("one", "other"), files={"one": 1, "other": 1}),
    tag="Faces",
    description="Two photos as files `one` and `other` of a form, or JSON. Of a photo, the "
    "largest face is compared. `thresholds` tell how far apart two faces may be for a given "
    f"rate of false accepts, measured on Labeled Faces in the Wild. {SIZES}",
    problems=(*ADDRESS, *PHOTO, *STORE, "no_face"),
    examples={
        "A stored face and a photo in the bucket": {
            "one": {"face_id": FACE_ID},
            "other": {"s3_key": "wedding/0001.jpg"},
        }
    },
)
