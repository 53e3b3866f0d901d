"""The report's sections of text and tables; `report` adds the plots."""

from collections.abc import Iterator, Sequence

from facesearch_local.evaluation.limits import GENERAL_LIMITS
from facesearch_local.evaluation.measure import SystemMetrics
from facesearch_local.evaluation.results import Evaluation, GroupResult
from facesearch_local.evaluation.statistics import Interval
from facesearch_local.evaluation.tables import NOTHING, Table, percent


def title_section(evaluation: Evaluation) -> Iterator[str]:
    labelled = evaluation.labelled
    people = len(set(labelled.people.tolist()))
    yield f"# Evaluation on {len(labelled.photos):,} photos of {people:,} people"
    pairs = (
        f"{len(evaluation.pairs.same):,} pairs ({evaluation.pairs.origin})"
        if evaluation.pairs
        else "no pairs, as there are too few photos"
    )
    yield (
        f"{labelled.people_with_several:,} people have two photos or more; {pairs}. Every photo "
        "counts: one without a face is a query that finds nothing, and a pair that is rejected. "
        "The threshold of each fold of pairs is chosen on the other folds."
    )


def tables_section(tables: Sequence[Table], note: str = "") -> Iterator[str]:
    """`note` says what the tables' further columns mean."""
    for table in tables:
        yield f"## {table.title}"
        yield table.markdown()
    yield (
        f"P@k: right ones among the k nearest. {note}Found at 1 % false alarms: known people "
        "whose nearest photo is their own, at the distance at which 1 % of the people with a "
        "single photo are taken for somebody else. Milliseconds are of one core."
    )


def details_section(systems: Sequence[SystemMetrics]) -> Iterator[str]:
    """The open set at suggested thresholds, the confidence, several photos a query."""
    yield from _suggested(systems)
    yield from _calibration(systems)
    yield from _several_photos(systems)


def missing_section(evaluation: Evaluation) -> Iterator[str]:
    """Systems that did not run, and how many photos could not be used."""
    if evaluation.not_run:
        lines = [f"- {each.system}: {each.reason}" for each in evaluation.not_run]
        yield "\n".join(["These could not run here:", "", *lines])
    if evaluation.problems:
        count = len(evaluation.problems)
        yield f"{count:,} photos or folders could not be used (`--json` lists them)."


def interval_table(systems: Sequence[SystemMetrics]) -> Table:
    rows = []
    for each in systems:
        queries, pairs = each.identification, each.verification
        of_pairs: list[Interval | None] = [None] * 3
        if pairs is not None:
            of_pairs = [pairs.accuracy_interval, *pairs.tar_at_far_interval.values()]
        of_queries = (
            queries.rank_1_interval,
            queries.recall_at_20_interval,
            queries.map_at_20_interval,
        )
        rows.append((each.system, *map(_interval, (*of_queries, *of_pairs))))
    columns = ("rank-1", "recall@20", "mAP@20", "accuracy", "TAR at 1 %", "TAR at 0.1 %")
    return Table("95 % intervals (%)", ("system", *columns), rows)


def _interval(interval: Interval | None) -> str:
    return NOTHING if interval is None else f"{percent(interval[0])}–{percent(interval[1])}"


def _suggested(systems: Sequence[SystemMetrics]) -> Iterator[str]:
    for each in systems:
        if each.open_set is None or not each.open_set.at_suggested:
            continue
        rows = [
            (
                f"{rates.distance:.3f}",
                percent(rates.false_alarms),
                _interval(rates.false_alarms_interval),
                percent(rates.identified),
            )
            for rates in each.open_set.at_suggested
        ]
        columns = ("distance", "false alarms", "95 % interval", "found")
        yield f"### {each.system}: open set at the suggested thresholds (%)"
        yield Table("", columns, rows).markdown()
        yield (
            f"False alarms: of {each.open_set.impostors:,} people with a single photo, those for "
            f"whom somebody among {each.open_set.gallery:,} photos of other people is within the "
            "distance. The thresholds hold their false-accept rate for one pair; a search compares "
            "with everybody."
        )


def _calibration(systems: Sequence[SystemMetrics]) -> Iterator[str]:
    for each in systems:
        calibration = each.calibration
        if calibration is None or each.reliability is None:
            continue
        yield f"### {each.system}: the confidence and its thresholds"
        yield (
            f"On these pairs the confidence has a Brier score of {each.reliability.brier:.4f} and "
            f"an expected calibration error of {each.reliability.expected_error:.4f}. Fitted to "
            f"the other folds, it would have {calibration.held_out.brier:.4f} and "
            f"{calibration.held_out.expected_error:.4f}; fitted to all, it would be one half at "
            f"{calibration.fitted.midpoint:.3f} with steepness {calibration.fitted.steepness:.1f}."
        )
        columns = ("false-accept rate (%)", "distance", "held out (%)", "true-accept rate (%)")
        rows = [
            (
                f"{rate.false_accept_rate * 100:g}",
                f"{rate.distance:.3f}",
                f"{rate.held_out * 100:.4f} ± {rate.held_out_deviation * 100:.4f}",
                percent(rate.true_accept_rate),
            )
            for rate in calibration.accept_rates
        ]
        if rows:
            yield Table("", columns, rows).markdown()
            yield (
                "Over all pairs of photos. Held out: the rate among people of one fold at the "
                "threshold that is chosen on nine others. True accepts: each person counts alike."
            )


def _several_photos(systems: Sequence[SystemMetrics]) -> Iterator[str]:
    for each in systems:
        if not each.several_photos:
            continue
        rows = [
            (
                str(several.photos),
                percent(several.rank_1),
                percent(several.recall_at_20),
                percent(several.map_at_20),
                f"{several.photos * each.ms_a_photo:.1f}",
            )
            for several in each.several_photos
        ]
        yield f"### {each.system}: several photos of a person in one query (%)"
        columns = ("photos a query", "rank-1", "recall@20", "mAP@20", "ms a query")
        yield Table("", columns, rows).markdown()
        first = each.several_photos[0]
        yield (
            f"{first.queries:,} queries drawn of {first.people:,} people with six photos or more; "
            "each leaves out the same five photos, however many of them it shows."
        )


def groups_section(results: Sequence[GroupResult]) -> Iterator[str]:
    if results:
        yield "## By group"
        yield (
            "All groups at one threshold, as a deployment has one. Accepts are of all pairs within "
            "the group: false ones are harder than those of pairs drawn from everybody."
        )
    for result in results:
        rows = [
            (
                each.group,
                f"{each.people:,}",
                f"{each.photos:,}",
                percent(each.detected),
                f"{percent(each.rank_1)} ({_interval(each.rank_1_interval)})",
                percent(each.true_accepts),
                f"{each.false_accepts * 100:.3f}",
            )
            for each in result.groups
        ]
        columns = ("group", "people", "photos", "detected", "rank-1", "TAR", "FAR")
        yield f"### {result.system} at distance {result.threshold:.3f} (%)"
        yield Table("", columns, rows).markdown()


def limits_section(*collection: str) -> Iterator[str]:
    """`collection`: what this collection of photos cannot show."""
    yield "## What these figures cannot show"
    yield from collection
    yield GENERAL_LIMITS


def origin_section(evaluation: Evaluation) -> Iterator[str]:
    made = evaluation.provenance
    yield "## How it was made"
    yield f"```\n{made.command}\n```"
    commit = f", commit {made.commit}" if made.commit else ""
    yield "\n".join(
        (
            f"- facesearch {made.facesearch}{commit}; Python {made.python}, NumPy {made.numpy}, "
            f"ONNX Runtime {made.onnxruntime}",
            f"- {made.cpu}, {made.cores} cores, {made.system}",
            f"- seed {evaluation.seed}; {evaluation.seconds:.0f} s, vectors that were kept from an "
            "earlier run included at no cost",
        )
    )
    yield "Recipes:\n\n" + "\n".join(
        f"- **{each.metrics.system}**: {each.metrics.recipe}" for each in evaluation.systems
    )
