"""The fourth use case: hide a face, which is a person's decision, and undo it."""

from dataclasses import replace

from facesearch.faces import StoredFace
from facesearch.hidden import Region
from facesearch.searching import stored_face
from facesearch.stores import FaceStore


def hide_face(face_id: str, store: FaceStore, *, hidden: bool = True) -> StoredFace:
    """Hide a stored face, or show it again, and return it.

    No search finds a hidden face, whatever indexes its photo again. Repeating it changes nothing.
    Raises `NotFound` or a `StoreError`.
    """
    stored = stored_face(face_id, store)
    store.hide(
        stored.photo.photo_id,
        Region.of(stored.face.detected.box, stored.photo),
        hidden=hidden,
    )
    return replace(stored, hidden=hidden)
