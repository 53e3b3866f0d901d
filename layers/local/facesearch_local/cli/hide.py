"""`facesearch hide`: keep a face out of all searches."""

import click

from facesearch.errors import InvalidRequest, NotFound
from facesearch.faces import IndexedPhoto, face_id
from facesearch.hiding import hide_face
from facesearch.stores import FaceStore, open_store
from facesearch_local.cli import DONE
from facesearch_local.cli.command import Command, is_text
from facesearch_local.cli.matches import shown_path
from facesearch_local.cli.options import json_option, read_settings, store_option
from facesearch_local.cli.output import print_json, printable
from facesearch_local.library.selecting import Place


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch hide portrait.jpg
  facesearch hide group.jpg --face 2
  facesearch hide group.jpg --face 2 --undo
  facesearch list --hidden""",
)
@click.argument("place", metavar="PATH|PHOTO", type=click.Path())
@click.option(
    "--face",
    type=click.IntRange(min=0),
    help="Its number in the store, from 0, the largest: 'facesearch search --json' tells it as "
    "index. Needed where the photo has several.",
)
@click.option("--undo", is_flag=True, help="Show it again.")
@store_option
@json_option
def command(
    *, place: str, face: int | None, undo: bool, store_url: str | None, as_json: bool
) -> int:
    """Hide a stored face: no search finds it any more.

    The store keeps the decision apart from what it knows of the photo: a rectangle in the photo.
    It holds when the photo is indexed again, with other models too, when it is moved, scaled or
    forgotten and comes back. A face elsewhere in the photo is not hidden. No models are needed.
    """
    if "://" in place and not is_text(place):
        raise click.UsageError(f"'{printable(place)}' is not UTF-8: type it anew.")
    with open_store(read_settings(store_url).store_url, None) as store:
        indexed = _photo(place, store)
        number = _number(indexed, face, undo=undo)
        decided = hide_face(face_id(indexed.photo.photo_id, number), store, hidden=not undo)
    photo_id = indexed.photo.photo_id
    if as_json:
        print_json(
            {
                "photo_id": photo_id,
                "face_id": decided.face_id,
                "index": number,
                "hidden": decided.hidden,
            }
        )
    else:
        state = "shown again" if undo else "hidden: no search finds it; --undo shows it again"
        click.echo(f"Face {number} of {printable(shown_path(photo_id))} is {state}.")
    return DONE


def _photo(place: str, store: FaceStore) -> IndexedPhoto:
    for photo_id in Place.named(place).ids:
        indexed = store.photo(photo_id)
        if indexed is not None:
            return indexed
    raise NotFound(f"{printable(place)} is not in the store: 'facesearch list' tells what is")


def _number(indexed: IndexedPhoto, face: int | None, *, undo: bool) -> int:
    name, count = printable(shown_path(indexed.photo.photo_id)), len(indexed.faces)
    if not count:
        raise NotFound(f"{name} has no face in the store")
    if face is None:
        if undo and len(indexed.hidden) == 1:
            return min(indexed.hidden)
        if count > 1:
            raise InvalidRequest(f"{name} has {count} faces: choose one with --face, from 0")
        return 0
    if face >= count:
        raise InvalidRequest(
            f"--face is {face}, but {name} has {count}, counted from 0: use one of those"
        )
    return face
