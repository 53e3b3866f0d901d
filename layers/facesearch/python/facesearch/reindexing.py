"""The third use case: rebuild a store for another recipe or shape while it is in use."""

from collections.abc import Sequence
from dataclasses import replace

from facesearch.errors import NotFound
from facesearch.faces import IndexedPhoto, Photo, Removal
from facesearch.indexing import PhotoToIndex, Status, index_photos
from facesearch.photos.folder import SCHEME, FileRevision, with_root
from facesearch.photos.reading import PhotoContent, ReadPhoto
from facesearch.stores import FaceStore
from facesearch.stores.rebuilding import RebuildProgress, Rebuilt, StoreRebuild
from facesearch.vision.limits import IndexLimits
from facesearch.vision.pipeline import FacePipeline


def reindex_store(
    rebuild: StoreRebuild, read: ReadPhoto, pipeline: FacePipeline, progress: RebuildProgress
) -> Rebuilt | None:
    """Rebuild the store. Photos are read again only if the recipe changes.

    Limits on faces that were recorded for a photo hold for it again.
    A photo that is gone from its bucket is removed. A missing file may be on a disk that is not
    connected: its record stays, without faces. Raises `ReadError` or a `StoreError`; run it again
    to go on where it stopped.
    """

    def reembed(photos: Sequence[Photo], store: FaceStore) -> None:
        changes = [
            PhotoToIndex(
                photo.photo_id,
                photo.sequence,
                photo.collection,
                photo.metadata,
                IndexLimits.from_record(photo.limits) if photo.limits else None,
            )
            for photo in photos
        ]
        revisions = {photo.photo_id: FileRevision.parse(photo.revision) for photo in photos}

        def read_as_known(photo_id: str) -> PhotoContent:
            known = revisions[photo_id]
            return with_root(read(photo_id), known.root if known else "")

        outcomes = index_photos(changes, read_as_known, pipeline, store)
        gone: list[IndexedPhoto | Removal] = []
        for photo, outcome in zip(photos, outcomes, strict=True):
            if outcome.status is Status.UNDONE and outcome.error is not None:
                raise type(outcome.error)(f"{photo.photo_id}: {outcome.error}") from outcome.error
            if outcome.status is Status.SUPERSEDED:
                gone.append(_without_faces(photo))
        for written in store.write(gone):
            if not isinstance(written, bool):
                raise written

    return rebuild.run(reembed, progress)


def _without_faces(photo: Photo) -> IndexedPhoto | Removal:
    if photo.photo_id.startswith(SCHEME):
        return IndexedPhoto(replace(photo, problem=NotFound.code))
    return Removal(photo.photo_id, photo.sequence)
