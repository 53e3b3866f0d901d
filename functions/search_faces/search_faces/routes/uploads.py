"""New photos: forms to send them with, past this service."""

from http import HTTPStatus

from facesearch.errors import UploadsOff
from search_faces.contract.answers import DeletePhotoAnswer, UploadAnswer
from search_faces.contract.requests import DeletePhotoRequest, UploadRequest
from search_faces.routes.words import ADDRESS
from search_faces.routing import Body, Route
from search_faces.service import SearchService
from search_faces.uploads import EXPIRES_S
from search_faces.uploads.deleting import deletion_off
from search_faces.uploads.requested import new_photo


def uploads(request: UploadRequest, service: SearchService) -> UploadAnswer:
    """A form to send a new photo with."""
    photo = new_photo(request)
    if service.uploads is None:
        raise UploadsOff("nobody can add photos through this service: ask whoever runs it")
    form = service.uploads.form(photo)
    return UploadAnswer(form.url, form.fields, form.photo_id, EXPIRES_S, photo.size)


def delete_photo(request: DeletePhotoRequest, service: SearchService) -> DeletePhotoAnswer:
    """Delete a photo, with its faces."""
    if service.uploads is None:
        raise deletion_off(request.photo_id)
    service.uploads.remove(request.photo_id)
    return DeletePhotoAnswer(request.photo_id)


DELETE_PHOTO = Route(
    method="DELETE",
    path="/v1/photos",
    respond=delete_photo,
    request=DeletePhotoRequest,
    answer=DeletePhotoAnswer,
    tag="Photos",
    description="`facesearch serve` deletes photos that came into its upload folder. On AWS the "
    "bucket is the one source of truth, and its faces follow within seconds; where the setting "
    "`deletion` is off, this is 405 `deletion_off`, and `detail` has the command that deletes the "
    "photo there.",
    problems=(*ADDRESS, "not_found", "deletion_off", "read_error", "store_unavailable"),
)
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
    "kept with it. With `sha256`, sending a photo again is no second photo. Types are JPEG, PNG, "
    "WebP, GIF, BMP, TIFF, AVIF and HEIC. Where nobody may "
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
