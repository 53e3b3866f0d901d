"""`facesearch index`: make the store hold what the folders hold."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from facesearch.errors import FacesearchError, ModelError, StoreError, StoreNotFound
from facesearch.faces import DEFAULT_COLLECTION, Removal
from facesearch.indexing import PhotoToIndex, index_photos
from facesearch.photos.folder import read_photo
from facesearch.settings import Settings
from facesearch.stores import FaceStore, open_store
from facesearch.vision.pipeline import FacePipeline
from facesearch_local.cli import DONE, INTERRUPTED, NOTHING_DONE, PARTLY_DONE
from facesearch_local.cli.options import json_option, read_settings, store_option
from facesearch_local.cli.output import print_error
from facesearch_local.cli.progress import show_progress
from facesearch_local.cli.stopping import INTERRUPTED_MESSAGE, stopped_by_ctrl_c
from facesearch_local.cli.summary import Summary
from facesearch_local.cli.worker import Change, crashed, work
from facesearch_local.library.chunks import in_chunks
from facesearch_local.library.compare import Difference, compare_with_store, sequence_now
from facesearch_local.library.walk import Found, find_photos
from facesearch_local.pool import WorkerPool

REMOVALS = 500
"""Photos forgotten in one transaction."""


@click.command(
    epilog="""\b
Examples:
  facesearch index ~/Pictures
  facesearch index --collection wedding --workers 4 day1 day2 guest.jpg
  facesearch index --store sqlite:////var/lib/faces.db --json /srv/photos"""
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH…", type=click.Path(path_type=Path))
@store_option
@click.option(
    "--collection",
    default=DEFAULT_COLLECTION,
    show_default=True,
    help="The collection that the photos are to be in.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    help="Processes to share the work (default: one for each core).",
)
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
def command(
    *,
    paths: Sequence[Path],
    store_url: str | None,
    collection: str,
    workers: int | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Find the faces in photos and make them searchable.

    A PATH is a photo, or a folder that is searched for photos at any depth. Run it again at any
    time: photos that have not changed are skipped, and those that are gone from a folder are
    forgotten.
    """
    settings = read_settings(store_url)
    sequence = sequence_now()
    summary = Summary()
    found = find_photos(paths)
    summary.problems.extend(found.problems)
    error: FacesearchError | None = None
    interrupted = False
    try:
        difference = _forget_gone(found, settings, collection, sequence, summary)
        chunks: list[list[Change]] = [
            [PhotoToIndex(file.photo_id, sequence, collection) for file in files]
            for files in in_chunks(difference.changed, workers or settings.threads)
        ]
        total = len(difference.changed)
        with (
            WorkerPool(workers or settings.threads, partial(work, settings), crashed) as pool,
            show_progress("Indexing", "photos", total, quiet=quiet or as_json) as advance,
            stopped_by_ctrl_c(pool) as stopped,
        ):
            for outcomes in pool.results(chunks):
                summary.add(outcomes)
                advance(len(outcomes))
            interrupted = bool(stopped)
    except (ModelError, StoreError) as stopped_by:
        error = stopped_by
    summary.show(as_json=as_json)
    if error is not None:
        print_error(str(error))
    if interrupted:
        print_error(INTERRUPTED_MESSAGE)
        return INTERRUPTED
    return _exit_code(summary, error)


def _forget_gone(
    found: Found, settings: Settings, collection: str, sequence: int, summary: Summary
) -> Difference:
    """Forget the photos that are gone; returns what else there is to do."""
    pipeline = FacePipeline.from_settings(settings)
    with open_store(settings.store_url, pipeline.recipe) as store:
        difference = _compare(found, store, collection)
        summary.unchanged = difference.unchanged
        for start in range(0, len(difference.gone), REMOVALS):
            gone = difference.gone[start : start + REMOVALS]
            removals = [Removal(photo_id, sequence) for photo_id in gone]
            summary.add(index_photos(removals, read_photo, pipeline, store))
    return difference


def _compare(found: Found, store: FaceStore, collection: str) -> Difference:
    try:
        return compare_with_store(found, store, collection)
    except StoreNotFound:
        return Difference(sorted(found.photos.values(), key=lambda file: file.path), 0, [])


def _exit_code(summary: Summary, error: FacesearchError | None) -> int:
    if error is None and not summary.problems:
        return DONE
    return PARTLY_DONE if summary.something_done else NOTHING_DONE
