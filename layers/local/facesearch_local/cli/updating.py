"""Update a store to match folders: what `facesearch index` and `facesearch watch` share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from facesearch.errors import FacesearchError, ModelError, StoreError
from facesearch.indexing import Outcome, index_photos
from facesearch.photos.folder import read_photo
from facesearch.settings import Settings
from facesearch.stores import FaceStore, open_store
from facesearch.vision.pipeline import FacePipeline
from facesearch_local.cli.fetching import fetch_models
from facesearch_local.cli.progress import show_progress
from facesearch_local.cli.stopping import stopped_by_signal
from facesearch_local.cli.summary import Note, Summary
from facesearch_local.cli.worker import crashed, work
from facesearch_local.library.chunks import in_chunks
from facesearch_local.library.compare import Difference, FileToIndex, compare_with_store
from facesearch_local.library.excludes import Excludes
from facesearch_local.library.rewriting import apply_rewrites
from facesearch_local.library.walk import find_photos
from facesearch_local.pool import WorkerPool

REMOVALS = 500
"""Photos removed in one transaction."""

Workers = WorkerPool[FileToIndex, Outcome]


@dataclass(frozen=True, slots=True)
class Update:
    """What to update. `may_forget` is asked whether to forget many photos that are gone."""

    paths: Sequence[Path]
    may_forget: Callable[[Difference], bool]
    collection: str | None = None
    excludes: Excludes = field(default_factory=Excludes)
    force: bool = False


@dataclass(slots=True)
class Updated:
    """What became of an update; `error` ended it."""

    summary: Summary = field(default_factory=Summary)
    error: FacesearchError | None = None
    interrupted: bool = False


def open_workers(count: int, settings: Settings) -> Workers:
    """Processes that index photos. They start when there is work, and wait for more."""
    return WorkerPool(count, partial(work, settings), crashed)


def update_store(
    update: Update, settings: Settings, pool: Workers, workers: int, *, quiet: bool
) -> Updated:
    """Update the store. What stops it is in the result, beside what was done until then."""
    updated = Updated()
    summary = updated.summary
    scan = find_photos(update.paths, update.excludes)
    summary.problems.extend(scan.problems)
    summary.unread = scan.unread
    summary.notes += [Note(path, reason) for path, reason in scan.passed_over]
    summary.notes += [
        Note(f"--exclude {each}", "matched nothing in these folders")
        for each in update.excludes.unmatched
    ]
    fetch_models(settings)
    try:
        pipeline = FacePipeline.from_settings(settings)
        with open_store(settings.store_url, pipeline.recipe) as store:
            difference = compare_with_store(scan, store, update.collection, force=update.force)
            summary.take(difference)
            summary.add_rewritten(apply_rewrites(difference.rewrites, store))
            if not difference.is_mass_removal or update.may_forget(difference):
                _forget_gone(difference, pipeline, store, summary)
            else:
                summary.refused = len(difference.gone)
        total = len(difference.changed)
        with (
            show_progress("Indexing", "photos", total, quiet=quiet) as advance,
            stopped_by_signal(pool) as stopped,
        ):
            for outcomes in pool.results(in_chunks(difference.changed, workers)):
                summary.add(outcomes)
                advance(len(outcomes))
            updated.interrupted = bool(stopped)
    except (ModelError, StoreError) as error:
        updated.error = error
    return updated


def _forget_gone(
    difference: Difference, pipeline: FacePipeline, store: FaceStore, summary: Summary
) -> None:
    removals = difference.removals
    for start in range(0, len(removals), REMOVALS):
        gone = removals[start : start + REMOVALS]
        summary.add(index_photos(gone, read_photo, pipeline, store))
