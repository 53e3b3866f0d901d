"""`facesearch search`: the nearest faces, as a table, as JSON and as a picture."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from facesearch.cli import DONE, NOTHING_DONE, PARTLY_DONE
from facesearch.cli.options import json_option, read_settings, store_option
from facesearch.cli.output import print_error, print_json, printable, saved
from facesearch.cli.query import naming, note_other_faces
from facesearch.confidence import confidence, percent
from facesearch.faces import Match
from facesearch.folders import photo_label, read_file
from facesearch.pipeline import FacePipeline
from facesearch.searching import DEFAULT_K, MAX_K, PhotoSearch, Scope, search_photo
from facesearch.stores import open_store
from search_faces.responses import photo_search_json

COLUMNS = ("rank", "name", "distance", "confidence")


@click.command(
    epilog="""\b
Examples:
  facesearch search portrait.jpg
  facesearch search portrait.jpg --k 5 --collection wedding
  facesearch search portrait.jpg --grid nearest.png
  facesearch search portrait.jpg --json | jq -r '.matches[].photo_id'"""
)
@click.argument("image", metavar="IMAGE", type=click.Path(path_type=Path))
@store_option
@click.option(
    "--k",
    type=click.IntRange(1, MAX_K),
    default=DEFAULT_K,
    show_default=True,
    help="How many faces to show.",
)
@click.option("--collection", help="Search this collection only (default: all).")
@click.option(
    "--grid",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the faces found, as a PNG or another image by extension.",
)
@json_option
def command(
    *,
    image: Path,
    store_url: str | None,
    k: int,
    collection: str | None,
    grid: Path | None,
    as_json: bool,
) -> int:
    """The stored faces nearest to the largest face of IMAGE, nearest first.

    Distance is L2 between unit vectors, 0 to 2. Confidence is the probability that two faces at
    this distance show one person.
    """
    if grid is not None:
        _check_format(grid)
    settings = read_settings(store_url)
    pipeline = FacePipeline.from_settings(settings)
    with naming(image), open_store(settings.store_url, pipeline.recipe) as store:
        photo = read_file(image).data
        found = search_photo(photo, pipeline, store, Scope(k, collection))
    note_other_faces(image, len(found.faces))
    if as_json:
        print_json(photo_search_json(found))
    elif found.matches:
        _print_table([_row(rank, match) for rank, match in enumerate(found.matches, start=1)])
    if not found.matches:
        place = f"collection '{collection}'" if collection else "the store"
        print_error(f"there are no faces in {place}: index photos first")
        return NOTHING_DONE
    if grid is not None:
        try:
            _draw(grid, image, photo, found)
        except click.ClickException as error:
            print_error(error.format_message())
            return PARTLY_DONE
    return DONE


def _check_format(grid: Path) -> None:
    """Before the work, not after it."""
    from PIL import Image

    if grid.suffix.lower() not in Image.registered_extensions():
        raise click.BadParameter(
            f"{grid} has no known image extension: call it {grid.stem}.png.", param_hint="'--grid'"
        )


def _row(rank: int, match: Match) -> tuple[str, ...]:
    name = printable(photo_label(match.stored.photo.photo_id))
    return str(rank), name, f"{match.distance:.3f}", percent(confidence(match.distance))


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    if sys.stdout.isatty():
        _print_rich_table(rows)
        return
    widths = [max(map(len, column)) for column in zip(COLUMNS, *rows, strict=True)]
    for rank, name, distance, likely in (COLUMNS, *rows):
        click.echo(
            f"{rank:>{widths[0]}}  {name:<{widths[1]}}  "
            f"{distance:>{widths[2]}}  {likely:>{widths[3]}}"
        )


def _print_rich_table(rows: Sequence[tuple[str, ...]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for column in COLUMNS:
        # Names are the only column that may be cut to fit.
        if column == "name":
            table.add_column(column, overflow="fold")
        else:
            table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        # As Text, names are not read as markup.
        table.add_row(*map(Text, row))
    Console().print(table)


def _draw(grid: Path, image: Path, photo: bytes, found: PhotoSearch) -> None:
    from facesearch.cli.picture import draw_result

    picture = draw_result("/".join(image.absolute().parts[-2:]), photo, found)
    with saved(grid):
        picture.save(grid)
