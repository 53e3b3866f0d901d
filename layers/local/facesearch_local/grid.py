"""Draw the picture of a search: the query first, then its matches in order."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from facesearch.photos.thumbnails import EMPTY, SMOOTH, TILE
from facesearch.verdicts import Verdict
from facesearch_local.captions import draw_caption, draw_problem, draw_query_caption, draw_rank

COLUMNS = 7
"""Three rows hold a query and its twenty nearest."""

_PADDING = 10
_CAPTION = 84
_CARD = (TILE + 2 * _PADDING, TILE + _PADDING + _CAPTION)
_GAP = 16
_MARGIN = 28
_FRAME = 4
_CORNER = 10

_PAPER = "#e9ecf0"
_QUERY = "#2f5fd0"
_COLOURS: dict[Verdict, str] = {
    "very_likely": "#157347",
    "possible": "#8a5a00",
    "look_alike": "#68717d",
}


@dataclass(frozen=True, slots=True)
class GridResult:
    """A match in the picture: its photo's name, and its face or the reason why it has none.

    `verdict` is None where nobody has measured what the distance means.
    """

    label: str
    distance: float
    verdict: Verdict | None
    picture: Image.Image | None
    problem: str = ""


def draw_grid(query: Image.Image, label: str, results: Sequence[GridResult]) -> Image.Image:
    """Draw the query's face at the top left, and the results after it, best first."""
    columns = min(COLUMNS, len(results) + 1)
    rows = -(-(len(results) + 1) // columns)
    page = Image.new(
        "RGB",
        (
            2 * _MARGIN + columns * (_CARD[0] + _GAP) - _GAP,
            2 * _MARGIN + rows * (_CARD[1] + _GAP) - _GAP,
        ),
        _PAPER,
    )
    cards = [_query_card(query, label)]
    cards += [_result_card(rank, result) for rank, result in enumerate(results, start=1)]
    for place, card in enumerate(cards):
        row, column = divmod(place, columns)
        corner = _MARGIN + column * (_CARD[0] + _GAP), _MARGIN + row * (_CARD[1] + _GAP)
        page.paste(card, corner, _rounded(card.size, _CORNER))
    return page


def _query_card(picture: Image.Image, label: str) -> Image.Image:
    card = Image.new("RGB", _CARD, _QUERY)
    inner = (_CARD[0] - 2 * _FRAME, _CARD[1] - 2 * _FRAME)
    paper = Image.new("RGB", inner, "white")
    card.paste(paper, (_FRAME, _FRAME), _rounded(inner, _CORNER - _FRAME))
    card.paste(picture, (_PADDING, _PADDING), _rounded(picture.size, _CORNER // 2))
    draw_query_caption(card, _caption_area(), label, _QUERY)
    return card


def _result_card(rank: int, result: GridResult) -> Image.Image:
    card = Image.new("RGB", _CARD, "white")
    picture = result.picture
    if picture is None:
        picture = Image.new("RGB", (TILE, TILE), EMPTY)
        draw_problem(picture, result.problem)
    card.paste(picture, (_PADDING, _PADDING), _rounded(picture.size, _CORNER // 2))
    draw_rank(card, (_PADDING, _PADDING), rank)
    draw_caption(
        card,
        _caption_area(),
        result.label,
        distance=result.distance,
        verdict=result.verdict,
        colour=_COLOURS[result.verdict or "look_alike"],
    )
    return card


def _caption_area() -> tuple[int, int, int, int]:
    return _PADDING, TILE + _PADDING, _CARD[0] - _PADDING, _CARD[1]


def _rounded(size: tuple[int, int], radius: int) -> Image.Image:
    """A mask of a rectangle with round corners."""
    mask = Image.new("L", (size[0] * SMOOTH, size[1] * SMOOTH))
    draw = ImageDraw.Draw(mask)
    draw.rounded_rectangle(
        (0, 0, mask.width - 1, mask.height - 1), radius=radius * SMOOTH, fill=255
    )
    return mask.resize(size, Image.Resampling.LANCZOS)
