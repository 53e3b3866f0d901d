"""The client: a method for each route of the API, with the API's own types."""

import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import msgspec

from facesearch.closeable import Closeable
from facesearch_local.client.transport import Transport, UploadProgress
from search_faces.contract.answers import (
    Collection,
    CollectionsAnswer,
    CompareAnswer,
    DeletePhotoAnswer,
    DetectAnswer,
    HealthAnswer,
    ListedPhoto,
    PhotosAnswer,
    SearchAnswer,
    StoredFace,
    UploadAnswer,
    VersionAnswer,
)
from search_faces.contract.requests import (
    CompareRequest,
    CompareSide,
    MatchOptions,
    SearchOptions,
    SearchRequest,
    UploadRequest,
)

Photo = str | Path | bytes
"""A photo: its file, or its bytes."""

Extra = Literal["boxes", "thumbnails", "photo_urls"]

PAGE = 1000
_ALL = SearchOptions()


class FaceSearchClient(Closeable):
    """A client that keeps its connections open: use it in a `with` block, from one thread.

    It tries again after 429 and 503, when the API says so. Every method raises `ApiError`.
    """

    def __init__(self, url: str, api_key: str | None = None, *, timeout_s: float = 30.0) -> None:
        self._transport = Transport(url, api_key, timeout_s)

    def search(
        self,
        *photos: Photo,
        s3_keys: Sequence[str] = (),
        face_ids: Sequence[str] = (),
        options: SearchOptions = _ALL,
    ) -> SearchAnswer:
        """Search for the faces of a photo, or for one person by several photos and faces."""
        if len(photos) == 1 and not s3_keys and not face_ids:
            photo, texts = _read(photos[0]), _texts(options)
            return self._transport.post_photo("v1/search", photo, texts, SearchAnswer)
        request = SearchRequest(
            **msgspec.structs.asdict(options),
            photo=[_read(photo) for photo in photos] or msgspec.UNSET,
            s3_key=list(s3_keys) or msgspec.UNSET,
            face_id=list(face_ids) or msgspec.UNSET,
        )
        return self._transport.post("v1/search", request, SearchAnswer)

    def matches(self, face_id: str, options: MatchOptions = _ALL) -> SearchAnswer:
        """Search for a stored face, and leave it out."""
        return self._transport.get(f"{_face(face_id)}/matches", SearchAnswer, _texts(options))

    def face(self, face_id: str, include: Sequence[Extra] = ("boxes",)) -> StoredFace:
        """A stored face, and the photo it is in."""
        return self._transport.get(_face(face_id), StoredFace, {"include": ",".join(include)})

    def thumbnail(self, face_id: str) -> bytes:
        """A JPEG of a stored face."""
        return self._transport.get_bytes(f"{_face(face_id)}/thumbnail")

    def hide_face(self, face_id: str) -> StoredFace:
        """Hide a stored face: no search finds it, however often its photo is indexed again."""
        return self._transport.put(f"{_face(face_id)}/hidden", StoredFace)

    def show_face(self, face_id: str) -> StoredFace:
        """Show a hidden face again."""
        return self._transport.delete(f"{_face(face_id)}/hidden", StoredFace)

    def detect(self, photo: Photo, include: Sequence[Extra] = ("boxes",)) -> DetectAnswer:
        """The faces of a photo, with the quality of each."""
        options = {"include": ",".join(include)}
        return self._transport.post_photo("v1/detect", _read(photo), options, DetectAnswer)

    def compare(self, one: Photo | CompareSide, other: Photo | CompareSide) -> CompareAnswer:
        """Compare two faces. Of a photo, the largest face counts."""
        request = CompareRequest(one=_side(one), other=_side(other))
        return self._transport.post("v1/compare", request, CompareAnswer)

    def photos(self, prefix: str = "", page: int = PAGE) -> Iterator[ListedPhoto]:
        """All photos whose id starts with `prefix`, by id. They are fetched a page at a time."""
        after: str | None = ""
        while after is not None:
            answer = self.photo_page(prefix, after, page)
            yield from answer.photos
            after = answer.next

    def photo_page(self, prefix: str = "", after: str = "", page: int = PAGE) -> PhotosAnswer:
        """At most `page` photos, those after the id `after`; `next` is the next page's `after`."""
        options = {"prefix": prefix, "after": after, "limit": str(page)}
        return self._transport.get("v1/photos", PhotosAnswer, options)

    def collections(self) -> list[Collection]:
        """The collections, with their numbers of photos and faces."""
        return self._transport.get("v1/collections", CollectionsAnswer).collections

    def upload(
        self,
        photo: str | Path,
        *,
        collection: str | None = None,
        metadata: Mapping[str, str] | None = None,
        external_id: str | None = None,
        progress: UploadProgress = lambda _sent, _all: None,
    ) -> str:
        """Upload a photo, which is indexed soon, and return its id.

        Uploaded again to its collection, it has the same id, and is there once.
        """
        data, name = Path(photo).read_bytes(), Path(photo).name
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        request = UploadRequest(
            filename=name,
            content_type=kind,
            size=len(data),
            collection=msgspec.UNSET if collection is None else collection,
            sha256=sha256(data).hexdigest(),
            external_id=msgspec.UNSET if external_id is None else external_id,
            metadata=metadata or {},
        )
        form = self._transport.post("v1/uploads", request, UploadAnswer)
        self._transport.post_form(form.url, form.fields, (name, data, kind), progress)
        return form.photo_id

    def delete_photo(self, photo_id: str) -> None:
        """Delete a photo that was uploaded to `facesearch serve`, with its faces.

        On AWS, a photo in the bucket, where the stack's setting `deletion` is on.
        """
        self._transport.delete("v1/photos", DeletePhotoAnswer, {"photo_id": photo_id})

    def health(self) -> HealthAnswer:
        """The service's health. Raises `ApiError` when it cannot answer searches."""
        return self._transport.get("v1/health", HealthAnswer)

    def version(self) -> VersionAnswer:
        """The service's version and recipe, and whether the recipe fits the store's."""
        return self._transport.get("v1/version", VersionAnswer)

    def close(self) -> None:
        self._transport.close()


def _face(face_id: str) -> str:
    return f"v1/faces/{quote(face_id, safe='')}"


def _read(photo: Photo) -> bytes:
    return photo if isinstance(photo, bytes) else Path(photo).read_bytes()


def _side(side: Photo | CompareSide) -> CompareSide:
    return side if isinstance(side, CompareSide) else CompareSide(photo=_read(side))


def _texts(options: MatchOptions) -> dict[str, str]:
    """The options as texts for the address, without those that have their defaults."""
    texts: dict[str, str] = {}
    for name, value in msgspec.to_builtins(options).items():
        if isinstance(value, Mapping):
            texts |= {f"{name}.{key}": each for key, each in value.items()}
        elif isinstance(value, str):
            texts[name] = value
        elif isinstance(value, Sequence):
            texts[name] = ",".join(value)
        else:
            texts[name] = msgspec.json.encode(value).decode()
    return texts
