"""Print the matches of a search: as a table on a terminal, else as plain text."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from facesearch.confidence import percent
from facesearch.faces import Match, Recipe
from facesearch.photos.folder import SCHEME, photo_name
from facesearch.searching import FaceMatches
from facesearch.verdicts import WORDS, Limits, Verdict
from facesearch_local.cli.output import print_note, printable


def unmeasured(recipe: Recipe) -> str:
    """What to tell of distances where the recipe is not calibrated."""
    return (
        f"nobody has measured what distances mean with recipe {recipe.name}: compare by eye, or "
        f"measure it on photos of people that you know (facesearch evaluate PEOPLE --recipe "
        f"{recipe.name} --calibrate)"
    )


COLUMNS = ("rank", "photo", "distance", "verdict")
UNKNOWN = "unknown"
"""What a distance means where the recipe is not calibrated."""

LINE = "look-alikes, as near as strangers come in a library of this size"


_COLOURS: dict[Verdict | None, str] = {
    "very_likely": "green",
    "possible": "yellow",
    "look_alike": "dim",
}


@dataclass(frozen=True, slots=True)
class _Row:
    rank: str
    photo: str
    link: str
    distance: str
    verdict: Verdict | None
    said: str

    @property
    def cells(self) -> tuple[str, str, str, str]:
        return self.rank, self.photo, self.distance, self.said


def print_results(results: Sequence[FaceMatches], recipe: Recipe, limits: Limits | None) -> None:
    """Print a table for each query face, with its number if there are several."""
    for result in results:
        if len(results) > 1:
            click.echo(f"face {result.face}:")
        if result.matches:
            rows = [
                _row(rank, match, recipe, limits) for rank, match in enumerate(result.matches, 1)
            ]
            _print_rich_table(rows) if sys.stdout.isatty() else _print_table(rows)
    if limits is None:
        if recipe.calibration is None:
            print_note(unmeasured(recipe))
    elif limits.very_likely is None and any(result.matches for result in results):
        print_note(
            f"nothing is called very likely among {limits.faces:,} faces: strangers come so near "
            f"that the limit would let only {limits.passing:.0%} of true matches pass"
        )
    elif limits.basis == "extrapolated":
        print_note(f"the limits for {limits.faces:,} faces are extrapolated from smaller libraries")


def shown_path(photo_id: str) -> str:
    """The photo's path as it can be opened from here, or its URI."""
    name = photo_name(photo_id)
    if not photo_id.startswith(SCHEME) or name == photo_id:
        return name
    path = Path(name)
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else name


def _row(rank: int, match: Match, recipe: Recipe, limits: Limits | None) -> _Row:
    photo_id = match.stored.photo.photo_id
    return _Row(
        str(rank),
        printable(shown_path(photo_id)),
        photo_id if photo_id.startswith(SCHEME) else "",
        f"{match.distance:.3f}",
        limits.verdict(match.distance) if limits else None,
        _said(match.distance, recipe, limits),
    )


def _said(distance: float, recipe: Recipe, limits: Limits | None) -> str:
    if limits is not None:
        return WORDS[limits.verdict(distance)]
    calibration = recipe.calibration
    return f"confidence {percent(calibration.confidence(distance))}" if calibration else UNKNOWN


def _begins_look_alikes(rows: Sequence[_Row], place: int) -> bool:
    return rows[place].verdict == "look_alike" and (
        place == 0 or rows[place - 1].verdict != "look_alike"
    )


def _print_table(rows: Sequence[_Row]) -> None:
    table = [COLUMNS, *(row.cells for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]

    def line(rank: str, photo: str, distance: str, verdict: str) -> str:
        return f"{rank:>{widths[0]}}  {photo:<{widths[1]}}  {distance:>{widths[2]}}  {verdict}"

    click.echo(line(*COLUMNS))
    for place, row in enumerate(rows):
        if _begins_look_alikes(rows, place):
            click.echo(f"-- {LINE} --")
        click.echo(line(*row.cells))


def _print_rich_table(rows: Sequence[_Row]) -> None:
    # Only a terminal's user waits for these imports.
    from rich import box  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.style import Style  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD)
    for column in COLUMNS:
        # Photos are the only column that may be folded to fit.
        if column == "photo":
            table.add_column(column, overflow="fold")
        elif column == "verdict":
            table.add_column(column, no_wrap=True)
        else:
            table.add_column(column, justify="right", no_wrap=True)
    for place, row in enumerate(rows):
        if _begins_look_alikes(rows, place):
            table.add_section()
        rank, photo, distance, verdict = row.cells
        colour = _COLOURS.get(row.verdict, "")
        # As Text, names are not read as markup.
        table.add_row(
            rank,
            Text(photo, Style(link=row.link or None)),
            distance,
            Text(verdict, colour),
        )
    Console().print(table)
