"""New photos: forms to send them with, past this service."""

from http import HTTPStatus
from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler.api_gateway import Router

from facesearch.errors import UploadsOff
from facesearch.photos.reading import MAX_FILE_BYTES
from search_faces.requests.uploading import parse_upload
from search_faces.service import open_service
from search_faces.uploads import EXPIRES_S

if TYPE_CHECKING:
    from search_faces.schemas import UploadAnswer

router = Router()  # type: ignore[no-untyped-call]


@router.post("/uploads")
def uploads() -> "tuple[UploadAnswer, int]":
    """A form to send a new photo with."""
    photo = parse_upload(router.current_event)
    place = open_service().uploads
    if place is None:
        raise UploadsOff("nobody can add photos through this service: ask whoever runs it")
    form = place.form(photo)
    answer: UploadAnswer = {
        "url": form.url,
        "fields": dict(form.fields),
        "photo_id": form.photo_id,
        "expires_in": EXPIRES_S,
        "max_bytes": MAX_FILE_BYTES,
    }
    return answer, HTTPStatus.CREATED.value
