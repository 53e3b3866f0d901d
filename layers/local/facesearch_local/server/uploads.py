"""Uploads to a folder of this machine. Photos are stored and indexed at once."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO

from facesearch.errors import (
    FacesearchError,
    ImageTooLarge,
    InvalidCollection,
    InvalidRequest,
    NotFound,
    SettingsError,
    StoreError,
)
from facesearch.faces import DEFAULT_COLLECTION, Removal
from facesearch.fields import shorten
from facesearch.files import complete_file, make_private_folder
from facesearch.indexing import PhotoToIndex, Status, index_photos
from facesearch.photos.folder import photo_path, read_photo
from facesearch.photos.ids import is_in_s3
from facesearch.photos.reading import MAX_FILE_BYTES, PhotoContent
from facesearch.stores import FaceStore
from facesearch.vision.pipeline import FacePipeline
from facesearch_local.library.sequences import next_sequences
from facesearch_local.server.application import Operation, Operations
from search_faces.answering import answer_or_problem
from search_faces.http import HttpAnswer, HttpRequest
from search_faces.multipart import PartHead, form_pieces
from search_faces.parsing import check_encoding
from search_faces.uploads import EXPIRES_S, NewPhoto, UploadForm
from search_faces.uploads.deleting import deletion_off
from search_faces.uploads.names import folder_name

UPLOAD_URL = "v1/uploads/files"
"""The address to which the forms of `POST /v1/uploads` are sent."""

FILE = "file"
"""The form's field with the photo. As in S3, it is the last one."""

MAX_FIELD_BYTES = 2**14
MAX_FORM_BYTES = MAX_FILE_BYTES + 2**16
"""The limit for a form: the file, the other fields and the delimiters."""

CHUNK_BYTES = 2**16


class FolderUploads:
    """Stores photos in `folder`/collection. Forms are signed: other pages cannot make them."""

    def __init__(self, folder: Path, pipeline: FacePipeline, store: FaceStore) -> None:
        """Raises `SettingsError` when the folder cannot be created."""
        try:
            make_private_folder(folder)
            self._folder = folder.resolve(strict=True)
        except OSError as error:
            raise SettingsError(
                f"FACESEARCH_UPLOADS is '{folder}' ({error.strerror}): name a folder to keep "
                "new photos in"
            ) from error
        self._pipeline = pipeline
        self._store = store
        self._secret = secrets.token_bytes(32)

    def form(self, photo: NewPhoto) -> UploadForm:
        """Make a signed form. Raises `InvalidCollection`."""
        collection = folder_name(photo.collection or DEFAULT_COLLECTION)
        terms = {
            "name": photo.name,
            "size": photo.size,
            "collection": collection,
            "metadata": dict(photo.metadata),
            "sha256": photo.sha256,
            "expires": time.time() + EXPIRES_S,
        }
        policy = base64.b64encode(json.dumps(terms).encode()).decode()
        path = self._folder / collection / photo.name
        return UploadForm(
            UPLOAD_URL, {"policy": policy, "signature": self._signature(policy)}, path.as_uri()
        )

    def receive(self, content_type: str, body: BinaryIO) -> None:
        """Store and index the file of a form that `form` signed. Fields after it are ignored.

        Raises `InvalidRequest`, `InvalidCollection`, `ImageTooLarge`, or a `StoreError` after which
        nothing is stored that was not there before.
        """
        pieces = form_pieces(iter(partial(body.read, CHUNK_BYTES), b""), content_type)
        terms = self._checked(_fields_before_file(pieces))
        data = _checked_file(_file(pieces, terms["size"]), terms["sha256"])
        was_there = (self._folder / terms["collection"] / terms["name"]).exists()
        path = self._write(terms["collection"], terms["name"], data)
        try:
            self._index(path, terms["collection"], terms["metadata"])
        except FacesearchError:
            if not was_there:
                path.unlink()
            raise

    def remove(self, photo_id: str) -> None:
        """Delete a photo of the folder, and its faces from the store.

        Raises `NotFound`, `DeletionOff` for photos elsewhere, or a `StoreError`.
        """
        if is_in_s3(photo_id) or not self._holds(path := Path(photo_path(photo_id))):
            raise deletion_off(photo_id)
        # Dots, links and %xx give a path many names: the store knows it by one.
        ids = list({photo_id, (path.parent.resolve() / path.name).as_uri()})
        if not path.exists() and not any(self._store.photo(each) for each in ids):
            raise NotFound(
                f"there is no photo {shorten(photo_id)} any more: GET /v1/photos lists those there "
                "are"
            )
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f"the upload folder keeps the photo ({error.strerror}): check its permissions"
            ) from error
        sequences = next_sequences(self._store, ids)
        removals = [Removal(each, sequences[each]) for each in ids]
        for outcome in index_photos(removals, read_photo, self._pipeline, self._store):
            if outcome.status is Status.UNDONE and outcome.error is not None:
                raise outcome.error

    def _holds(self, path: Path) -> bool:
        """Whether this is a path of a photo in the folder, links and dots followed."""
        return path.parent.resolve().parent == self._folder and path.name not in ("", ".", "..")

    def _checked(self, fields: Mapping[str, bytes]) -> dict[str, Any]:
        policy = fields.get("policy", b"").decode("ascii", "replace")
        signature = fields.get("signature", b"")
        if not hmac.compare_digest(self._signature(policy).encode(), signature):
            raise InvalidRequest(
                "the form is not one of this service: POST to /v1/uploads for one, and send its "
                "fields as they are"
            )
        terms: dict[str, Any] = json.loads(base64.b64decode(policy))
        if terms["expires"] < time.time():
            raise InvalidRequest("the form has expired: POST to /v1/uploads for another")
        return terms

    def _signature(self, policy: str) -> str:
        return hmac.new(self._secret, policy.encode(), "sha256").hexdigest()

    def _write(self, collection: str, name: str, data: Iterable[bytes]) -> Path:
        """Write the whole photo or nothing. It replaces a photo of this name."""
        place = self._folder / collection
        try:
            make_private_folder(place)
            if place.resolve() != place:
                raise InvalidCollection(
                    "this collection's folder is a link to another place: choose another"
                )
            with complete_file(place / name) as file:
                file.writelines(data)
        except OSError as error:
            raise StoreError(
                f"the upload folder does not take the photo ({error.strerror}): check its disk "
                "and permissions"
            ) from error
        return place / name

    def _index(self, path: Path, collection: str, metadata: Mapping[str, str]) -> None:
        def read(photo_id: str) -> PhotoContent:
            return replace(read_photo(photo_id), metadata=metadata)

        photo_id = path.as_uri()
        sequence = next_sequences(self._store, [photo_id])[photo_id]
        photo = PhotoToIndex(photo_id, sequence, collection)
        (outcome,) = index_photos([photo], read, self._pipeline, self._store)
        if outcome.status is Status.UNDONE and outcome.error is not None:
            raise outcome.error


def upload_operations(uploads: FolderUploads) -> Operations:
    """The operation that receives forms, as S3 does on AWS: it answers 204 or a problem."""

    def answer(request: HttpRequest, body: BinaryIO) -> HttpAnswer:
        def receive() -> HttpAnswer:
            check_encoding(request)
            uploads.receive(request.headers.get("content-type", ""), body)
            return HttpAnswer(HTTPStatus.NO_CONTENT, {}, b"")

        return answer_or_problem(receive, request)

    # The form's signature stands for the key.
    operation = Operation(answer, open=True, max_bytes=MAX_FORM_BYTES, stored=True)
    return {f"/{UPLOAD_URL}": {"POST": operation}}


def _fields_before_file(pieces: Iterator[tuple[PartHead, bytes]]) -> Mapping[str, bytes]:
    fields: dict[str, bytes] = {}
    for head, piece in pieces:
        if head.name == FILE:
            break
        fields[head.name] = fields.get(head.name, b"") + piece
        if len(fields[head.name]) > MAX_FIELD_BYTES:
            raise InvalidRequest(
                f"{head.name[:50]} is longer than {MAX_FIELD_BYTES // 2**10} KB: send the form's "
                "fields as they are, and the photo as 'file'"
            )
    return fields


def _checked_file(pieces: Iterable[bytes], sha256: str) -> Iterator[bytes]:
    """The pieces. Raises `InvalidRequest` at their end if they have another SHA-256; "": any."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
        yield piece
    if sha256 and digest.hexdigest() != sha256:
        raise InvalidRequest(
            "the file is not the one whose sha256 the form was asked for: POST to /v1/uploads anew"
        )


def _file(pieces: Iterator[tuple[PartHead, bytes]], most: int) -> Iterator[bytes]:
    """The data of the form's first file. Raises `ImageTooLarge` beyond `most` bytes, as S3 does."""
    size = 0
    for _, piece in pieces:
        if not piece:  # the next field begins
            break
        size += len(piece)
        if size > most:
            raise ImageTooLarge(
                f"the photo is larger than the {most:,} bytes that this form was asked for: POST "
                "its size to /v1/uploads for another"
            )
        yield piece
    if not size:
        raise InvalidRequest("the form has no file, or an empty one: send the photo as 'file'")
