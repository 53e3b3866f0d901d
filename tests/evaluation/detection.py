"""What detection finds, and what it should not: `python -m tests.evaluation.detection LFW`.

Four sets: pictures without people (of scikit-image), photos of LFW as they are
and turned by quarters, and mosaics of LFW's faces. Prints the tables of DETECTION.md.
"""

import io
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image

from facesearch.faces import DetectedFace, EmbeddedFace
from facesearch.recipes.finding import built_in
from facesearch.settings import Settings
from facesearch.vision.detection import DEFAULT_SETTINGS, DetectionSettings
from facesearch.vision.pipeline import AnalysedPhoto, FacePipeline

Pixels = NDArray[np.uint8]

WITHOUT_PEOPLE = (
    *("brick", "cell", "chelsea", "chessboard_RGB", "clock_motion", "coffee", "coins", "color"),
    *("grass", "gravel", "horse", "hubble_deep_field", "ihc", "logo", "microaneurysms", "moon"),
    *("motorcycle_left", "motorcycle_right", "page", "phantom", "retina", "rocket", "text"),
)
"""Of scikit-image's sample data, in its package."""

SMALL, FACTOR = 600, 2
SAME_PERSON = 0.998
TILES = ((250, 4, 3), (125, 8, 6), (64, 14, 10))
"""Of mosaics: pixels of a tile, columns and rows."""


def pictures_without_people() -> Iterator[tuple[str, Pixels]]:
    """Each whole, its halves and its middle; small ones enlarged."""
    folder = Path(skimage.__file__).parent / "data"
    paths = [next(folder.glob(f"{name}.*")) for name in WITHOUT_PEOPLE]
    for path in paths:
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        width, height = image.size
        parts = {"whole": image}
        if min(image.size) >= 200:
            parts["left"] = image.crop((0, 0, width // 2, height))
            parts["right"] = image.crop((width // 2, 0, width, height))
            middle = (width // 4, height // 4, 3 * width // 4, 3 * height // 4)
            parts["middle"] = image.crop(middle)
        for part, cut in parts.items():
            scale = FACTOR if max(cut.size) < SMALL else 1
            large = cut.resize((cut.width * scale, cut.height * scale), Image.Resampling.BICUBIC)
            yield f"{path.stem}, {part}", np.asarray(large)


def mosaic(paths: Sequence[Path], tile: int, columns: int) -> Pixels:
    """Photos side by side, each made `tile` pixels square."""
    rows = len(paths) // columns
    page = Image.new("RGB", (columns * tile, rows * tile))
    for place, path in enumerate(paths):
        with Image.open(path) as photo:
            small = photo.convert("RGB").resize((tile, tile))
        page.paste(small, (place % columns * tile, place // columns * tile))
    return np.asarray(page)


def tiles_found(faces: Sequence[DetectedFace], tile: int) -> set[tuple[int, int]]:
    """The tiles in whose middle there is a face, as LFW's have theirs."""
    found = set()
    for face in faces:
        across = (face.box.left + face.box.width / 2) / tile
        down = (face.box.top + face.box.height / 2) / tile
        if abs(across % 1 - 0.5) < 0.15 and abs(down % 1 - 0.5) < 0.15:
            found.add((int(across), int(down)))
    return found


def main_face(analysed: object) -> EmbeddedFace | None:
    if not isinstance(analysed, AnalysedPhoto) or not analysed.faces:
        return None
    return analysed.faces[0]


def recognisable(pipeline: FacePipeline, paths: Sequence[Path]) -> dict[int, tuple[int, int]]:
    """By turn: photos with a face, and those whose face is the upright one's person."""
    counts = dict.fromkeys(range(4), (0, 0))
    for path in paths:
        with Image.open(path) as opened:
            upright = opened.convert("RGB")
        faces = [main_face(_analysed(pipeline, upright, turn)) for turn in range(4)]
        first = faces[0]
        for turn, face in enumerate(faces):
            if face is None or first is None:
                continue
            same = float(np.linalg.norm(face.embedding - first.embedding)) <= SAME_PERSON
            found, known = counts[turn]
            counts[turn] = found + 1, known + same
    return counts


def _analysed(pipeline: FacePipeline, image: Image.Image, turn: int) -> object:
    turned = image.rotate(90 * turn, expand=True)
    (analysed,) = pipeline.analyse([png(turned)])
    return analysed


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def detector_of(settings: DetectionSettings) -> FacePipeline:
    environ = Settings.from_env({})
    return FacePipeline(environ.models, built_in("facenet"), 1, detection=settings)


def false_faces(pipeline: FacePipeline) -> tuple[int, int, float]:
    """Pictures with a face of those without people, their number, and processor time of one."""
    pictures = [png(Image.fromarray(pixels)) for _, pixels in pictures_without_people()]
    pipeline.detect(pictures[0])
    start = time.process_time()
    wrong = sum(bool(pipeline.detect(each)[1]) for each in pictures)
    return wrong, len(pictures), (time.process_time() - start) / len(pictures)


@click.command()
@click.argument("lfw", type=click.Path(exists=True, path_type=Path))
@click.option("--photos", default=1000, show_default=True, help="Of LFW.")
def main(lfw: Path, photos: int) -> None:
    """Print what is found in LFW's photos, in mosaics of them, turned, and without people."""
    chosen = random.Random(5).sample(sorted(lfw.glob("*/*_0001.jpg")), photos)  # noqa: S311
    default = detector_of(DEFAULT_SETTINGS)
    click.echo(
        "| agreed score | lone score | false faces | photos with a face | ms without a face |"
    )
    click.echo("|---|---|---|---|---|")
    for agreed, lone in ((0.7, 0.7), (0.8, 0.9), (0.85, 0.935), (0.9, 0.96), (0.95, 0.98)):
        settings = replace(DEFAULT_SETTINGS, agreed_score=agreed, lone_score=lone)
        pipeline = detector_of(settings)
        wrong, number, seconds = false_faces(pipeline)
        with_face = sum(bool(pipeline.detect(path.read_bytes())[1]) for path in chosen)
        click.echo(
            f"| {agreed} | {lone} | {wrong} of {number} | {with_face:,} of {photos:,} | "
            f"{seconds * 1000:.0f} |"
        )
    click.echo("\n| turned by | found | the same person within 0.998 |\n|---|---|---|")
    for turn, (found, same) in recognisable(default, chosen[:200]).items():
        click.echo(f"| {90 * turn}° | {found} of 200 | {same} of 200 |")
    click.echo("\n| mosaic | faces found |\n|---|---|")
    for tile, columns, rows in TILES:
        tiles = columns * rows
        pixels = mosaic(chosen[:tiles], tile, columns)
        _, faces = default.detect(png(Image.fromarray(pixels)))
        found_tiles = len(tiles_found(faces, tile))
        click.echo(f"| {columns}×{rows} of {tile} px | {found_tiles} of {tiles} |")


if __name__ == "__main__":
    main()
