"""What the API works with, opened at the first request and kept for those to come."""

import os
from functools import cache, cached_property
from typing import TYPE_CHECKING

from facesearch.errors import InvalidRequest, StoreNotFound
from facesearch.pipeline import FacePipeline
from facesearch.searching import PhotoSearch, Scope, analyse_photo, search_photo
from facesearch.settings import Settings
from facesearch.stores import Counts, FaceStore, open_store

if TYPE_CHECKING:
    from facesearch.s3 import S3Photos


class Service:
    """The recipe, the store, and the bucket whose photos a search may name ("": none)."""

    def __init__(self, pipeline: FacePipeline, store: FaceStore, bucket: str) -> None:
        self.pipeline = pipeline
        self.store = store
        self._bucket = bucket

    def search(self, photo: bytes, scope: Scope) -> PhotoSearch:
        """As `search_photo`, but where nothing was ever indexed nothing is found."""
        try:
            return search_photo(photo, self.pipeline, self.store, scope)
        except StoreNotFound:
            analysed = analyse_photo(photo, self.pipeline)
            faces = tuple(face.detected for face in analysed.faces)
            return PhotoSearch(analysed.width, analysed.height, faces, [])

    def check(self) -> Counts:
        """Make sure that searches can be answered; returns what the store holds.

        Raises `ModelError` or a `StoreError`, but not when nothing was ever indexed.
        """
        self.pipeline.warm()
        try:
            return self.store.counts()
        except StoreNotFound:
            return Counts(0, 0)

    def read_photo(self, key: str) -> bytes:
        """A photo of the bucket. Raises `InvalidRequest`, `NotFound` or `ReadError`."""
        if not self._bucket:
            raise InvalidRequest("this API has no bucket to take photos from: send the photo")
        from facesearch.s3 import photo_id

        return self._photos.read(photo_id(self._bucket, key)).data

    @cached_property
    def _photos(self) -> "S3Photos":
        # boto3 takes long to import, and few searches name a key.
        from facesearch.s3 import S3Photos, open_client

        return S3Photos(open_client())


@cache
def open_service() -> Service:
    """As the environment says. Raises `SettingsError`; what failed is tried again."""
    settings = Settings.from_env(os.environ)
    pipeline = FacePipeline.from_settings(settings)
    store = open_store(settings.store_url, pipeline.recipe)
    return Service(pipeline, store, os.environ.get("FACESEARCH_BUCKET", ""))
