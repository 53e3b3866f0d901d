"""New photos: forms to send them with, past this service."""

from http import HTTPStatus

from facesearch.errors import UploadsOff
from search_faces.contract.answers import UploadAnswer
from search_faces.contract.requests import UploadRequest
from search_faces.routes.words import ADDRESS
from search_faces.routing import Body, Route
from search_faces.service import SearchService
from search_faces.uploads import EXPIRES_S
from search_faces.uploads.requested import new_photo


def uploads(request: UploadRequest, service: SearchService) -> UploadAnswer:
    """A form to send a new photo with."""
    photo = new_photo(request)
    if service.uploads is None:
        raise UploadsOff("nobody can add photos through this service: ask whoever runs it")
    form = service.uploads.form(photo)
    return UploadAnswer(form.url, form.fields, form.photo_id, EXPIRES_S, photo.size)


UPLOADS = Route(
    method="POST",
    path="/v1/uploads",
    respond=uploads,
    request=UploadRequest,
    answer=UploadAnswer,
    body=Body(),
    status=HTTPStatus.CREATED,
    tag="Photos",
    description="Send the photo to `url` as `multipart/form-data` within `expires_in` seconds: "
    "all `fields` as they are, then the photo as `file`, last, and no key. The answer is 204; "
    "the photo can be found when `GET /v1/photos` lists it. Its `collection` and `metadata` are "
    "kept with it. Types are JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF and HEIC. Where nobody may "
    "add photos, this is 409 `uploads_off`.",
    problems=(
        *ADDRESS,
        *("image_too_large", "invalid_collection", "not_an_image", "request_too_large"),
        "uploads_off",
    ),
    examples={
        "A photo of a wedding": {
            "filename": "0001.jpg",
            "content_type": "image/jpeg",
            "size": 2_400_000,
            "collection": "wedding",
            "metadata": {"album": "summer"},
        }
    },
)
