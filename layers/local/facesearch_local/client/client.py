"""The client: a method for each thing that the API does, with the API's own types."""

import mimetypes
from collections.abc import Iterator, Mapping, Sequence
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
"""A file, or what is in one."""

Extra = Literal["boxes", "thumbnails", "photo_urls"]

PAGE = 1000
_ALL = SearchOptions()


class FaceSearchClient(Closeable):
    """Keeps connections open: a context manager. Not for several threads at once.

    What is refused for the moment (429, 503) is tried again, as late as the API says. Every method
    raises `ApiError`.
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
        """The faces nearest to a photo's; several photos and faces are one person's."""
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
        """The faces nearest to a stored one, itself left out."""
        return self._transport.get(f"{_face(face_id)}/matches", SearchAnswer, _texts(options))

    def face(self, face_id: str, include: Sequence[Extra] = ("boxes",)) -> StoredFace:
        """A stored face, and the photo it is in."""
        return self._transport.get(_face(face_id), StoredFace, {"include": ",".join(include)})

    def thumbnail(self, face_id: str) -> bytes:
        """A JPEG of a stored face."""
        return self._transport.get_bytes(f"{_face(face_id)}/thumbnail")

    def detect(self, photo: Photo, include: Sequence[Extra] = ("boxes",)) -> DetectAnswer:
        """The faces of a photo, and how good a picture of each it is."""
        options = {"include": ",".join(include)}
        return self._transport.post_photo("v1/detect", _read(photo), options, DetectAnswer)

    def compare(self, one: Photo | CompareSide, other: Photo | CompareSide) -> CompareAnswer:
        """Whether two faces show one person; of a photo, the largest."""
        request = CompareRequest(one=_side(one), other=_side(other))
        return self._transport.post("v1/compare", request, CompareAnswer)

    def photos(self, prefix: str = "", page: int = PAGE) -> Iterator[ListedPhoto]:
        """All photos whose id starts with `prefix`, by id; fetched a page at a time."""
        after: str | None = ""
        while after is not None:
            options = {"prefix": prefix, "after": after, "limit": str(page)}
            answer = self._transport.get("v1/photos", PhotosAnswer, options)
            yield from answer.photos
            after = answer.next

    def collections(self) -> list[Collection]:
        """The collections, and how much each holds."""
        return self._transport.get("v1/collections", CollectionsAnswer).collections

    def upload(
        self,
        photo: Path,
        *,
        collection: str | None = None,
        metadata: Mapping[str, str] | None = None,
        progress: UploadProgress = lambda _sent, _all: None,
    ) -> str:
        """Put a photo into the bucket, from where it is indexed in a moment; returns its id."""
        data = photo.read_bytes()
        kind = mimetypes.guess_type(photo.name)[0] or "application/octet-stream"
        request = UploadRequest(
            filename=photo.name,
            content_type=kind,
            size=len(data),
            collection=msgspec.UNSET if collection is None else collection,
            metadata=metadata or {},
        )
        form = self._transport.post("v1/uploads", request, UploadAnswer)
        self._transport.post_form(form.url, form.fields, (photo.name, data, kind), progress)
        return form.photo_id

    def health(self) -> HealthAnswer:
        """Raises `ApiError` when searches cannot be answered."""
        return self._transport.get("v1/health", HealthAnswer)

    def version(self) -> VersionAnswer:
        """What runs there, and whether it fits what is indexed."""
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
    """As the address takes them, but for those that are left at their defaults."""
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
