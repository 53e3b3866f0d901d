"""`facesearch list`: the photos in the store."""

from collections.abc import Iterator, Mapping, Sequence

import click
import msgspec

from facesearch.errors import NotFound
from facesearch.faces import PhotoListing
from facesearch.searching import check_collection_exists
from facesearch.stores import FaceStore, open_store
from facesearch_local.cli import DONE, NOTHING_DONE, PARTLY_DONE
from facesearch_local.cli.bucket import in_batches
from facesearch_local.cli.command import CollectionName, Command, is_text
from facesearch_local.cli.matches import shown_path
from facesearch_local.cli.options import json_option, read_settings, store_option
from facesearch_local.cli.output import print_error, print_json, print_note, printable
from facesearch_local.cli.scope import entries
from facesearch_local.counting import counted
from facesearch_local.library.selecting import Place, Selection
from search_faces.contract.answers import ListedPhoto

AT_ONCE = 500
"""Photos whose hidden faces are asked for together."""

_Listed = tuple[PhotoListing, list[int]]
"""A photo, and the numbers of its hidden faces."""


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch list
  facesearch list ~/Pictures/2019 --collection wedding
  facesearch list --problems
  facesearch list --hidden
  facesearch list --json | jq -r '.photos[] | select(.faces == []).photo_id'""",
)
@click.argument("places", nargs=-1, metavar="[PATH|PHOTO]...", type=click.Path())
@click.option("--collection", type=CollectionName(), help="Only photos in this collection.")
@click.option(
    "--metadata",
    metavar="NAME=VALUE",
    multiple=True,
    callback=entries,
    help="Only photos with this entry. May be given several times.",
)
@click.option("--problems", is_flag=True, help="Only photos that could not be used.")
@click.option("--without-faces", is_flag=True, help="Only photos without a face in the store.")
@click.option("--hidden", is_flag=True, help="Only photos with hidden faces.")
@click.option("--missing", is_flag=True, help="Only photos whose file is not there any more.")
@store_option
@json_option
def command(
    *,
    places: Sequence[str],
    collection: str | None,
    metadata: Mapping[str, str],
    problems: bool,
    without_faces: bool,
    hidden: bool,
    missing: bool,
    store_url: str | None,
    as_json: bool,
) -> int:
    """The photos in the store: faces, collection, path, and why one could not be used.

    Of photos with hidden faces, it tells their numbers: facesearch hide.

    A PATH is a photo or a folder, there or not; a PHOTO is an id such as s3://bucket/key. Without
    any, photos from everywhere. No models are needed.
    """
    for name in places:
        if "://" in name and not is_text(name):
            raise click.UsageError(f"'{printable(name)}' is not UTF-8: type it anew.")
    selection = Selection([Place.named(place) for place in places], collection, missing)

    def chosen() -> Iterator[_Listed]:
        for batch in in_batches(wanted(), AT_ONCE):
            decided = store.hidden_regions([each.photo.photo_id for each in batch])
            for listed in batch:
                numbers = _hidden(listed, store) if listed.photo.photo_id in decided else []
                if numbers or not hidden:
                    yield listed, numbers

    def wanted() -> Iterator[PhotoListing]:
        for listed in selection.photos(store):
            photo = listed.photo
            if (
                photo.metadata.items() >= metadata.items()
                and (photo.problem or not problems)
                and not (without_faces and listed.faces)
            ):
                yield listed

    with open_store(read_settings(store_url).store_url, None) as store:
        if collection is not None:
            check_collection_exists(collection, store)
        if as_json:
            print_json(
                {
                    "photos": [
                        {**msgspec.to_builtins(ListedPhoto.of(each)), "hidden": numbers}
                        for each, numbers in chosen()
                    ]
                }
            )
        else:
            _print(chosen())
    for place in selection.unknown:
        print_error(f"{printable(place.name)}: {NotFound('nothing is stored from there')}")
    if selection.unknown:
        return PARTLY_DONE if selection.considered else NOTHING_DONE
    return DONE


def _hidden(listed: PhotoListing, store: FaceStore) -> list[int]:
    stored = store.photo(listed.photo.photo_id)
    return sorted(stored.hidden) if stored else []


def _print(listings: Iterator[_Listed]) -> None:
    photos = faces = 0
    for listed, numbers in listings:
        photo = listed.photo
        what = photo.problem or f"{listed.faces}"
        note = f"  (hidden: {', '.join(map(str, numbers))})" if numbers else ""
        path = printable(shown_path(photo.photo_id))
        click.echo(f"{what:>6}  {photo.collection:<10}  {path}{note}")
        photos += 1
        faces += listed.faces
    print_note(f"{counted(photos, 'photo')} with {counted(faces, 'face')}")
