"""What the API works with, opened at the first request and kept for those to come."""

import os
from collections.abc import Mapping
from functools import cache

from facesearch.collections import CollectionRule
from facesearch.errors import InvalidRequest, StoreNotFound
from facesearch.photos.places import Photos
from facesearch.settings import Settings
from facesearch.stores import Counts, FaceStore, open_store
from facesearch.vision.pipeline import FacePipeline
from search_faces.requests.queries import BucketQuery, PhotoQuery
from search_faces.uploads import Uploads
from search_faces.uploads.bucket import BucketUploads

UPLOADS_OFF = "off"


class Service:
    """The recipe, the store, and the bucket whose photos a search may name ("": none).

    `uploads` takes new photos, if anything does.
    """

    def __init__(
        self, pipeline: FacePipeline, store: FaceStore, bucket: str, uploads: Uploads | None
    ) -> None:
        self.pipeline = pipeline
        self.store = store
        self.photos = Photos()
        self.uploads = uploads
        self._bucket = bucket

    def check(self) -> Counts:
        """Make sure that searches can be answered; returns what the store holds.

        Raises `ModelError` or a `StoreError`, but not when nothing was ever indexed.
        """
        self.pipeline.warm()
        try:
            return self.store.counts()
        except StoreNotFound:
            return Counts(0, 0)

    def photo_of(self, query: PhotoQuery | BucketQuery) -> bytes:
        """Raises `InvalidRequest`, `NotFound` or `ReadError` for a photo in the bucket."""
        if isinstance(query, PhotoQuery):
            return query.photo
        if not self._bucket:
            raise InvalidRequest("this API has no bucket to take photos from: send the photo")
        from facesearch.photos.bucket import photo_id

        return self.photos.read(photo_id(self._bucket, query.key)).data


@cache
def open_service() -> Service:
    """As the environment says. Raises `SettingsError`; what failed is tried again."""
    settings = Settings.from_env(os.environ)
    pipeline = FacePipeline.from_settings(settings)
    store = open_store(settings.store_url, pipeline.recipe)
    bucket = os.environ.get("FACESEARCH_BUCKET", "")
    return Service(pipeline, store, bucket, _uploads(os.environ, bucket))


def _uploads(environ: Mapping[str, str], bucket: str) -> Uploads | None:
    """FACESEARCH_UPLOADS is "off", or nothing for the bucket if any."""
    if not bucket or environ.get("FACESEARCH_UPLOADS") == UPLOADS_OFF:
        return None
    suffixes = [each for each in environ.get("FACESEARCH_SUFFIXES", "").split(",") if each]
    return BucketUploads(bucket, CollectionRule.from_env(environ), suffixes)
