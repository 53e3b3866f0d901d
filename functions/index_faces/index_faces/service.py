"""What the function works with. It is opened at the first event, and kept."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from facesearch.photos.bucket import S3Photos, open_client
from facesearch.stores import FaceStore, open_store
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

    @classmethod
    def from_settings(cls, settings: IndexSettings) -> "IndexService":
        """Make the service. It connects to nothing before the first event."""
        pipeline = FacePipeline.from_settings(settings.shared)
        return cls(
            bucket=settings.bucket,
            photos=S3Photos(open_client(), settings.collections),
            pipeline=pipeline,
            store=open_store(settings.shared.store_url, pipeline.recipe),
        )
