"""MTCNN and CenterFace side by side: `python -m tests.evaluation.detectors LFW`.

On photos of LFW, on crowds (mosaics of LFW's faces) and on pictures without people, a picture by
turns, so that both are timed on the same machine at the same moment. Prints a table of
DETECTION.md.
"""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
from PIL import Image

from facesearch.recipes.finding import built_in
from facesearch.settings import Settings
from facesearch.vision.pipeline import FacePipeline
from tests.evaluation.detection import (
    TILES,
    mosaic,
    pictures_without_people,
    png,
    tiles_found,
)

RECIPES = {"MTCNN": "facenet", "CenterFace": "facenet-centerface"}
"""Detectors by the recipes that name them."""


@dataclass(slots=True)
class Tally:
    """Of one set: faces that were to be found, those that were, and processor time."""

    wanted: int = 0
    found: int = 0
    seconds: float = 0.0
    pictures: int = 0


def pictures(lfw: Path, photos: int) -> Iterator[tuple[str, bytes, int, int]]:
    """The set, a picture, the faces in it, and the side of the square that each is the middle of.

    Of those without people, none should be found.
    """
    chosen = random.Random(5).sample(sorted(lfw.glob("*/*_0001.jpg")), photos)  # noqa: S311
    for path in chosen:
        with Image.open(path) as opened:
            yield "LFW", path.read_bytes(), 1, opened.width
    for tile, columns, rows in TILES:
        for page in range(3):
            of_page = chosen[page * columns * rows :][: columns * rows]
            if len(of_page) == columns * rows:
                crowd = Image.fromarray(mosaic(of_page, tile, columns))
                yield f"crowds of {columns}×{rows}, {tile} px", png(crowd), len(of_page), tile
    for _, pixels in pictures_without_people():
        yield "without people", png(Image.fromarray(pixels)), 0, 0


@click.command()
@click.argument("lfw", type=click.Path(exists=True, path_type=Path))
@click.option("--photos", default=1000, show_default=True, help="Of LFW.")
def main(lfw: Path, photos: int) -> None:
    """Print what each detector finds, and what a picture costs of one core."""
    models = Settings.from_env({}).models
    pipelines = {
        name: FacePipeline(models, built_in(recipe), threads=1) for name, recipe in RECIPES.items()
    }
    tallies: dict[str, dict[str, Tally]] = {}
    for kind, data, wanted, side in pictures(lfw, photos):
        for name, pipeline in pipelines.items():
            tally = tallies.setdefault(kind, {}).setdefault(name, Tally())
            if not tally.pictures:
                pipeline.detect(data)  # warm
            start = time.process_time()
            _, faces = pipeline.detect(data)
            tally.seconds += time.process_time() - start
            tally.pictures += 1
            tally.wanted += wanted
            tally.found += len(tiles_found(faces, side)) if wanted else bool(faces)
    click.echo("| set | pictures | detector | faces found | ms a picture |")
    click.echo("|---|---|---|---|---|")
    for kind, by_name in tallies.items():
        for name, tally in by_name.items():
            of = f"{tally.found:,} of {tally.wanted:,}" if tally.wanted else f"{tally.found} wrong"
            ms = tally.seconds * 1e3 / tally.pictures
            click.echo(f"| {kind} | {tally.pictures:,} | {name} | {of} | {ms:.0f} |")


if __name__ == "__main__":
    main()
