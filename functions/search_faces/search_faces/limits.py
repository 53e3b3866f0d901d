"""API keys that may see some collections only."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import msgspec

from facesearch.errors import InvalidCollection, NotFound, SettingsError
from facesearch.faces import DEFAULT_COLLECTION
from search_faces.uploads import NewPhoto, UploadForm, Uploads

if TYPE_CHECKING:
    from facesearch.stores import FaceStore

KeyCollections = Mapping[str, frozenset[str]]
"""The collections that a key may see, by the key's id. Other keys see all."""


def parse_key_collections(text: str) -> KeyCollections:
    """From JSON, `{"key id": ["collection", …]}`. Raises `SettingsError`: no key goes unlimited."""
    try:
        found = msgspec.json.decode(text or "{}", type=dict[str, frozenset[str]])
    except msgspec.MsgspecError as error:
        raise SettingsError(
            f"FACESEARCH_KEY_COLLECTIONS is not understood ({error}): use "
            '{"key id": ["collection"]}'
        ) from error
    return found


class LimitedUploads:
    """Uploads to some collections only, and deletion of photos that can be seen."""

    def __init__(self, uploads: Uploads, collections: Collection[str], store: "FaceStore") -> None:
        self._uploads = uploads
        self._collections = collections
        self._store = store

    def form(self, photo: NewPhoto) -> UploadForm:
        """Raises `InvalidCollection` for another collection."""
        if (photo.collection or DEFAULT_COLLECTION) not in self._collections:
            own = ", ".join(sorted(self._collections))
            raise InvalidCollection(f"this key adds photos to its own collections only: use {own}")
        return self._uploads.form(photo)

    def remove(self, photo_id: str) -> None:
        """Raises `NotFound` for a photo of another collection, too."""
        if self._store.photo(photo_id) is None:
            raise NotFound("there is no such photo: see GET /v1/photos")
        self._uploads.remove(photo_id)
