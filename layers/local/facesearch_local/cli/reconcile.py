"""`facesearch reconcile`: where a bucket or a folder and the store differ, and its repair."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import click

from facesearch.errors import StoreNotFound
from facesearch.faces import Photo
from facesearch.photos.folder import SCHEME as FILES
from facesearch.photos.folder import FileRevision, photo_name
from facesearch.photos.ids import bucket_and_key, photo_id
from facesearch.stores import FaceStore, open_store
from facesearch_local.cli import DONE, PARTLY_DONE
from facesearch_local.cli import index as index_command
from facesearch_local.cli.asking import ask_to_forget, can_ask
from facesearch_local.cli.aws import notified_queue, open_s3, open_sqs
from facesearch_local.cli.bucket import (
    SCHEME,
    ListedObject,
    bucket_and_prefix,
    check_message,
    in_batches,
    list_objects,
    send_messages,
)
from facesearch_local.cli.command import Command
from facesearch_local.cli.options import json_option, read_settings, store_option
from facesearch_local.cli.output import print_error, print_json, printable
from facesearch_local.cli.progress import show_progress
from facesearch_local.counting import counted, counted_are
from facesearch_local.library.compare import compare_with_store, is_mass
from facesearch_local.library.excludes import Excludes
from facesearch_local.library.walk import PhotoFile, Problem, find_photos

SHOWN = 5
"""Photos of each kind that are named to people; --json names all."""


@dataclass(slots=True)
class _Differences:
    """Where a place and the store differ, by photo id; `alike` and `failed` count photos.

    `failed` could not be used when they were read; nothing says that they have changed since.
    """

    missing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    alike: int = 0
    failed: int = 0
    kept: int = 0
    """Stored photos of a place that is empty now: they are never removed from here."""

    @property
    def stored(self) -> int:
        return self.alike + self.failed + len(self.changed) + len(self.gone) + self.kept

    @property
    def is_mass_removal(self) -> bool:
        return is_mass(len(self.gone), self.stored)

    def __bool__(self) -> bool:
        return bool(self.missing or self.changed or self.gone or self.kept)


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch reconcile s3://my-photos
  facesearch reconcile s3://my-photos/2019/ --repair
  facesearch reconcile ~/Pictures --json
\b
Exit codes: 0 they agree, or all is repaired; 3 they differ.""",
)
@click.argument("place", metavar="s3://BUCKET/PREFIX|FOLDER")
@store_option
@click.option("--repair", is_flag=True, help="Have the store follow.")
@click.option(
    "--remove-missing",
    is_flag=True,
    help="With --repair: forget the photos that are gone, however many, without a question.",
)
@click.option(
    "--queue",
    "queue_url",
    metavar="URL",
    help="Where a bucket's repairs go (default: the queue that it tells of new objects).",
)
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
def command(
    *,
    place: str,
    store_url: str | None,
    repair: bool,
    remove_missing: bool,
    queue_url: str | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Tell which photos the store lacks, which have changed, and which are gone.

    Events can be lost, and queues can be emptied by hand: this compares what there is. With
    --repair, a bucket's queue gets a message for each difference, and the index function looks at
    the bucket again; a folder is indexed. Photos are not removed in mass without a question, as in
    facesearch index, and never because a bucket or folder is empty: facesearch forget does that.
    """
    if remove_missing and not repair:
        raise click.UsageError("--remove-missing is for --repair: add that.")
    if not place:
        raise click.UsageError("the path is empty: name a folder or a bucket.")
    if not place.startswith(SCHEME):
        if queue_url is not None:
            raise click.UsageError("--queue is for a bucket: a folder has none.")
        folder = Path(place)
        if repair:
            return _index(folder, store_url, remove_missing=remove_missing, as_json=as_json)
        with open_store(read_settings(store_url).store_url, None) as store:
            differences, problems = _folder_differences(folder, store)
        for problem in problems:
            print_error(f"{printable(problem.name)}: {problem.error}")
        code = _report(place, differences, 0, as_json=as_json)
        return PARTLY_DONE if problems else code
    bucket, prefix = bucket_and_prefix(place)
    s3 = open_s3()
    with open_store(read_settings(store_url).store_url, None) as store:
        listed = list_objects(s3, bucket, prefix)
        differences, messages, now = _bucket_differences(listed, store, photo_id(bucket, prefix))
    sent = 0
    if repair and differences:
        if now is not None and (
            remove_missing or not differences.is_mass_removal or _may_remove(differences, as_json)
        ):
            gone = [bucket_and_key(photo) for photo in differences.gone]
            messages += [check_message(*each, now) for each in gone]
        if not messages:
            return _report(place, differences, 0, as_json=as_json)
        sqs = open_sqs()
        queue = queue_url or notified_queue(s3, sqs, bucket)
        with show_progress("Sending", "photos", len(messages), quiet=quiet or as_json) as advance:
            for batch in in_batches(messages):
                send_messages(sqs, queue, batch)
                sent += len(batch)
                advance(len(batch))
    return _report(place, differences, sent, as_json=as_json)


def _index(folder: Path, store_url: str | None, *, remove_missing: bool, as_json: bool) -> int:
    code: int = click.get_current_context().invoke(
        index_command.command,
        paths=(folder,),
        store_url=store_url,
        remove_missing=remove_missing,
        as_json=as_json,
    )
    return code


def _folder_differences(folder: Path, store: FaceStore) -> tuple[_Differences, Sequence[Problem]]:
    """The differences, and the paths that could not be read."""
    scan = find_photos([folder], Excludes(()))
    difference = compare_with_store(scan, store)
    # Photos that could not be used are always tried again, so they are among the changed.
    ids = [change.photo_id for change in difference.changed]
    stored = {photo.photo_id: photo for photo in _stored(store, FILES)} if ids else {}
    failed = {each for each in ids if each in stored and _failed(stored[each], scan.photos[each])}
    kept = {problem.name for problem in difference.kept}
    return _Differences(
        missing=[each for each in ids if each not in stored],
        changed=[each for each in ids if each in stored and each not in failed]
        + [rewrite.changed.photo_id for rewrite in difference.rewrites],
        gone=[photo.photo_id for photo in difference.gone],
        alike=difference.unchanged,
        failed=len(failed),
        kept=difference.kept_photos,
    ), [problem for problem in scan.problems if problem.name not in kept]


def _failed(photo: Photo, file: PhotoFile) -> bool:
    """Whether the photo could not be used, and its file is what it was then."""
    was = FileRevision.parse(photo.revision)
    same = was is None or (was.size, was.mtime_ns) == (file.size, file.mtime_ns)
    return bool(photo.problem) and same


def _bucket_differences(
    objects: Iterator[ListedObject], store: FaceStore, prefix: str
) -> tuple[_Differences, list[str], datetime | None]:
    """The differences, the messages that repair all but what is gone, and S3's time.

    Both are in the order of keys, so one walk beside the other is enough.
    """
    differences = _Differences()
    messages: list[str] = []
    now = None
    stored = _stored(store, prefix)
    photo = next(stored, None)
    for each in objects:
        now = each.listed
        if each.is_folder:
            continue
        wanted = photo_id(each.bucket, each.key)
        while photo is not None and photo.photo_id < wanted:
            differences.gone.append(photo.photo_id)
            photo = next(stored, None)
        if photo is None or photo.photo_id != wanted:
            differences.missing.append(wanted)
            messages.append(each.message(each.modified))
            continue
        if photo.problem and not photo.revision:
            differences.failed += 1
        elif photo.revision != each.etag:
            differences.changed.append(wanted)
            messages.append(each.message(each.listed))
        else:
            differences.alike += 1
        photo = next(stored, None)
    rest = [photo, *stored] if photo is not None else []
    if now is None:
        differences.kept = len(rest)
    else:
        differences.gone += [each.photo_id for each in rest]
    return differences, messages, now


def _stored(store: FaceStore, prefix: str) -> Iterator[Photo]:
    try:
        for listed in store.photos(prefix=prefix):
            yield listed.photo
    except StoreNotFound:
        return


def _may_remove(differences: _Differences, as_json: bool) -> bool:
    """Ask whether to remove the photos; False if nobody is at a terminal."""
    if not can_ask(as_json=as_json):
        print_error(
            f"{len(differences.gone):,} of {differences.stored:,} photos are gone, and stay in the "
            "store: if that is right, run it with --remove-missing"
        )
        return False
    return ask_to_forget(len(differences.gone), differences.stored)


def _report(place: str, differences: _Differences, sent: int, *, as_json: bool) -> int:
    found = {
        "missing": differences.missing,
        "changed": differences.changed,
        "gone": differences.gone,
    }
    if as_json:
        counts = {"alike": differences.alike, "failed": differences.failed}
        print_json({**counts, "kept": differences.kept, "sent": sent, **found})
    else:
        alike = counted_are(differences.alike, "photo")
        click.echo(f"{printable(place)}: {alike} in the store as found there")
        for name, ids in found.items():
            _show(name, ids)
        if differences.failed:
            click.echo(f"  {differences.failed:,} could not be used when they were read")
        if sent:
            messages = counted(sent, "message")
            click.echo(f"{messages} sent: the store follows as the queue is worked off.")
        elif differences:
            click.echo("Run it with --repair to have the store follow.")
    if differences.kept:
        kept = counted(differences.kept, "stored photo")
        print_error(
            f"{printable(place)}: nothing is there, but {kept} "
            f"came from it and stay: let go with facesearch forget {printable(place)}"
        )
    everything = len(differences.missing) + len(differences.changed) + len(differences.gone)
    return DONE if not differences or (sent and sent == everything) else PARTLY_DONE


def _show(name: str, ids: Sequence[str]) -> None:
    if not ids:
        return
    click.echo(f"  {len(ids):,} {name}:")
    for each in ids[:SHOWN]:
        click.echo(f"    {printable(photo_name(each) if each.startswith(FILES) else each)}")
    if len(ids) > SHOWN:
        click.echo(f"    … and {len(ids) - SHOWN:,} more: --json names all")
