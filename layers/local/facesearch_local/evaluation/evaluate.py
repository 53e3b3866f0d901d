"""Evaluate systems on the same photos, and gather their results."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from facesearch.errors import ModelError
from facesearch.settings import Settings
from facesearch_local.evaluation.embed_photos import Watch, embed_photos
from facesearch_local.evaluation.groups import group_metrics
from facesearch_local.evaluation.labelled import Labelled
from facesearch_local.evaluation.measure import SystemResult, measure
from facesearch_local.evaluation.pairs import Pairs
from facesearch_local.evaluation.provenance import provenance
from facesearch_local.evaluation.results import Evaluation, GroupResult, NotRun
from facesearch_local.evaluation.system import SystemEntry
from facesearch_local.library.walk import Problem


@dataclass(frozen=True, slots=True)
class Task:
    """What is evaluated, and how. `systems` are those that can be named.

    `groups` (of people) is empty where there are no pairs.
    """

    systems: Mapping[str, SystemEntry]
    labelled: Labelled
    pairs: Pairs | None
    groups: dict[str, str]
    seed: int
    settings: Settings
    cache: Path
    workers: int


def evaluate(
    names: Sequence[str],
    task: Task,
    watch: Callable[[str], Watch],
    command: Sequence[str],
) -> Evaluation:
    """`watch` shows the progress of a system, `command` is the command line, for the report.

    A system whose model is missing, or that finds no faces, is among those that did not run.
    """
    start = time.monotonic()
    results = [_run(name, task, watch(name)) for name in names]
    systems = [result for result in results if isinstance(result, SystemResult)]
    return Evaluation(
        labelled=task.labelled,
        pairs=task.pairs,
        seed=task.seed,
        systems=systems,
        not_run=[result for result in results if isinstance(result, NotRun)],
        problems=_problems(task.labelled, systems),
        by_group=[_by_group(each, task) for each in systems] if task.groups else [],
        provenance=provenance(command),
        seconds=time.monotonic() - start,
    )


def _run(name: str, task: Task, watch: Watch) -> SystemResult | NotRun:
    try:
        embedded = embed_photos(
            task.systems[name],
            task.labelled.photos,
            task.settings,
            cache_folder=task.cache,
            workers=task.workers,
            watch=watch,
        )
    except ModelError as error:
        return NotRun(name, str(error))
    detected = int(embedded.detected.sum())
    if detected < 2:
        return NotRun(name, f"it found faces in {detected} of {len(embedded.detected):,} photos")
    entry = task.systems[name]
    return measure(embedded, task.labelled, task.pairs, entry.calibration, task.seed, entry.rank)


def _by_group(result: SystemResult, task: Task) -> GroupResult:
    verification = result.metrics.verification
    assert verification is not None  # noqa: S101 (there are pairs)
    by_group = group_metrics(
        result.embedded,
        result.retrieval,
        task.labelled.people,
        task.groups,
        verification.threshold,
    )
    return GroupResult(result.metrics.system, verification.threshold, by_group)


def _problems(labelled: Labelled, systems: Sequence[SystemResult]) -> list[Problem]:
    """Each photo once, however many systems it failed in."""
    named = {problem.name: problem for each in systems for problem in each.embedded.problems}
    return [*labelled.problems, *named.values()]
