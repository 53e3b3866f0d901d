"""`python -m tests.evaluation.study LFW`: the reports' systems, variants and peers beside ours."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from facesearch_local.cli import DONE, INTERRUPTED, NOTHING_DONE, PARTLY_DONE, run
from facesearch_local.cli.evaluate import (
    Stopped,
    check_names,
    default_cache,
    open_report,
    show_problems,
    show_tables,
    watch_progress,
)
from facesearch_local.cli.options import json_option, read_settings
from facesearch_local.cli.output import print_error, print_json, print_note, saved
from facesearch_local.cli.stopping import INTERRUPTED_MESSAGE
from facesearch_local.evaluation.evaluate import Task, evaluate
from facesearch_local.evaluation.labelled import read_labelled
from facesearch_local.evaluation.pairs import draw_pairs, read_pairs
from facesearch_local.evaluation.statistics import require_statistics
from facesearch_local.evaluation.systems import SYSTEMS
from facesearch_local.pool import worker_count
from tests.evaluation.study.report import study_tables, write_report
from tests.evaluation.study.study_result import study_json, study_system
from tests.evaluation.study.systems import PEER, study_systems
from tests.evaluation.study.variants import VARIANTS

COMMAND = "python -m tests.evaluation.study"


@click.command()
@click.argument("folder", metavar="LFW", type=click.Path(path_type=Path))
@click.option(
    "--system",
    "names",
    multiple=True,
    metavar="NAME",
    help=f"A system to study, repeatable (default: {', '.join(SYSTEMS)}).",
)
@click.option("--variants", is_flag=True, help="Other recipes from the same network, too.")
@click.option("--peers", is_flag=True, help="Other people's systems, too, where installed.")
@click.option(
    "--peer-python",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The Python that has the peers' packages (default: this one).",
)
@click.option("--pairs", "pairs_file", type=click.Path(path_type=Path), help="LFW's pairs.txt.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="A folder for report.md and its pictures, or the report's own name, ending in .md.",
)
@click.option("--limit-people", type=click.IntRange(min=2), help="So many people, drawn by seed.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--workers", type=click.IntRange(1, 256), help="Processes that share the work.")
@click.option("--cache", type=click.Path(path_type=Path), help="Where vectors are kept.")
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
def command(
    *,
    folder: Path,
    names: Sequence[str],
    variants: bool,
    peers: bool,
    peer_python: Path | None,
    pairs_file: Path | None,
    output: Path | None,
    limit_people: int | None,
    seed: int,
    workers: int | None,
    cache: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Compare the two reports' systems, variants and peers with the shipped one on LFW."""
    require_statistics()
    settings = read_settings()
    systems = study_systems(peer_python)
    asked = [*(names or SYSTEMS)]
    asked += [name for name in VARIANTS if variants and name not in asked]
    asked += [name for name in systems if peers and name.startswith(PEER) and name not in asked]
    check_names(asked, systems)
    labelled = read_labelled(folder, limit_people, seed)
    pairs = read_pairs(pairs_file, labelled) if pairs_file else draw_pairs(labelled.people, seed)
    report = open_report(output)
    task = Task(
        systems=systems,
        labelled=labelled,
        pairs=pairs,
        groups={},
        seed=seed,
        settings=settings,
        cache=cache or default_cache(),
        workers=workers or worker_count(settings.threads),
    )
    try:
        evaluation = evaluate(
            asked,
            task,
            lambda name: partial(watch_progress, name, quiet or as_json),
            [*COMMAND.split(), *sys.argv[1:]],
        )
    except Stopped:
        print_error(INTERRUPTED_MESSAGE)
        return INTERRUPTED
    for each in evaluation.not_run:
        print_note(f"{each.system} did not run: {each.reason}")
    results = [
        study_system(each, labelled, systems[each.metrics.system].rank)
        for each in evaluation.systems
    ]
    if as_json:
        print_json(study_json(evaluation, results))
    elif results:
        show_tables(study_tables(results))
        show_problems(evaluation)
    if not results:
        return NOTHING_DONE
    if report is not None:
        with saved(report.file):
            write_report(report, evaluation, results, settings)
        print_note(f"the report is {report.file}")
    # A peer need not be installed, unless it is named.
    missing = [
        each
        for each in evaluation.not_run
        if not each.system.startswith(PEER) or each.system in names
    ]
    return PARTLY_DONE if evaluation.problems or missing else DONE


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], command, COMMAND))
