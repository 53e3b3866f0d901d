"""New photos for a folder of this machine: what S3 and the index function do, at once."""

import base64
import hmac
import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from facesearch.errors import (
    FacesearchError,
    ImageTooLarge,
    InvalidCollection,
    InvalidRequest,
    SettingsError,
    StoreError,
)
from facesearch.faces import DEFAULT_COLLECTION
from facesearch.indexing import PhotoToIndex, Status, index_photos
from facesearch.photos.folder import read_photo
from facesearch.photos.reading import MAX_FILE_BYTES, PhotoContent
from facesearch.stores import FaceStore
from facesearch.vision.pipeline import FacePipeline
from facesearch_local.library.sequences import next_sequences
from search_faces.requests.multipart import split_parts
from search_faces.uploads import EXPIRES_S, NewPhoto, UploadForm
from search_faces.uploads.names import folder_name

UPLOAD_URL = "uploads/files"
"""Where the forms of `POST /uploads` go."""

MAX_FORM_BYTES = MAX_FILE_BYTES + 2**16
"""The file, its form's other fields and the delimiters."""


class FolderUploads:
    """Photos lie in `folder`/collection. Forms are signed: other pages cannot write through us."""

    def __init__(self, folder: Path, pipeline: FacePipeline, store: FaceStore) -> None:
        """Raises `SettingsError` when the folder cannot be had."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
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
        """Raises `InvalidCollection`."""
        collection = folder_name(photo.collection or DEFAULT_COLLECTION)
        told = {
            "name": photo.name,
            "collection": collection,
            "metadata": dict(photo.metadata),
            "expires": time.time() + EXPIRES_S,
        }
        policy = base64.b64encode(json.dumps(told).encode()).decode()
        path = self._folder / collection / photo.name
        return UploadForm(
            UPLOAD_URL, {"policy": policy, "signature": self._signature(policy)}, path.as_uri()
        )

    def receive(self, content_type: str, body: bytes) -> None:
        """Store and index the file of a form that `form` signed.

        Raises `InvalidRequest`, `InvalidCollection`, `ImageTooLarge`, or a `StoreError` after which
        nothing is stored.
        """
        fields: dict[str, bytes] = {}
        for part in split_parts(body, content_type):
            fields[part.name] = part.data
        told = self._checked(fields)
        file = fields.get("file", b"")
        if not file:
            raise InvalidRequest("the form has no file, or an empty one: send the photo as 'file'")
        if len(file) > MAX_FILE_BYTES:
            raise ImageTooLarge(
                f"the photo has {len(file) / 2**20:.0f} MB, the limit is "
                f"{MAX_FILE_BYTES // 2**20} MB: scale it down first"
            )
        path = self._write(told["collection"], told["name"], file)
        try:
            self._index(path, told["collection"], told["metadata"])
        except FacesearchError:
            path.unlink()
            raise

    def _checked(self, fields: Mapping[str, bytes]) -> dict[str, Any]:
        policy = fields.get("policy", b"").decode("ascii", "replace")
        signature = fields.get("signature", b"")
        if not hmac.compare_digest(self._signature(policy).encode(), signature):
            raise InvalidRequest(
                "the form is not one of this service: POST to uploads for one, and send its "
                "fields as they are"
            )
        told: dict[str, Any] = json.loads(base64.b64decode(policy))
        if told["expires"] < time.time():
            raise InvalidRequest("the form has expired: POST to uploads for another")
        return told

    def _signature(self, policy: str) -> str:
        return hmac.new(self._secret, policy.encode(), "sha256").hexdigest()

    def _write(self, collection: str, name: str, data: bytes) -> Path:
        """All of it or nothing; a photo of this name is replaced."""
        place = self._folder / collection
        part = place / f".{name}.part"
        try:
            place.mkdir(exist_ok=True)
            if place.resolve() != place:
                raise InvalidCollection(
                    "this collection's folder is a link to another place: choose another"
                )
            try:
                with part.open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(place / name)
            finally:
                part.unlink(missing_ok=True)
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
