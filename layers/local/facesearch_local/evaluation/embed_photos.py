"""Embed labelled photos in worker processes, and keep the vectors."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import FacesearchError, ReadError
from facesearch.photos.folder import read_file
from facesearch.settings import Settings
from facesearch_local.evaluation.cache import CachedVector, EmbeddingCache
from facesearch_local.evaluation.labelled import LabelledPhoto
from facesearch_local.evaluation.system import Embedded, System, SystemEntry
from facesearch_local.library.chunks import in_chunks
from facesearch_local.library.walk import PhotoFile, Problem
from facesearch_local.pool import Pipe, WorkerPool, answer_chunks


@dataclass(frozen=True, slots=True, eq=False)
class PhotoResult:
    """What a worker gives back: a vector, None for no face, or an error; and ms of one core."""

    file: PhotoFile
    embedded: Embedded
    ms: float


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedPhotos:
    """A system's vectors of all photos that it could embed.

    `detected` (n,): which photos those are; `embeddings` (detected.sum(), d) are in their order.
    `ms` is what a photo costs of one core, on average, reading the file aside.
    """

    system: str
    recipe: str
    detected: NDArray[np.bool_]
    embeddings: NDArray[np.float32]
    ms: float
    problems: list[Problem]


Watch = Callable[
    [WorkerPool[PhotoFile, PhotoResult], int], AbstractContextManager[Callable[[int], None]]
]
"""Shows the progress of a pool with so many photos to do, and may stop it."""


def embed_photos(
    entry: SystemEntry,
    photos: Sequence[LabelledPhoto],
    settings: Settings,
    *,
    cache_folder: Path,
    workers: int,
    watch: Watch,
) -> EmbeddedPhotos:
    """Embed each photo by the system of `entry`, unless the cache has it.

    A photo that cannot be read, or crashes the system, is a problem and not cached: the next run
    tries again. Raises `FacesearchError` when the system itself cannot run.
    """
    system = entry.open(settings)
    files = [photo.file for photo in photos]
    problems: list[Problem] = []
    with EmbeddingCache(cache_folder, system.recipe) as cache:
        known = cache.read(files)
        missing = [file for file in files if file not in known]
        pool = WorkerPool(workers, partial(_work, entry, settings), _crashed)
        with pool, watch(pool, len(missing)) as advance:
            for results in pool.results(in_chunks(missing, workers)):
                done: list[tuple[PhotoFile, CachedVector]] = []
                for result in results:
                    if isinstance(result.embedded, FacesearchError):
                        problems.append(Problem(result.file.path, result.embedded))
                    else:
                        done.append((result.file, CachedVector(result.embedded, result.ms)))
                cache.write(done)
                known.update(done)
                advance(len(results))
    return _gather(system, files, known, problems)


def _gather(
    system: System,
    files: Sequence[PhotoFile],
    known: dict[PhotoFile, CachedVector],
    problems: list[Problem],
) -> EmbeddedPhotos:
    vectors = [known[file].vector if file in known else None for file in files]
    embeddings = [vector for vector in vectors if vector is not None]
    return EmbeddedPhotos(
        system=system.name,
        recipe=system.recipe,
        detected=np.array([vector is not None for vector in vectors]),
        embeddings=np.stack(embeddings) if embeddings else np.empty((0, 1), np.float32),
        ms=float(np.mean([each.ms for each in known.values()])) if known else 0.0,
        problems=sorted(problems, key=lambda problem: problem.name),
    )


def _work(entry: SystemEntry, settings: Settings, connection: Pipe) -> None:
    """A worker process; one thread each, as every core has a worker of its own."""
    try:
        system = entry.open(replace(settings, threads=1))
    except FacesearchError as error:
        connection.send(error)
        return
    answer_chunks(connection, _Answer(system))


class _Answer:
    """Embeds chunks, and takes the time from when the system is warm."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._warm = False

    def __call__(self, files: Sequence[PhotoFile]) -> list[PhotoResult] | FacesearchError:
        read = [_read(file) for file in files]
        photos = [data for data in read if isinstance(data, bytes)]
        try:
            if photos and not self._warm:
                self._system.embed(photos[:1])
                self._warm = True
            start = self._spent()
            embedded = iter(self._system.embed(photos) if photos else [])
        except FacesearchError as error:
            return error
        ms = (self._spent() - start) * 1000 / max(1, len(photos))
        return [
            PhotoResult(file, next(embedded), ms)
            if isinstance(data, bytes)
            else PhotoResult(file, data, 0.0)
            for file, data in zip(files, read, strict=True)
        ]

    def _spent(self) -> float:
        """Seconds of CPU."""
        return time.process_time() + self._system.other_processes_s


def _read(file: PhotoFile) -> bytes | FacesearchError:
    try:
        return read_file(file.path).data
    except FacesearchError as error:
        return error


def _crashed(file: PhotoFile, error: ReadError) -> PhotoResult:
    return PhotoResult(file, error, 0.0)
