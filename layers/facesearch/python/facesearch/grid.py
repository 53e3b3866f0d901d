"""The picture of a search, as in the reports: the query first, then the faces found, in order."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from facesearch.captions import draw_caption, draw_problem, draw_query_caption, draw_rank
from facesearch.confidence import SAME_PERSON_DISTANCE
from facesearch.faces import BoundingBox
from facesearch.images import DecodedImage

COLUMNS = 7
"""Three rows hold a query and its twenty nearest."""

TILE = 216
_PADDING = 10
_CAPTION = 84
_CARD = (TILE + 2 * _PADDING, TILE + _PADDING + _CAPTION)
_GAP = 16
_MARGIN = 28
_FRAME = 4
_CORNER = 10
_SMOOTH = 4
"""Corners and lines are drawn this many times larger and scaled down, so that they are smooth."""

_CONTEXT = 1.9
"""Sides of the square cut out around a face, in longer sides of its box."""

_PAPER = "#e9ecf0"
_EMPTY = "#dde1e7"
_QUERY = "#2f5fd0"
_SAME = "#1f9d61"
_DIFFERENT = "#9aa3af"


@dataclass(frozen=True, slots=True)
class Result:
    """A face that was found: its photo's name, and its picture or why there is none."""

    label: str
    distance: float
    confidence: float
    picture: Image.Image | None
    problem: str = ""


def cut_out(photo: DecodedImage, box: BoundingBox) -> Image.Image:
    """The face at `box` (pixels of the upright original) with its surroundings, outlined."""
    across, down = photo.scale
    left, top = box.left / across, box.top / down
    width, height = box.width / across, box.height / down
    face = max(width, height, 1.0)
    # Less context where the photo has no more, but never less than the face.
    side = max(face, min(face * _CONTEXT, *photo.image.size))
    x = _inside(left + width / 2 - side / 2, side, photo.image.width)
    y = _inside(top + height / 2 - side / 2, side, photo.image.height)
    scale = TILE / side
    outline = (left - x, top - y, left - x + width, top - y + height)
    return _outlined(_square(photo.image, x, y, side), [edge * scale for edge in outline])


def draw_grid(query: Image.Image, label: str, results: Sequence[Result]) -> Image.Image:
    """A picture with the query's cut-out at the top left and each result after it, best first."""
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


def _result_card(rank: int, result: Result) -> Image.Image:
    card = Image.new("RGB", _CARD, "white")
    picture = result.picture
    if picture is None:
        picture = Image.new("RGB", (TILE, TILE), _EMPTY)
        draw_problem(picture, result.problem)
    card.paste(picture, (_PADDING, _PADDING), _rounded(picture.size, _CORNER // 2))
    colour = _SAME if result.distance <= SAME_PERSON_DISTANCE else _DIFFERENT
    draw_rank(card, (_PADDING, _PADDING), rank)
    draw_caption(
        card,
        _caption_area(),
        result.label,
        distance=result.distance,
        confidence=result.confidence,
        colour=colour,
    )
    return card


def _caption_area() -> tuple[int, int, int, int]:
    return _PADDING, TILE + _PADDING, _CARD[0] - _PADDING, _CARD[1]


def _square(image: Image.Image, x: float, y: float, side: float) -> Image.Image:
    """The square at x, y as a tile; what lies outside the image is left empty."""
    scale = TILE / side
    region = max(0.0, x), max(0.0, y), min(x + side, image.width), min(y + side, image.height)
    size = [max(1, round((region[axis + 2] - region[axis]) * scale)) for axis in (0, 1)]
    cut = image.resize((size[0], size[1]), Image.Resampling.LANCZOS, box=region, reducing_gap=2.0)
    tile = Image.new("RGB", (TILE, TILE), _EMPTY)
    tile.paste(cut, (round((region[0] - x) * scale), round((region[1] - y) * scale)))
    return tile


def _inside(start: float, length: float, available: float) -> float:
    """Where a length begins that stays inside if it fits, and is centred if it does not."""
    if length >= available:
        return (available - length) / 2
    return min(max(start, 0.0), available - length)


def _outlined(tile: Image.Image, edges: Sequence[float]) -> Image.Image:
    """A white line around the face, with a shade that keeps it visible on white."""
    mask = Image.new("L", (TILE * _SMOOTH, TILE * _SMOOTH))
    corners = [edge * _SMOOTH for edge in edges]
    draw = ImageDraw.Draw(mask)
    draw.rounded_rectangle(corners, radius=6 * _SMOOTH, outline=90, width=4 * _SMOOTH)
    shade = mask.reduce(_SMOOTH)
    draw.rounded_rectangle((0, 0, *mask.size), fill=0)
    inner = [corners[0] + _SMOOTH, corners[1] + _SMOOTH, corners[2] - _SMOOTH, corners[3] - _SMOOTH]
    draw.rounded_rectangle(inner, radius=5 * _SMOOTH, outline=255, width=2 * _SMOOTH)
    line = mask.reduce(_SMOOTH)
    outlined = tile.copy()
    outlined.paste("black", (0, 0), shade)
    outlined.paste("white", (0, 0), line)
    return outlined


def _rounded(size: tuple[int, int], radius: int) -> Image.Image:
    """A mask of a rectangle with round corners."""
    mask = Image.new("L", (size[0] * _SMOOTH, size[1] * _SMOOTH))
    draw = ImageDraw.Draw(mask)
    draw.rounded_rectangle(
        (0, 0, mask.width - 1, mask.height - 1), radius=radius * _SMOOTH, fill=255
    )
    return mask.resize(size, Image.Resampling.LANCZOS)
