"""`facesearch evaluate`: how well systems tell the people of a labelled folder apart."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from facesearch.errors import InvalidRequest
from facesearch.recipes.finding import ChosenRecipe, check_usable, find_recipe
from facesearch.recipes.writing import write_calibration
from facesearch_local.cli import DONE, INTERRUPTED, NOTHING_DONE, PARTLY_DONE
from facesearch_local.cli.command import Command
from facesearch_local.cli.fetching import fetch_models
from facesearch_local.cli.options import json_option, model_settings
from facesearch_local.cli.output import print_error, print_json, print_note, printable, saved
from facesearch_local.cli.progress import show_progress
from facesearch_local.cli.stopping import INTERRUPTED_MESSAGE, stopped_by_signal
from facesearch_local.evaluation.calibrating import calibrate, calibrate_searches
from facesearch_local.evaluation.evaluate import Task, evaluate
from facesearch_local.evaluation.groups import read_groups
from facesearch_local.evaluation.labelled import read_labelled
from facesearch_local.evaluation.pairs import draw_pairs, read_pairs
from facesearch_local.evaluation.results import Evaluation
from facesearch_local.evaluation.statistics import require_statistics
from facesearch_local.evaluation.system import SHIPPED, SystemEntry
from facesearch_local.evaluation.systems import recipe_entry
from facesearch_local.evaluation.tables import Table, metric_tables
from facesearch_local.pool import WorkerPool, worker_count

if TYPE_CHECKING:
    from facesearch_local.evaluation.report import EvaluationReport

MOST_PROBLEMS = 20
PEOPLE_AUC = 0.85
"""Below it, folders are hardly people: albums with the same people in several are near 0.5."""
FILE_WIDTH = 120
"""Characters of a line where there is no terminal to ask."""


class Stopped(Exception):
    """Ctrl-C, once the photos in hand are done."""


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  facesearch evaluate ~/people --output report
  facesearch evaluate lfw --pairs pairs.txt --json | jq .systems[0]
  facesearch evaluate lfw --recipe facenet --recipe whole-image --output report
  facesearch evaluate lfw --recipe mine.toml --calibrate""",
)
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option(
    "--recipe",
    "names",
    multiple=True,
    metavar="NAME",
    help="A recipe to evaluate, or its .toml file, repeatable (default: FACESEARCH_RECIPE, else "
    f"{SHIPPED}). 'facesearch models recipes' lists them.",
)
@click.option(
    "--calibrate",
    "calibrating",
    is_flag=True,
    help="Write what distances mean into each recipe: the confidence, the distances by rate of "
    "false accepts, and up to where a match is very likely, as far as so many photos can tell.",
)
@click.option(
    "--pairs",
    "pairs_file",
    type=click.Path(path_type=Path),
    help="Pairs to verify, as LFW's pairs.txt (default: drawn from the folder).",
)
@click.option(
    "--groups",
    "groups_file",
    type=click.Path(path_type=Path),
    help="A CSV file with the columns person and group: figures by group, too.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="A folder for report.md and its pictures, or the report's own name, ending in .md.",
)
@click.option("--limit-people", type=click.IntRange(min=2), help="So many people, drawn by seed.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    help="Processes to share the work (default: one for each core).",
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="Where vectors are kept for the next run (default: in the user's cache folder).",
)
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
def command(
    *,
    folder: Path,
    names: Sequence[str],
    calibrating: bool,
    pairs_file: Path | None,
    groups_file: Path | None,
    output: Path | None,
    limit_people: int | None,
    seed: int,
    workers: int | None,
    cache: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """How well recipes tell the people of a labelled folder apart.

    FOLDER holds a folder of photos for each person, named for the person; the face in the middle
    of a photo counts. Identification, verification, open set and detection are measured. Vectors
    are kept: run it again after Ctrl-C, or with other options, and only new photos take time.
    """
    require_statistics()
    settings = model_settings()
    recipes = [find_recipe(name, settings.models) for name in dict.fromkeys(names)]
    check_names_differ([recipe.name for recipe in recipes])
    if not recipes:
        recipes = [settings.recipe or find_recipe(SHIPPED, settings.models)]
    for recipe in recipes:
        check_usable(recipe)
        fetch_models(replace(settings, recipe=recipe))
    labelled = read_labelled(folder, limit_people, seed)
    pairs = read_pairs(pairs_file, labelled) if pairs_file else draw_pairs(labelled.people, seed)
    groups = read_groups(groups_file, labelled) if groups_file else {}
    if groups and pairs is None:
        raise click.UsageError("--groups needs ten pairs of photos of one person: add photos.")
    report = open_report(output)
    task = Task(
        systems={recipe.name: recipe_entry(recipe) for recipe in recipes},
        labelled=labelled,
        pairs=pairs,
        groups=groups,
        seed=seed,
        settings=settings,
        cache=cache or default_cache(),
        workers=workers or worker_count(settings.threads),
    )
    try:
        evaluation = evaluate(
            [recipe.name for recipe in recipes],
            task,
            lambda name: partial(watch_progress, name, quiet or as_json),
            ["facesearch", *sys.argv[1:]],
        )
    except Stopped:
        print_error(INTERRUPTED_MESSAGE)
        return INTERRUPTED
    for each in evaluation.not_run:
        print_note(f"{each.system} did not run: {each.reason}")
    if as_json:
        print_json(evaluation.json())
    elif evaluation.systems:
        show_tables(metric_tables([each.metrics for each in evaluation.systems]))
        show_problems(evaluation)
    if not evaluation.systems:
        return NOTHING_DONE
    note_no_people(evaluation)
    if report is not None:
        with saved(report.file):
            report.write(evaluation)
        print_note(f"the report is {report.file}")
    calibrated = not calibrating or _calibrate(recipes, evaluation, task)
    done = calibrated and not evaluation.problems and not evaluation.not_run
    return DONE if done else PARTLY_DONE


def _calibrate(recipes: Sequence[ChosenRecipe], evaluation: Evaluation, task: Task) -> bool:
    """Write what was measured into the recipes. Returns whether all could be calibrated."""
    results = {each.metrics.system: each for each in evaluation.systems}
    there = [recipe for recipe in recipes if recipe.name in results]
    for recipe in there:
        try:
            calibration = calibrate(results[recipe.name], task.labelled, task.pairs)
        except InvalidRequest as error:
            print_error(f"{recipe.name} was not calibrated: {error}")
            return False
        try:
            searches = calibrate_searches(results[recipe.name], task.labelled, task.seed)
        except InvalidRequest as error:
            searches = None
            print_note(f"{recipe.name} gives no verdicts (very likely, possible): {error}")
        calibration = msgspec.structs.replace(calibration, searches=searches)
        file = write_calibration(recipe, calibration, task.settings.models)
        least = min((each.false_accept_rate for each in calibration.thresholds), default=None)
        reach = "no threshold" if least is None else f"thresholds down to 1 in {1 / least:,.0f}"
        print_note(f"{recipe.name} is calibrated, with {reach} false accepts: {file}")
    return len(there) == len(recipes)


def note_no_people(evaluation: Evaluation) -> None:
    """Tell when folders seem to be albums, years or the like: figures then mean nothing."""
    verified = [each.metrics.verification for each in evaluation.systems]
    best = max((each.auc for each in verified if each is not None), default=1.0)
    if best < PEOPLE_AUC:
        print_note(
            f"photos of one folder look hardly more alike than those of two (AUC {best:.2f}): if "
            "the folders are not people, the figures mean nothing; name a folder for each person"
        )


def check_names_differ(names: Sequence[str]) -> None:
    """Raises `UsageError` for two recipes of one name: their figures could not be told apart."""
    for name in names:
        if names.count(name) > 1:
            raise click.UsageError(f"Two recipes are called '{name}': give one another name.")


def check_names(names: Sequence[str], systems: Mapping[str, SystemEntry]) -> None:
    """Raises `UsageError` for a name that is none of these systems'."""
    for name in names:
        if name not in systems:
            raise click.UsageError(f"There is no system '{name}': use one of {', '.join(systems)}.")


@contextmanager
def watch_progress(
    name: str, quiet: bool, pool: WorkerPool[Any, Any], total: int
) -> Iterator[Callable[[int], None]]:
    with (
        show_progress(name, "photos", total, quiet=quiet) as advance,
        stopped_by_signal(pool) as stopped,
    ):
        yield advance
    if stopped:
        raise Stopped


def open_report(output: Path | None) -> "EvaluationReport | None":
    """Made early: nobody wants to wait an hour for a folder that cannot be written."""
    if output is None:
        return None
    # Half a second of import that only a report needs.
    from facesearch_local.evaluation.report import EvaluationReport

    with saved(output):
        return EvaluationReport.at(output)


def default_cache() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("facesearch") / "evaluation"


def show_tables(tables: Sequence[Table]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = FILE_WIDTH
    for table in tables:
        shown = RichTable(title=table.title, title_justify="left", box=box.SIMPLE_HEAD)
        for number, column in enumerate(table.columns):
            shown.add_column(column, justify="right" if number else "left")
        for row in table.rows:
            shown.add_row(*row)
        console.print(shown)


def show_problems(evaluation: Evaluation) -> None:
    for problem in evaluation.problems[:MOST_PROBLEMS]:
        print_error(f"{printable(problem.name)}: {problem.error}")
    more = len(evaluation.problems) - MOST_PROBLEMS
    if more > 0:
        print_error(f"and {more:,} more: --json tells all")
