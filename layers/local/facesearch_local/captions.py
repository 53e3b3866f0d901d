"""Draw the captions in the picture of a search, in Pillow's own font."""

from functools import cache

from PIL import Image, ImageDraw, ImageFont

from facesearch.verdicts import WORDS, Verdict

Area = tuple[int, int, int, int]
"""Left, top, right and bottom, in pixels."""

_INK = "#1b1f24"
_FAINT = "#68717d"
_ELLIPSIS = "…"


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font at `size` pixels."""
    return ImageFont.load_default(size)


def draw_caption(
    card: Image.Image,
    area: Area,
    label: str,
    *,
    distance: float,
    verdict: Verdict | None,
    colour: str,
) -> None:
    """Draw a result's name and distance, and what that means, if it is known."""
    left, top, right, _ = area
    draw = ImageDraw.Draw(card)
    _draw_label(draw, area, label)
    if verdict is not None:
        draw.text((left, top + 46), WORDS[verdict], colour, font(16))
    draw.text((right, top + 64), f"distance {distance:.3f}", _FAINT, font(13), anchor="ra")


def draw_query_caption(card: Image.Image, area: Area, label: str, colour: str) -> None:
    """Draw the query's name, and the words "the query"."""
    left, top, _, _ = area
    draw = ImageDraw.Draw(card)
    _draw_label(draw, area, label)
    draw.text((left, top + 48), "the query", colour, font(16))


def draw_rank(card: Image.Image, corner: tuple[int, int], rank: int) -> None:
    """Draw a result's rank on the corner of its picture."""
    text = str(rank)
    width = round(font(14).getlength(text)) + 14
    left, top = corner[0] + 7, corner[1] + 7
    draw = ImageDraw.Draw(card)
    draw.rounded_rectangle((left, top, left + width, top + 22), radius=7, fill=_INK)
    draw.text((left + width / 2, top + 11), text, "white", font(14), anchor="mm")


def draw_problem(tile: Image.Image, problem: str) -> None:
    """Draw the reason why a result has no picture, in the picture's place."""
    lines = _wrapped(problem, tile.width - 40)
    draw = ImageDraw.Draw(tile)
    middle = tile.width / 2, tile.height / 2
    draw.multiline_text(middle, "\n".join(lines), _FAINT, font(14), anchor="mm", align="center")


def _draw_label(draw: ImageDraw.ImageDraw, area: Area, label: str) -> None:
    """Draw the folder, and below it the file."""
    left, top, right, _ = area
    folder, _, name = label.rpartition("/")
    draw.text((left, top + 7), fitting(folder or name, 17, right - left), _INK, font(17))
    if folder:
        draw.text((left, top + 28), fitting(name, 13, right - left), _FAINT, font(13))


def fitting(text: str, size: int, width: int) -> str:
    """The text, its end replaced by an ellipsis if it is too wide."""
    letters = font(size)
    if letters.getlength(text) <= width:
        return text
    while text and letters.getlength(text + _ELLIPSIS) > width:
        text = text[:-1]
    return text + _ELLIPSIS


def _wrapped(text: str, width: int, most: int = 6) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font(14).getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(fitting(word, 14, width))
    return lines[:most]
