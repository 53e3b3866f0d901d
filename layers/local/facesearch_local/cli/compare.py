"""`facesearch compare`: whether two photos show the same person."""

from pathlib import Path

import click
import msgspec

from facesearch.confidence import percent
from facesearch.faces import EmbeddedFace
from facesearch.photos.folder import read_file
from facesearch.searching import analyse_photo, compare_faces
from facesearch.verdicts import FEWEST, WORDS, limits_of
from facesearch.vision.pipeline import FacePipeline
from facesearch_local.cli.command import Command
from facesearch_local.cli.fetching import open_pipeline
from facesearch_local.cli.options import json_option, model_settings, recipe_option
from facesearch_local.cli.output import print_json
from facesearch_local.cli.query import naming, note_other_faces
from search_faces.contract.answers import CompareAnswer, Face


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch compare passport.jpg selfie.heic
  facesearch compare --json a.jpg b.jpg | jq .verdict""",
)
@click.argument("first", metavar="A", type=click.Path(path_type=Path))
@click.argument("second", metavar="B", type=click.Path(path_type=Path))
@recipe_option
@json_option
def command(first: Path, second: Path, recipe: str | None, as_json: bool) -> None:
    """Whether two photos show the same person.

    Compares the largest face of each.
    """
    settings = model_settings(recipe)
    pipeline = open_pipeline(settings)
    one, other = _face(first, pipeline), _face(second, pipeline)
    comparison = compare_faces(one, other, pipeline.recipe)
    limits = limits_of(pipeline.recipe, FEWEST, settings.very_likely)
    if as_json:
        faces = Face.of(0, one.detected), Face.of(0, other.detected)
        print_json(
            msgspec.to_builtins(CompareAnswer.of(comparison, *faces, pipeline.recipe, limits))
        )
        return
    if comparison.confidence is None:
        click.echo(
            f"distance {comparison.distance:.3f}; what that means is unknown: recipe "
            f"{pipeline.recipe.name} is not calibrated"
        )
        return
    said = "same person" if comparison.same_person else "different people"
    if limits is not None:
        said = WORDS[limits.verdict(comparison.distance)]
    click.echo(
        f"{said}: distance {comparison.distance:.3f} "
        f"(confidence {percent(comparison.confidence)} for pairs of which half are one person)"
    )


def _face(path: Path, pipeline: FacePipeline) -> EmbeddedFace:
    with naming(path):
        faces = analyse_photo(read_file(path).data, pipeline).faces
    note_other_faces(path, len(faces))
    return faces[0]
