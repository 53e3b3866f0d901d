"""The report's pages of faces: the ten queries of each system, and misses by cause."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from facesearch_local.evaluation.labelled import Labelled, LabelledPhoto
from facesearch_local.evaluation.plots import Picture
from tests.evaluation.study.contact_sheet import PLAIN, QUERY, RIGHT, WRONG, Row, Tile, draw_rows
from tests.evaluation.study.misses import Cause, Miss
from tests.evaluation.study.photo_faces import PhotoFaces
from tests.evaluation.study.study_result import StudyResult
from tests.evaluation.study.ten_queries import TEN_PEOPLE

TEN_SIDE = 48
MISS_SIDE = 96
WORST, OF_A_CAUSE = 12, 8
"""Misses shown: of all, and of one cause."""

_QUALITY = 60


def draw_ten_queries(
    folder: Path, study_result: StudyResult, labelled: Labelled, faces: PhotoFaces
) -> Picture | None:
    """A row for each query: itself, then what was found, framed by right and wrong."""
    answers, ten = study_result.ten_answers, study_result.ten_queries
    if answers is None or ten is None:
        return None
    places = np.flatnonzero(study_result.result.embedded.detected)
    rows = []
    for number, person in enumerate(TEN_PEOPLE):
        photos = [labelled.photos[places[row]] for row in answers.ranked[number]]
        tiles = [
            Tile(faces.picture(photo), _frame(rank, photo, person), (f"{distance:.2f}",))
            for rank, (photo, distance) in enumerate(
                zip(photos, answers.distances[number].tolist(), strict=True)
            )
        ]
        title = f"{person}: {ten.in_20[number]} of {ten.photos[number]} photos found"
        rows.append(Row(title, tuple(tiles)))
    caption = (
        f"{study_result.name}: all photos of {ten.all_in_20} of the ten people are among "
        f"the 20 nearest, of {ten.all_on_top} on top"
    )
    name = f"ten_queries_{_file_name(study_result.name)}"
    return _save(draw_rows(rows, TEN_SIDE), folder, name, caption)


def _frame(rank: int, photo: LabelledPhoto, person: str) -> str:
    if rank == 0:
        return QUERY
    return RIGHT if photo.person == person else WRONG


def draw_misses(
    folder: Path, misses: Sequence[Miss], labelled: Labelled, faces: PhotoFaces
) -> list[Picture]:
    """The worst of all, then the worst of each cause; queries and pairs on pages of their own."""
    pictures = []
    queries = [miss for miss in misses if not miss.is_pair and miss.against is not None]
    pairs = [miss for miss in misses if miss.is_pair]
    for some, name, caption in (
        (queries[:WORST], "worst_queries", f"The {min(WORST, len(queries))} worst missed queries"),
        (pairs[:WORST], "worst_pairs", f"The {min(WORST, len(pairs))} worst misjudged pairs"),
        *(
            (
                [miss for miss in queries + pairs if miss.cause is cause][:OF_A_CAUSE],
                f"cause_{_file_name(cause.value)}",
                f"Misses by cause: {cause.value}",
            )
            for cause in Cause
        ),
    ):
        if some:
            rows = [_row(miss, labelled, faces) for miss in some]
            pictures.append(_save(draw_rows(rows, MISS_SIDE, columns=4), folder, name, caption))
    return pictures


def _row(miss: Miss, labelled: Labelled, faces: PhotoFaces) -> Row:
    def tile(photo: int, frame: str, distance: float | None) -> Tile:
        shown = labelled.photos[photo]
        below = "" if distance is None or np.isinf(distance) else f"distance {distance:.2f}"
        return Tile(faces.picture(shown), frame, (*_two_lines(shown.name), below))

    tiles = [tile(miss.photo, QUERY, None)]
    if miss.against is not None:
        tiles.append(tile(miss.against, PLAIN if miss.is_pair else WRONG, miss.distance))
    if miss.own is not None:
        tiles.append(tile(miss.own, RIGHT, miss.own_distance))
    title = miss.cause.value + (f": {miss.detail}" if miss.detail else "")
    return Row(title, tuple(tiles))


def _two_lines(name: str) -> tuple[str, str]:
    """At the word nearest the middle: names of files often are too long for a tile."""
    words = name.replace("_", " ").split(" ")
    half = min(
        range(1, len(words) + 1), key=lambda n: abs(len(" ".join(words[:n])) - len(name) / 2)
    )
    return " ".join(words[:half]), " ".join(words[half:])


def _save(page: Image.Image, folder: Path, name: str, caption: str) -> Picture:
    file = folder / f"{name}.jpg"
    page.save(file, quality=_QUALITY, optimize=True, progressive=True)
    return Picture(file.name, caption)


def _file_name(text: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in text.lower())
