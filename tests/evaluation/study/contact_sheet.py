"""Rows of faces on one page: a query, then what was found with it, right or wrong by its frame."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from facesearch_local.captions import fitting, font

RIGHT, WRONG, QUERY, PLAIN = "#1f9d61", "#c8453b", "#2f5fd0", "#9aa3af"

_FRAME = 3
_GAP = 6
_MARGIN = 14
_LINE = 14
_INK, _FAINT, _PAPER, _EMPTY = "#1b1f24", "#68717d", "#ffffff", "#dde1e7"


@dataclass(frozen=True, slots=True)
class Tile:
    """A face, the colour of its frame, and lines below it."""

    picture: Image.Image | None
    frame: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """`title` is written above the tiles."""

    title: str
    tiles: tuple[Tile, ...]


def draw_rows(rows: Sequence[Row], side: int, columns: int = 1) -> Image.Image:
    """The rows one below the other, in so many columns, with tiles of `side` pixels."""
    longest = max(len(row.tiles) for row in rows)
    deepest = max(len(tile.lines) for row in rows for tile in row.tiles)
    width = longest * (side + _GAP) - _GAP
    height = _LINE + 6 + side + deepest * _LINE + 10
    down = -(-len(rows) // columns)
    page = Image.new(
        "RGB",
        (2 * _MARGIN + columns * (width + 3 * _GAP) - 3 * _GAP, 2 * _MARGIN + down * height),
        _PAPER,
    )
    for number, row in enumerate(rows):
        column, line = divmod(number, down)
        _draw_row(
            page, _MARGIN + column * (width + 3 * _GAP), _MARGIN + line * height, row, side, width
        )
    return page


def _draw_row(page: Image.Image, left: int, top: int, row: Row, side: int, width: int) -> None:
    draw = ImageDraw.Draw(page)
    draw.text((left, top), fitting(row.title, 13, width), _INK, font(13))
    for place, tile in enumerate(row.tiles):
        x, y = left + place * (side + _GAP), top + _LINE + 4
        draw.rectangle((x, y, x + side - 1, y + side - 1), fill=tile.frame)
        inner = side - 2 * _FRAME
        picture = tile.picture or Image.new("RGB", (inner, inner), _EMPTY)
        page.paste(
            picture.resize((inner, inner), Image.Resampling.LANCZOS), (x + _FRAME, y + _FRAME)
        )
        for number, line in enumerate(tile.lines):
            place_of_line = (x, y + side + 1 + number * _LINE)
            draw.text(place_of_line, fitting(line, 11, side), _FAINT, font(11))
