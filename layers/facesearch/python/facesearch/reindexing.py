"""The third use case: an OpenSearch store moved to another recipe or shape while it is in use."""

from collections.abc import Sequence

from facesearch.faces import Photo, Removal
from facesearch.indexing import PhotoToIndex, Status, index_photos
from facesearch.photos.reading import ReadPhoto
from facesearch.stores import FaceStore
from facesearch.stores.opensearch.copying import Progress
from facesearch.stores.opensearch.rebuild import OpenSearchRebuild, Rebuilt
from facesearch.vision.pipeline import FacePipeline


def reindex_store(
    rebuild: OpenSearchRebuild, read: ReadPhoto, pipeline: FacePipeline, progress: Progress
) -> Rebuilt | None:
    """Rebuild the store; photos are read again only if the recipe is another.

    A photo that is gone from its place is forgotten. Raises `ReadError` or a `StoreError`, after
    which running it again goes on where it was.
    """

    def reembed(photos: Sequence[Photo], store: FaceStore) -> None:
        changes = [
            PhotoToIndex(photo.photo_id, photo.sequence, photo.collection) for photo in photos
        ]
        outcomes = index_photos(changes, read, pipeline, store)
        gone = []
        for photo, outcome in zip(photos, outcomes, strict=True):
            if outcome.status is Status.UNDONE and outcome.error is not None:
                raise outcome.error
            if outcome.status is Status.SUPERSEDED:
                gone.append(Removal(photo.photo_id, photo.sequence))
        for written in store.write(gone):
            if not isinstance(written, bool):
                raise written

    return rebuild.run(reembed, progress)
