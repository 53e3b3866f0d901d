"""Print the matches of a search: as a table on a terminal, else as plain text."""

import sys
from collections.abc import Sequence

import click

from facesearch.confidence import confidence, percent
from facesearch.faces import Match
from facesearch.photos.folder import photo_label
from facesearch.searching import FaceMatches
from facesearch_local.cli.output import printable

COLUMNS = ("rank", "name", "distance", "confidence")


def print_results(results: Sequence[FaceMatches]) -> None:
    """Print a table for each query face, with its number if there are several."""
    for result in results:
        if len(results) > 1:
            click.echo(f"face {result.face}:")
        if result.matches:
            _print_table([_row(rank, match) for rank, match in enumerate(result.matches, 1)])


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
    # Only a terminal's user waits for these imports.
    from rich import box  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

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
