"""What the function works with. It is opened at the first event, and kept."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from facesearch.faces import Recipe
from facesearch.photos.bucket import S3Photos, open_client
from facesearch.stores import FaceStore, open_fanned_rebuild, open_store
from facesearch.vision.pipeline import FacePipeline
from index_faces.settings import IndexSettings


@dataclass(frozen=True, slots=True)
class IndexService:
    """The bucket, the recipe and the store; `bucket` is the only one whose photos are indexed."""

    bucket: str
    photos: S3Photos
    pipeline: FacePipeline
    store: FaceStore
    clock: Callable[[], float] = time.time
    """Seconds since 1970."""
    reembedding: bool = False
    """Whether photos are embedded again, with the limits that were recorded for them."""

    @classmethod
    def from_settings(cls, settings: IndexSettings) -> "IndexService":
        """Make the service. It connects to nothing before the first event.

        Only where photos are embedded again, it asks the store for the new index, and raises a
        `StoreError` if there is none.
        """
        pipeline = FacePipeline.from_settings(settings.shared)
        return cls(
            bucket=settings.bucket,
            photos=S3Photos(open_client(), settings.collections),
            pipeline=pipeline,
            store=_open_store(settings, pipeline.recipe),
            reembedding=settings.reembedding,
        )


def _open_store(settings: IndexSettings, recipe: Recipe) -> FaceStore:
    url = settings.shared.store_url
    if not settings.reembedding:
        return open_store(url, recipe)
    with open_fanned_rebuild(url, recipe) as rebuild:
        return rebuild.target_store()
