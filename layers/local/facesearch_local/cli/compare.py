"""`facesearch compare`: whether two photos show the same person."""

import click
import msgspec

from facesearch.confidence import percent
from facesearch.errors import InvalidRequest
from facesearch.faces import EmbeddedFace
from facesearch.searching import analyse_photo, compare_faces
from facesearch.verdicts import WORDS, limits_of
from facesearch.vision.pipeline import FacePipeline
from facesearch_local.cli.command import Command
from facesearch_local.cli.fetching import open_pipeline
from facesearch_local.cli.matches import unmeasured
from facesearch_local.cli.options import json_option, model_settings, recipe_option
from facesearch_local.cli.output import print_json, print_note
from facesearch_local.cli.query import Query, QueryType, naming, note_other_faces
from search_faces.contract.answers import CompareAnswer, Face


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch compare passport.jpg selfie.heic
  facesearch compare passport.jpg party.jpg --face 0 3
  facesearch compare --json a.jpg b.jpg | jq .verdict""",
)
@click.argument("first", metavar="A", type=QueryType())
@click.argument("second", metavar="B", type=QueryType())
@click.option(
    "--face",
    "chosen",
    type=(click.IntRange(min=0), click.IntRange(min=0)),
    metavar="A B",
    help="Which face of A and which of B, by their numbers by size, from 0 ('facesearch detect' "
    "tells them). Default: the largest of each.",
)
@recipe_option
@json_option
def command(
    first: Query,
    second: Query,
    chosen: tuple[int, int] | None,
    recipe: str | None,
    as_json: bool,
) -> None:
    """Whether two photos show the same person.

    Compares the largest face of each. A and B are files, '-' for stdin, or http(s):// URLs, which
    are fetched from this machine: their servers see its address.
    """
    settings = model_settings(recipe)
    pipeline = open_pipeline(settings)
    if first.is_stdin and second.is_stdin:
        raise click.UsageError("Only one of A and B can come from stdin: name a file.")
    numbers = chosen or (None, None)
    one, other = _face(first, numbers[0], pipeline), _face(second, numbers[1], pipeline)
    comparison = compare_faces(one, other, pipeline.recipe)
    limits = limits_of(pipeline.recipe, 1, settings.very_likely)
    if as_json:
        faces = (
            Face.of(numbers[0] or 0, one.detected),
            Face.of(numbers[1] or 0, other.detected),
        )
        print_json(
            msgspec.to_builtins(CompareAnswer.of(comparison, *faces, pipeline.recipe, limits))
        )
        return
    if comparison.confidence is None:
        click.echo(f"distance {comparison.distance:.3f}")
        print_note(unmeasured(pipeline.recipe))
        return
    said = "same person" if comparison.same_person else "different people"
    if limits is not None:
        said = WORDS[limits.verdict(comparison.distance)]
    click.echo(
        f"{said}: distance {comparison.distance:.3f} "
        f"(confidence {percent(comparison.confidence)} for pairs of which half are one person)"
    )


def _face(query: Query, number: int | None, pipeline: FacePipeline) -> EmbeddedFace:
    """The face of this number, or the largest. Raises `InvalidRequest` where there is none."""
    data = query.read()
    with naming(query):
        faces = analyse_photo(data, pipeline).faces
        if number is not None and number >= len(faces):
            raise InvalidRequest(
                f"there is no face {number}, it has {len(faces)}, counted from 0: see 'facesearch "
                "detect'"
            )
    if number is None:
        note_other_faces(query, len(faces))
    return faces[number or 0]
