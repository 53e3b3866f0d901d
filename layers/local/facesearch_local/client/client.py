"""The client: a method for each thing that the API does, with its own JSON as answers."""

import base64
import json
import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack
from urllib.parse import quote

from facesearch.closing import Closing
from facesearch_local.client.transport import Progress, Transport

if TYPE_CHECKING:
    from search_faces import schemas
    from search_faces.schemas import Include, MatchOptions, SearchOptions

Photo = Path | bytes
"""A file, or what is in one."""

Side = Photo | Mapping[str, str]
"""A photo, or `{"face_id": …}`, or `{"s3_key": …}`."""

PAGE = 1000


class FaceSearchClient(Closing):
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
        **options: "Unpack[SearchOptions]",
    ) -> "schemas.SearchAnswer":
        """The faces nearest to a photo's; several photos and faces are one person's."""
        if len(photos) == 1 and not s3_keys and not face_ids:
            answer = self._transport.post_photo("search", _read(photos[0]), _texts(options))
        else:
            images = [_base64(photo) for photo in photos]
            named = {"image": images, "s3_key": list(s3_keys), "face_id": list(face_ids)}
            queries = {name: each for name, each in named.items() if each}
            answer = self._transport.post("search", {**queries, **options})
        found: schemas.SearchAnswer = answer.json()
        return found

    def matches(self, face_id: str, **options: "Unpack[MatchOptions]") -> "schemas.SearchAnswer":
        """The faces nearest to a stored one, itself left out."""
        path = f"{_face(face_id)}/matches"
        found: schemas.SearchAnswer = self._transport.get(path, _texts(options)).json()
        return found

    def face(self, face_id: str, include: "Sequence[Include]" = ("boxes",)) -> "schemas.StoredFace":
        """A stored face, and the photo it is in."""
        options = {"include": list(include)}
        found: schemas.StoredFace = self._transport.get(_face(face_id), _texts(options)).json()
        return found

    def thumbnail(self, face_id: str) -> bytes:
        """A JPEG of a stored face."""
        return self._transport.get(f"{_face(face_id)}/thumbnail").content

    def detect(
        self, photo: Photo, include: "Sequence[Include]" = ("boxes",)
    ) -> "schemas.DetectAnswer":
        """The faces of a photo, and how good a picture of each it is."""
        options = _texts({"include": list(include)})
        found: schemas.DetectAnswer = self._transport.post_photo(
            "detect", _read(photo), options
        ).json()
        return found

    def compare(self, one: Side, other: Side) -> "schemas.CompareAnswer":
        """Whether two faces show one person; of a photo, the largest."""
        body = {"one": _side(one), "other": _side(other)}
        found: schemas.CompareAnswer = self._transport.post("compare", body).json()
        return found

    def photos(self, prefix: str = "", page: int = PAGE) -> "Iterator[schemas.ListedPhoto]":
        """All photos whose id starts with `prefix`, by id; fetched a page at a time."""
        after: str | None = ""
        while after is not None:
            options = {"prefix": prefix, "after": after, "limit": str(page)}
            answer: schemas.PhotosAnswer = self._transport.get("photos", options).json()
            yield from answer["photos"]
            after = answer["next"]

    def collections(self) -> "list[schemas.Collection]":
        """The collections, and how much each holds."""
        answer: schemas.CollectionsAnswer = self._transport.get("collections").json()
        return answer["collections"]

    def upload(
        self,
        photo: Path,
        *,
        collection: str | None = None,
        metadata: Mapping[str, str] | None = None,
        progress: Progress = lambda _sent, _all: None,
    ) -> str:
        """Put a photo into the bucket, from where it is indexed in a moment; returns its id."""
        data = photo.read_bytes()
        kind = mimetypes.guess_type(photo.name)[0] or "application/octet-stream"
        body: dict[str, object] = {
            "filename": photo.name,
            "content_type": kind,
            "size": len(data),
        }
        if collection is not None:
            body["collection"] = collection
        if metadata is not None:
            body["metadata"] = dict(metadata)
        form: schemas.UploadAnswer = self._transport.post("uploads", body).json()
        file = (photo.name, data, kind)
        self._transport.post_form(form["url"], form["fields"], file, progress)
        return form["photo_id"]

    def health(self) -> "schemas.HealthAnswer":
        """Raises `ApiError` when searches cannot be answered."""
        found: schemas.HealthAnswer = self._transport.get("health").json()
        return found

    def version(self) -> "schemas.VersionAnswer":
        """What runs there, and whether it fits what is indexed."""
        found: schemas.VersionAnswer = self._transport.get("version").json()
        return found

    def close(self) -> None:
        self._transport.close()


def _face(face_id: str) -> str:
    return f"faces/{quote(face_id, safe='')}"


def _read(photo: Photo) -> bytes:
    return photo if isinstance(photo, bytes) else photo.read_bytes()


def _base64(photo: Photo) -> str:
    return base64.b64encode(_read(photo)).decode()


def _side(side: Side) -> Mapping[str, str]:
    return side if isinstance(side, Mapping) else {"image": _base64(side)}


def _texts(options: Mapping[str, Any]) -> dict[str, str]:
    """As the address takes them."""
    texts: dict[str, str] = {}
    for name, value in options.items():
        if isinstance(value, Mapping):
            texts |= {f"{name}.{key}": each for key, each in value.items()}
        elif isinstance(value, list):
            texts[name] = ",".join(value)
        else:
            texts[name] = value if isinstance(value, str) else json.dumps(value)
    return texts
