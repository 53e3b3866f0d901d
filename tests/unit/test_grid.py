"""The picture of a search: where things are, and what is shown of a face."""

import numpy as np
from PIL import Image

from facesearch.faces import BoundingBox
from facesearch.photos.thumbnails import TILE, cut_out
from facesearch.verdicts import Verdict
from facesearch.vision.images import DecodedImage
from facesearch_local.grid import GridResult, draw_grid

RED, GREEN, BLUE = (220, 40, 40), (40, 200, 60), (50, 60, 220)


def result(colour: tuple[int, int, int] | None, verdict: Verdict = "possible") -> GridResult:
    picture = Image.new("RGB", (TILE, TILE), colour) if colour else None
    return GridResult("folder/name.jpg", 0.5, verdict, picture, "" if colour else "it is gone")


def first_place(grid: Image.Image, colour: tuple[int, int, int]) -> tuple[int, int]:
    """Row and column of the colour's topmost, then leftmost pixel."""
    rows, columns = np.nonzero((np.asarray(grid) == colour).all(axis=2))
    assert len(rows), f"no {colour} in the picture"
    return int(rows.min()), int(columns.min())


def test_grid_shows_the_query_first_then_results_in_order() -> None:
    grid = draw_grid(Image.new("RGB", (TILE, TILE), RED), "q.jpg", [result(GREEN), result(BLUE)])
    red, green, blue = (first_place(grid, colour) for colour in (RED, GREEN, BLUE))
    assert red[0] == green[0] == blue[0]
    assert red[1] < green[1] < blue[1]


def test_grid_of_twenty_results_has_three_rows_of_seven() -> None:
    grid = draw_grid(
        Image.new("RGB", (TILE, TILE), RED), "q.jpg", [result(GREEN)] * 19 + [result(BLUE)]
    )
    row, column = first_place(grid, BLUE)
    assert row > grid.height * 2 / 3
    assert column > grid.width * 6 / 7


def test_grid_frames_the_query_and_no_other() -> None:
    grid = draw_grid(Image.new("RGB", (TILE, TILE), RED), "q.jpg", [result(GREEN)])
    frame = (47, 95, 208)
    columns = np.nonzero((np.asarray(grid) == frame).all(axis=2))[1]
    assert columns.max() < grid.width / 2


def test_grid_says_why_a_photo_is_not_shown() -> None:
    query = Image.new("RGB", (TILE, TILE), RED)
    gone, other = (
        draw_grid(query, "q.jpg", [GridResult("a/b.jpg", 0.5, "possible", None, reason)])
        for reason in ("the photo is gone", "the disk does not answer")
    )
    assert gone.size == other.size
    assert gone.tobytes() != other.tobytes()


def test_grid_is_green_for_what_is_very_likely_only() -> None:
    query = Image.new("RGB", (TILE, TILE), RED)

    def green(verdict: Verdict) -> bool:
        grid = np.asarray(draw_grid(query, "q.jpg", [result(BLUE, verdict)])).astype(int)
        caption = grid[TILE + 40 :, grid.shape[1] // 2 :]
        return bool((caption[..., 1] > caption[..., 0] + 50).any())

    assert green("very_likely")
    assert not green("possible")
    assert not green("look_alike")


def test_grid_survives_names_of_any_length_and_script() -> None:
    labels = ("", "a" * 500 + "/" + "b" * 500, "写真/顔.jpg", "plain.jpg")
    results = [GridResult(label, 0.1, "very_likely", None, "w" * 300) for label in labels]
    grid = draw_grid(Image.new("RGB", (TILE, TILE), RED), labels[1], results)
    assert grid.width > 5 * TILE


def test_cut_out_is_centred_on_the_face_and_outlines_it() -> None:
    image = Image.new("RGB", (1000, 1000), BLUE)
    image.paste(RED, (400, 400, 600, 600))
    tile = np.asarray(cut_out(DecodedImage(image, 1000, 1000), BoundingBox(400, 400, 200, 200)))
    middle = TILE // 2
    assert tuple(tile[middle, middle]) == RED
    assert tuple(tile[4, 4]) == BLUE
    across = tile[middle]
    white = np.nonzero((across > 200).all(axis=1))[0]
    assert abs(white.min() - TILE * 0.237) < 4
    assert abs(white.max() - TILE * 0.763) < 4


def test_cut_out_of_a_reduced_photo_uses_the_originals_pixels() -> None:
    image = Image.new("RGB", (500, 500), BLUE)
    image.paste(RED, (200, 200, 300, 300))
    reduced = cut_out(DecodedImage(image, 2000, 2000), BoundingBox(800, 800, 400, 400))
    assert reduced.getpixel((TILE // 2, TILE // 2)) == RED


def test_cut_out_at_the_edge_stays_inside_the_photo() -> None:
    image = Image.new("RGB", (300, 200), BLUE)
    for box in (BoundingBox(-10, -10, 60, 60), BoundingBox(260, 150, 60, 70)):
        tile = np.asarray(cut_out(DecodedImage(image, 300, 200), box))
        corners = tile[[2, 2, -3, -3], [2, -3, 2, -3]]
        assert (corners[:, 2] > corners[:, 0]).all(), "a corner shows something beyond the photo"


def test_cut_out_of_a_face_larger_than_the_photo_leaves_the_rest_empty() -> None:
    image = Image.new("RGB", (100, 50), BLUE)
    tile = cut_out(DecodedImage(image, 100, 50), BoundingBox(0, 0, 100, 50))
    assert tile.size == (TILE, TILE)
    assert tile.getpixel((TILE // 2, 4)) != BLUE
