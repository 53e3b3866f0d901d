"""A worker process of `facesearch index`: it indexes the chunks of photos that it receives."""

from collections.abc import Sequence
from dataclasses import replace

from facesearch.errors import FacesearchError, ReadError
from facesearch.indexing import Outcome, PhotoToIndex, Status, index_photos
from facesearch.photos.folder import read_photo, with_root
from facesearch.photos.reading import PhotoContent
from facesearch.settings import Settings
from facesearch.stores import open_store
from facesearch.vision.pipeline import FacePipeline
from facesearch_local.library.compare import FileToIndex
from facesearch_local.pool import Pipe, answer_chunks


def work(settings: Settings, connection: Pipe) -> None:
    """Index chunks until the parent closes the pipe or ends."""
    # Every core has a worker of its own: more threads would only get in each other's way.
    pipeline = FacePipeline.from_settings(replace(settings, threads=1))

    def index(files: Sequence[FileToIndex]) -> list[Outcome] | FacesearchError:
        roots = {file.photo_id: file.root for file in files}

        def read(photo_id: str) -> PhotoContent:
            return with_root(read_photo(photo_id), roots[photo_id])

        try:
            return index_photos(files, read, pipeline, store)
        except FacesearchError as error:
            return error

    try:
        pipeline.warm()
        with open_store(settings.store_url, pipeline.recipe) as store:
            answer_chunks(connection, index)
    except FacesearchError as error:
        connection.send(error)


def crashed(change: PhotoToIndex, error: ReadError) -> Outcome:
    """The outcome of a photo that crashed a worker process."""
    return Outcome(change.photo_id, Status.UNDONE, error=error)
