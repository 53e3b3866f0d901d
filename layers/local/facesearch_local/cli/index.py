"""`facesearch index`: update the store to match the folders."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from facesearch.errors import FacesearchError, ModelError, StoreError
from facesearch.indexing import index_photos
from facesearch.photos.folder import read_photo
from facesearch.stores import FaceStore, open_store
from facesearch.vision.pipeline import FacePipeline
from facesearch_local.cli import DONE, INTERRUPTED, NOTHING_DONE, PARTLY_DONE
from facesearch_local.cli.command import CollectionName, Command
from facesearch_local.cli.limits import Limits, limit_options, with_limits
from facesearch_local.cli.options import json_option, read_settings, store_option
from facesearch_local.cli.output import print_error
from facesearch_local.cli.progress import show_progress
from facesearch_local.cli.stopping import INTERRUPTED_MESSAGE, stopped_by_ctrl_c
from facesearch_local.cli.summary import Summary
from facesearch_local.cli.worker import crashed, work
from facesearch_local.library.chunks import in_chunks
from facesearch_local.library.compare import Difference, compare_with_store
from facesearch_local.library.excludes import Excludes
from facesearch_local.library.rewriting import apply_rewrites
from facesearch_local.library.walk import find_photos
from facesearch_local.pool import WorkerPool, worker_count

REMOVALS = 500
"""Photos removed in one transaction."""


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch index ~/Pictures
  facesearch index --collection wedding --workers 4 day1 day2 guest.jpg
  facesearch index --exclude 'scans' --exclude '*/exports/*' ~/Pictures
  facesearch index --min-face-size 40 --min-detection-score 0.95 ~/Pictures
  facesearch index --store sqlite:////var/lib/faces.db --json /srv/photos""",
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH…", type=click.Path(path_type=Path))
@store_option
@click.option(
    "--collection",
    type=CollectionName(),
    help="The collection that the photos are to be in. [default: the one they are in, or default]",
)
@click.option(
    "--exclude",
    "patterns",
    multiple=True,
    metavar="PATTERN",
    help="Leave out what has this name in a folder, or this path below it ('*/raw/*'). Several may "
    "be given. Names that start with a dot, bins, and thumbnails of NAS and photo programs always "
    "are.",
)
@click.option("--force", is_flag=True, help="Look at all photos again, unchanged ones too.")
@click.option(
    "--remove-missing",
    is_flag=True,
    help="Forget the photos that are gone, however many, without a question.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    help="Processes to share the work (default: one for each CPU that it may use, as far as memory "
    "allows).",
)
@limit_options
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
def command(
    *,
    paths: Sequence[Path],
    store_url: str | None,
    collection: str | None,
    limits: Limits,
    patterns: Sequence[str],
    force: bool,
    remove_missing: bool,
    workers: int | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Find the faces in photos and make them searchable.

    A PATH is a photo, or a folder that is searched for photos at any depth. Run it again at any
    time: photos that have not changed are skipped, those that were moved or renamed keep what is
    known of them, and those that are gone from a folder are forgotten. If that were more than a
    fifth of the folder's (and more than ten), it asks, or needs --remove-missing: a disk may not
    be mounted. Limits on faces hold for the photos that it reads: with --force, for all.
    """
    settings = with_limits(read_settings(store_url), limits)
    summary = Summary()
    scan = find_photos(paths, Excludes(patterns))
    summary.problems.extend(scan.problems)
    summary.unread = scan.unread
    error: FacesearchError | None = None
    interrupted = False
    try:
        pipeline = FacePipeline.from_settings(settings)
        with open_store(settings.store_url, pipeline.recipe) as store:
            difference = compare_with_store(scan, store, collection, force=force)
            summary.take(difference)
            summary.add_rewritten(apply_rewrites(difference.rewrites, store))
            if remove_missing or not difference.is_mass_removal or _may_forget(difference, as_json):
                _forget_gone(difference, pipeline, store, summary)
            else:
                summary.refused = len(difference.gone)
        total = len(difference.changed)
        workers = workers or worker_count(settings.threads)
        chunks = in_chunks(difference.changed, workers)
        with (
            WorkerPool(workers, partial(work, settings), crashed) as pool,
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


def _may_forget(difference: Difference, as_json: bool) -> bool:
    """Ask whether to remove the photos; False if nobody is at a terminal."""
    if as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    return click.confirm(
        f"{len(difference.gone):,} of {difference.stored:,} photos are gone. Forget them?", err=True
    )


def _forget_gone(
    difference: Difference, pipeline: FacePipeline, store: FaceStore, summary: Summary
) -> None:
    removals = difference.removals
    for start in range(0, len(removals), REMOVALS):
        gone = removals[start : start + REMOVALS]
        summary.add(index_photos(gone, read_photo, pipeline, store))


def _exit_code(summary: Summary, error: FacesearchError | None) -> int:
    kept = summary.refused or summary.kept
    if error is None and not summary.problems and not kept:
        return DONE
    return PARTLY_DONE if summary.something_done or kept else NOTHING_DONE
