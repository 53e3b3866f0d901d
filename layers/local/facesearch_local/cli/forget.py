"""`facesearch forget`: remove photos from the store."""

from collections.abc import Sequence

import click

from facesearch.errors import NotFound
from facesearch.faces import PhotoListing
from facesearch.photos.folder import photo_name
from facesearch.stores import open_store
from facesearch_local.cli import DONE, NOTHING_DONE, PARTLY_DONE
from facesearch_local.cli.asking import can_ask
from facesearch_local.cli.command import CollectionName, Command, is_text
from facesearch_local.cli.options import json_option, read_settings, store_option
from facesearch_local.cli.output import print_error, print_json, printable
from facesearch_local.counting import counted
from facesearch_local.library.compare import MASS_PHOTOS, is_mass
from facesearch_local.library.forgetting import forget_photos
from facesearch_local.library.selecting import Place, Selection


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch forget --dry-run /mnt/old-disk/Pictures
  facesearch forget IMG_0001.jpg s3://my-photos/2019/
  facesearch forget --collection wedding
  facesearch forget --missing --dry-run""",
)
@click.argument("places", nargs=-1, metavar="[PATH|PHOTO]...", type=click.Path())
@click.option("--collection", type=CollectionName(), help="Only photos in this collection.")
@click.option("--missing", is_flag=True, help="Only photos whose file is not there any more.")
@click.option("--dry-run", is_flag=True, help="Only tell which photos that would be.")
@click.option(
    "--yes",
    is_flag=True,
    help=f"Ask no question: at a terminal, it asks before more than {MASS_PHOTOS} photos go.",
)
@store_option
@json_option
def command(
    *,
    places: Sequence[str],
    collection: str | None,
    missing: bool,
    dry_run: bool,
    yes: bool,
    store_url: str | None,
    as_json: bool,
) -> int:
    """Forget stored photos with their faces; the files themselves are left alone.

    A PATH is a photo or a folder, there or not; a PHOTO is an id such as s3://bucket/key. Without
    any, photos from everywhere. What is in a folder that is indexed comes back with the next
    index. No models are needed.
    """
    if not places and collection is None and not missing:
        raise click.UsageError("Name a path or a photo, or use --collection or --missing.")
    for name in places:
        if "://" in name and not is_text(name):
            raise click.UsageError(f"'{printable(name)}' is not UTF-8: type it anew.")
    url = read_settings(store_url).store_url
    selection = Selection([Place.named(place) for place in places], collection, missing)
    with open_store(url, None) as reading:
        chosen = list(selection.photos(reading))
    for place in selection.unknown:
        print_error(f"{printable(place.name)}: {NotFound('nothing is stored from there')}")
    if not dry_run and not _may_forget(chosen, selection, yes=yes, as_json=as_json):
        return PARTLY_DONE
    forgotten = 0 if dry_run else forget_photos(url, [listed.photo for listed in chosen])
    _report(chosen, forgotten, dry_run=dry_run, as_json=as_json)
    if selection.unknown:
        return PARTLY_DONE if chosen else NOTHING_DONE
    return DONE


def _may_forget(
    chosen: Sequence[PhotoListing], selection: Selection, *, yes: bool, as_json: bool
) -> bool:
    if yes or len(chosen) <= MASS_PHOTOS:
        return True
    if can_ask(as_json=as_json):
        return click.confirm(f"Forget {len(chosen):,} photos?", err=True)
    if selection.missing and is_mass(len(chosen), selection.considered):
        print_error(
            f"{len(chosen):,} of {selection.considered:,} photos are missing: mount the disk that "
            "they are on, or forget them with --yes"
        )
        return False
    return True


def _report(
    chosen: Sequence[PhotoListing], forgotten: int, *, dry_run: bool, as_json: bool
) -> None:
    faces = sum(listed.faces for listed in chosen)
    if as_json:
        ids = [listed.photo.photo_id for listed in chosen]
        print_json({"photos": len(chosen), "faces": faces, "forgotten": forgotten, "ids": ids})
        return
    if dry_run:
        for listed in chosen:
            click.echo(printable(photo_name(listed.photo.photo_id)))
    done = "Would be forgotten" if dry_run else "Forgotten"
    number = len(chosen) if dry_run else forgotten
    click.echo(f"{done}: {counted(number, 'photo')} with {counted(faces, 'face')}.")
