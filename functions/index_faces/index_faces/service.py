"""What the function works with, opened at the first event and kept for those to come."""

import os
from dataclasses import dataclass
from functools import cache

from facesearch.collections import CollectionRule
from facesearch.photos.bucket import S3Photos, open_client
from facesearch.settings import Settings
from facesearch.stores import FaceStore, open_store
from facesearch.vision.pipeline import FacePipeline


@dataclass(frozen=True, slots=True)
class Service:
    """The bucket, the recipe and the store."""

    photos: S3Photos
    pipeline: FacePipeline
    store: FaceStore


@cache
def open_service() -> Service:
    """As the environment says. Raises `SettingsError`; what failed is tried again."""
    settings = Settings.from_env(os.environ)
    pipeline = FacePipeline.from_settings(settings)
    store = open_store(settings.store_url, pipeline.recipe)
    photos = S3Photos(open_client(), CollectionRule.from_env(os.environ))
    return Service(photos, pipeline, store)
