"""`facesearch search`: the nearest faces, as a table, as JSON and as a picture."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec

from facesearch.choosing import with_stored_recipe
from facesearch.faces import DetectedFace, Match
from facesearch.limiter import Limiter
from facesearch.photos.folder import SCHEME, photo_path
from facesearch.photos.ids import is_in_s3
from facesearch.photos.places import Photos
from facesearch.searching import (
    FaceChoice,
    FaceMatches,
    Scope,
    analyse_person,
    check_query_count,
    check_scope,
    search_mean,
    search_photo,
)
from facesearch.store_urls import place_of
from facesearch.stores import FaceStore, open_store
from facesearch.verdicts import Limits
from facesearch.vision.images import DecodedImage, decode_image
from facesearch.vision.pipeline import FacePipeline
from facesearch_local.cli import DONE, NOTHING_DONE, PARTLY_DONE
from facesearch_local.cli.command import Command
from facesearch_local.cli.drawing import check_drawable, save_picture
from facesearch_local.cli.fetching import open_pipeline
from facesearch_local.cli.matches import print_results
from facesearch_local.cli.options import (
    json_option,
    read_settings,
    recipe_option,
    store_option,
)
from facesearch_local.cli.output import print_error, print_json, print_note, printable
from facesearch_local.cli.picture import draw_result
from facesearch_local.cli.query import Query, QueryType, naming, note_other_faces
from facesearch_local.cli.scope import scope_options
from search_faces.contract.answers import SearchAnswer


class FaceChoiceType(click.ParamType[FaceChoice]):
    """`largest`, `all`, or a face's index, counted from 0."""

    name = "face"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> FaceChoice:
        text = str(value)
        if text == "all":
            return "all"
        if text == "largest":
            return 0
        if not (text.isascii() and text.isdecimal()):
            self.fail(f"'{text}' is no face: use largest, all or a number from 0.", param, ctx)
        return int(text)


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch search portrait.jpg
  facesearch search portrait.jpg --k 5 --collection wedding
  facesearch search group.jpg --face all --min-confidence 90%
  facesearch search smile.jpg profile.jpg indoors.jpg
  curl --silent https://example.org/a.jpg | facesearch search -
  facesearch search portrait.jpg --grid nearest.png --open
  facesearch search portrait.jpg --json | jq -r '.results[].matches[].photo_id'""",
)
@click.argument("images", metavar="IMAGE...", type=QueryType(), nargs=-1, required=True)
@store_option
@recipe_option
@scope_options
@click.option(
    "--face",
    type=FaceChoiceType(),
    default="largest",
    show_default=True,
    metavar="FACE",
    help="Which face of IMAGE to search for: largest, all, or its number by size, from 0.",
)
@click.option(
    "--grid",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the faces found, as a PNG or another image by extension.",
)
@click.option("--overwrite", is_flag=True, help="Let --grid replace a file.")
@click.option("--open", "open_photo", is_flag=True, help="Open the picture, or the nearest photo.")
@json_option
def command(
    *,
    images: tuple[Query, ...],
    store_url: str | None,
    recipe: str | None,
    scope: Scope,
    face: FaceChoice,
    grid: Path | None,
    overwrite: bool,
    open_photo: bool,
    as_json: bool,
) -> int:
    """The stored faces nearest to the largest face of IMAGE, nearest first.

    IMAGE is a file, '-' for stdin, or an http(s):// URL: it is fetched from this machine, whose
    address its server sees. Several IMAGEs are photos of one person: their largest faces are
    averaged. Distance is L2, with FaceNet between unit vectors: 0 to 2. The verdict says what it
    means among so many faces: within the distance of "very likely", 1 % of searches for people who
    are not there show a stranger. It is unknown where the recipe is not calibrated.
    """
    if grid is not None:
        check_drawable(grid, "'--grid'", images, overwrite=overwrite, as_json=as_json)
    if len(images) > 1 and face != 0:
        raise click.UsageError("--face chooses among the faces of one IMAGE: name one.")
    if grid is not None and face == "all":
        raise click.UsageError("--grid draws the matches of one face: choose it by --face.")
    if sum(image.is_stdin for image in images) > 1:
        raise click.UsageError("Only one IMAGE can come from stdin: name files.")
    check_query_count(len(images))
    settings = with_stored_recipe(read_settings(store_url, recipe))
    pipeline = open_pipeline(settings)
    # Here, messages do not name the photo.
    check_scope(scope, pipeline.recipe)
    with open_store(settings.store_url, pipeline.recipe) as store:
        limits = Limiter(store, settings.very_likely).limits(scope.collection)
        if len(images) == 1:
            result = _search_photo(images[0], pipeline, store, scope, face, limits)
        else:
            result = _search_person(images, pipeline, store, scope, limits)
        # Raises when nothing was ever indexed.
        held = 1 if result.matches else _faces(store, scope.collection)
    if as_json:
        print_json(msgspec.to_builtins(result.answer))
    else:
        print_results(result.results, pipeline.recipe, limits)
        click.echo(f"The store is {printable(place_of(settings.store_url))}", err=True)
    if not result.matches:
        return _report_nothing(scope, held)
    if grid is not None:
        try:
            _draw(grid, images[0], result, limits)
        except click.ClickException as error:
            print_error(error.format_message())
            return PARTLY_DONE
    if open_photo:
        _open(str(grid) if grid is not None else result.matches[0].stored.photo.photo_id)
    return DONE


@dataclass(frozen=True, slots=True, eq=False)
class _SearchResult:
    """The matches, and the answer that the API would give.

    `query` returns the query photo and the face in it, for the picture of the search.
    """

    answer: SearchAnswer
    results: Sequence[FaceMatches]
    query: Callable[[], tuple[DecodedImage, DetectedFace]]

    @property
    def matches(self) -> Sequence[Match]:
        return [match for result in self.results for match in result.matches]


def _search_photo(
    image: Query,
    pipeline: FacePipeline,
    store: FaceStore,
    scope: Scope,
    face: FaceChoice,
    limits: Limits | None,
) -> _SearchResult:
    data = image.read()
    with naming(image):
        search = search_photo(data, pipeline, store, scope, face)
    if face == 0:
        note_other_faces(image, len(search.faces))
    return _SearchResult(
        SearchAnswer.of_photo(search, pipeline.recipe, limits),
        search.results,
        lambda: (search.photo, search.faces[search.results[0].face or 0]),
    )


def _search_person(
    images: Sequence[Query],
    pipeline: FacePipeline,
    store: FaceStore,
    scope: Scope,
    limits: Limits | None,
) -> _SearchResult:
    photos = [image.read() for image in images]
    faces = [photo.faces[0] for photo in analyse_person(photos, pipeline)]
    matches = search_mean(faces, store, scope)
    return _SearchResult(
        SearchAnswer.of_person(matches, pipeline.recipe, limits),
        [matches],
        lambda: (decode_image(photos[0]), faces[0].detected),
    )


def _faces(store: FaceStore, collection: str | None) -> int:
    if collection is None:
        return store.counts().faces
    held = store.collections().get(collection)
    return held.faces if held else 0


def _report_nothing(scope: Scope, held: int) -> int:
    """Tell why nothing was found where there are `held` faces."""
    place = f"collection '{scope.collection}'" if scope.collection else "the store"
    if not held:
        print_error(f"there are no faces in {place}: index photos first")
        return NOTHING_DONE
    if scope.offset:
        print_note(f"no match in {place} is left behind the first {scope.offset:,}: lower --offset")
    elif scope.metadata or scope.min_detection_score:
        print_note(f"no face in {place} fits what was asked for")
    else:
        print_note(f"no face in {place} is as near as was asked for")
    return DONE


def _open(target: str) -> None:
    """Show it in the program that this machine has for it."""
    if is_in_s3(target):
        target = Photos().s3.url(target) or target
    elif target.startswith(SCHEME):
        target = photo_path(target)
    if click.launch(target):
        print_note(f"no program could be started to open {target}")


def _draw(grid: Path, image: Query, result: _SearchResult, limits: Limits | None) -> None:
    picture = draw_result(image.label, *result.query(), result.matches, Photos().read, limits)
    save_picture(picture, grid)
