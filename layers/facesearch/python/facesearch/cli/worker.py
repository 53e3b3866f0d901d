"""The child's side of `facesearch index`: a process that indexes the chunks it is handed."""

from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import Connection

from facesearch.errors import FacesearchError
from facesearch.faces import Removal
from facesearch.folders import read_photo
from facesearch.indexing import Outcome, PhotoToIndex, index_photos
from facesearch.pipeline import FacePipeline
from facesearch.settings import Settings
from facesearch.stores import FaceStore, open_store

Chunk = Sequence[PhotoToIndex | Removal]
Reply = list[Outcome] | FacesearchError | None
"""None once, when ready; an error when nothing more can be done."""


def work(settings: Settings, connection: "Connection[Reply, Chunk]") -> None:
    """Index chunks until the parent closes its end, or is gone."""
    # Every core has a worker of its own: more threads would only get in each other's way.
    pipeline = FacePipeline.from_settings(replace(settings, threads=1))
    try:
        pipeline.warm()
        with open_store(settings.store_url, pipeline.recipe) as store:
            connection.send(None)
            while True:
                connection.send(_index(connection.recv(), pipeline, store))
    except FacesearchError as error:
        connection.send(error)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _index(chunk: Chunk, pipeline: FacePipeline, store: FaceStore) -> Reply:
    try:
        return index_photos(chunk, read_photo, pipeline, store)
    except FacesearchError as error:
        return error
