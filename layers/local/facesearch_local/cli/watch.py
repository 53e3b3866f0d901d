"""`facesearch watch`: keep the store up to date with folders, as they change."""

import os
import signal
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from watchfiles import Change, watch

from facesearch.choosing import with_stored_recipe
from facesearch.errors import StoreUnavailable
from facesearch.vision.formats import EXTENSIONS
from facesearch_local.cli import DONE, INTERRUPTED, NOTHING_DONE
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
from facesearch_local.cli.updating import Update, Updated, open_workers, update_store
from facesearch_local.library.excludes import Excludes
from facesearch_local.pool import worker_count

QUIET_MS = 1_000
"""A change is looked at when nothing has changed for so long: files take time to be written."""
LONGEST_MS = 10_000
"""A change waits no longer than this while others go on."""
LONGEST_WRITE_S = 300
"""A file that is still growing after so long is looked at as it is."""
LOOK_MS = 5_000
"""How often folders are looked at that were not there, and a store that did not answer."""

_BESIDE_STORE = "-wal", "-shm", "-journal"


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch watch ~/Pictures
  facesearch watch --collection family --exclude scans /srv/photos
  facesearch watch --json /srv/photos >> watch.log""",
)
@click.argument(
    "paths", nargs=-1, required=True, metavar="FOLDER…", type=click.Path(path_type=Path)
)
@store_option
@recipe_option
@collection_option
@exclude_option
@workers_option
@limit_options
@json_option
def command(
    *,
    paths: Sequence[Path],
    store_url: str | None,
    recipe: str | None,
    collection: str | None,
    limits: Limits,
    patterns: Sequence[str],
    workers: int | None,
    as_json: bool,
) -> int:
    """Index folders, and again whenever something in them changes.

    What changed while it did not run is found when it starts. It never forgets photos in mass: if
    more than a fifth (and more than ten) are gone, or a folder is missing or empty, they stay, and
    it says so; facesearch index and facesearch forget let them go. A disk that comes back is
    watched again. What other machines change on network drives may not be seen: run facesearch
    index for that. It ends with Ctrl-C or SIGTERM: with exit code 130 if photos were left to do.
    """
    settings = with_limits(read_settings(store_url, recipe), limits)
    update = Update(paths, lambda _: False, collection, Excludes(patterns))
    count = workers or worker_count(settings.threads)
    news = _News(as_json=as_json)
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    def update_now() -> Updated:
        chosen = with_stored_recipe(settings)
        with open_workers(count, chosen) as pool:
            updated = update_store(update, chosen, pool, count, quiet=True)
        news.tell(updated)
        return updated

    try:
        for _ in updates_due(paths):
            updated = update_now()
            while isinstance(updated.error, StoreUnavailable):
                time.sleep(LOOK_MS / 1000)
                updated = update_now()
            if updated.error is not None:
                return NOTHING_DONE
            if updated.interrupted:
                print_error(INTERRUPTED_MESSAGE)
                return INTERRUPTED
    except KeyboardInterrupt:
        if not news.any:
            print_error(INTERRUPTED_MESSAGE)
            return INTERRUPTED
    return DONE


class _News:
    """Tells of updates. One that did nothing goes untold, and so does what was told before."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self.any = False
        self._told: set[str] = set()
        self._noted: set[str] = set()
        self._refused = 0

    def tell(self, updated: Updated) -> None:
        is_first, self.any = not self.any, True
        summary = updated.summary
        problems = {f"{each.name}: {each.error}" for each in summary.problems}
        new = problems - self._told
        notes = {f"{each.name}: {each.text}" for each in summary.notes}
        summary.notes = [
            each for each in summary.notes if f"{each.name}: {each.text}" not in self._noted
        ]
        self._noted = notes
        summary.problems = [
            each for each in summary.problems if f"{each.name}: {each.error}" in new
        ]
        done = summary.photos, summary.moved, summary.removed, *new, *summary.notes
        refused = summary.refused != self._refused
        if any(done) or refused or is_first:
            summary.show(as_json=self._as_json)
        if updated.error is not None and str(updated.error) not in self._told:
            print_error(str(updated.error))
        self._told = problems | ({str(updated.error)} if updated.error is not None else set())
        self._refused = summary.refused


def updates_due(paths: Sequence[Path]) -> Iterator[None]:
    """Yields at once, and after each change, until it is interrupted."""
    while True:
        # Before the update, so that a folder that goes or comes meanwhile is a change.
        before = _identities(paths)
        yield
        there = [path for path in paths if before[path] is not None]
        if not there:
            while _identities(paths) == before:
                time.sleep(LOOK_MS / 1000)
            continue
        is_settled = False
        for changes in watch(
            *there,
            watch_filter=_may_matter,
            debounce=LONGEST_MS,
            step=QUIET_MS,
            rust_timeout=LOOK_MS,
            yield_on_timeout=True,
            raise_interrupt=True,
            ignore_permission_denied=True,
        ):
            if _identities(paths) != before:
                break
            _wait_until_written([path for _, path in changes])
            if any(_leads_elsewhere(path) for _, path in changes):
                # Only a new watch follows new links.
                break
            if changes or not is_settled:
                # The first time, for what changed just before the watch began.
                yield
                is_settled = is_settled or not changes


def _wait_until_written(paths: Sequence[str]) -> None:
    """Wait until the files stay as they are: one that is half written would be told as damaged."""
    deadline = time.monotonic() + LONGEST_WRITE_S
    before = None
    while (now := [_state(path) for path in paths]) != before and time.monotonic() < deadline:
        before = now
        if any(now):
            time.sleep(QUIET_MS / 1000)


def _state(path: str) -> tuple[int, int] | None:
    """A regular file's size and time of change."""
    try:
        info = Path(path).stat()
    except OSError:
        return None
    return (info.st_size, info.st_mtime_ns) if stat.S_ISREG(info.st_mode) else None


def _leads_elsewhere(path: str) -> bool:
    """Whether it is a link to a folder, or holds one."""
    if Path(path).is_symlink():
        return Path(path).is_dir()
    return any(
        Path(folder, name).is_symlink() for folder, names, _ in os.walk(path) for name in names
    )


def _may_matter(_: Change, path: str) -> bool:
    """Whether a change may be one of photos. The store's own file may be in the folder, too."""
    if path.lower().endswith(EXTENSIONS):
        return True
    # What is gone may have been a folder.
    return Path(path).is_dir() or not (os.path.lexists(path) or path.endswith(_BESIDE_STORE))


def _identities(paths: Sequence[Path]) -> dict[Path, tuple[int, int] | None]:
    """Which folder each path is now: after a disk was mounted, it is another one."""
    identities: dict[Path, tuple[int, int] | None] = {}
    for path in paths:
        try:
            info = path.stat()
            identities[path] = info.st_dev, info.st_ino
        except OSError:
            identities[path] = None
    return identities
