"""`facesearch index`: update the store to match the folders."""

from collections.abc import Sequence
from pathlib import Path

import click

from facesearch.choosing import with_stored_recipe
from facesearch.planning.one_file import outgrown
from facesearch.store_urls import url_of
from facesearch.stores import open_store
from facesearch_local.cli import DONE, INTERRUPTED, NOTHING_DONE, PARTLY_DONE
from facesearch_local.cli.asking import ask_to_forget, can_ask
from facesearch_local.cli.command import Command
from facesearch_local.cli.limits import Limits, limit_options, with_limits
from facesearch_local.cli.options import (
    collection_option,
    exclude_option,
    json_option,
    read_settings,
    recipe_option,
    store_option,
    workers_option,
)
from facesearch_local.cli.output import print_error
from facesearch_local.cli.stopping import INTERRUPTED_MESSAGE
from facesearch_local.cli.summary import Note
from facesearch_local.cli.updating import Update, Updated, open_workers, update_store
from facesearch_local.library.compare import Difference
from facesearch_local.library.excludes import Excludes
from facesearch_local.pool import worker_count


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch index ~/Pictures
  facesearch index --store sqlite:///products.db --recipe whole-image ~/Products
  facesearch index --collection wedding --workers 4 day1 day2 guest.jpg
  facesearch index --exclude 'scans' --exclude '*/exports/*' ~/Pictures
  facesearch index --min-face-size 40 --min-detection-score 0.95 ~/Pictures
  facesearch index --store /var/lib/faces.db --json /srv/photos""",
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH…", type=click.Path(path_type=Path))
@store_option
@recipe_option
@collection_option
@exclude_option
@click.option("--force", is_flag=True, help="Look at all photos again, unchanged ones too.")
@click.option(
    "--remove-missing",
    is_flag=True,
    help="Forget the photos that are gone, however many, without a question.",
)
@workers_option
@limit_options
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
def command(
    *,
    paths: Sequence[Path],
    store_url: str | None,
    recipe: str | None,
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
    settings = with_limits(with_stored_recipe(read_settings(store_url, recipe)), limits)
    update = Update(
        paths,
        lambda difference: remove_missing or _may_forget(difference, as_json),
        collection,
        Excludes(patterns),
        force,
    )
    workers = workers or worker_count(settings.threads)
    with open_workers(workers, settings) as pool:
        updated = update_store(update, settings, pool, workers, quiet=quiet or as_json)
    updated.summary.notes += _outgrown(settings.store_url, updated)
    updated.summary.show(as_json=as_json)
    if updated.error is not None:
        print_error(str(updated.error))
    if updated.interrupted:
        print_error(INTERRUPTED_MESSAGE)
        return INTERRUPTED
    return _exit_code(updated)


def _outgrown(store_url: str, updated: Updated) -> list[Note]:
    """A note if the faces are in a file, and more than that is good for."""
    url = url_of(store_url)
    if not url.startswith("sqlite:") or not updated.summary.photos or updated.error:
        return []
    with open_store(url, recipe=None) as store:
        return [Note(url, text) for text in outgrown(store.counts().faces)]


def _may_forget(difference: Difference, as_json: bool) -> bool:
    """Ask whether to remove the photos; False if nobody is at a terminal."""
    return can_ask(as_json=as_json) and ask_to_forget(len(difference.gone), difference.stored)


def _exit_code(updated: Updated) -> int:
    summary = updated.summary
    kept = summary.refused or summary.kept
    if updated.error is None and not summary.problems and not kept:
        return DONE
    return PARTLY_DONE if summary.something_done or kept else NOTHING_DONE
