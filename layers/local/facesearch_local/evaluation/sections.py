"""The report's sections in words and tables; `report` puts the pictures between them."""

from collections.abc import Iterable, Iterator, Sequence

from facesearch_local.evaluation.errors import Cause, Miss, chance_rates, count_causes
from facesearch_local.evaluation.evaluation import Evaluation, GroupResult
from facesearch_local.evaluation.evidence import Evidence
from facesearch_local.evaluation.halves import Half, choices
from facesearch_local.evaluation.intervals import Interval
from facesearch_local.evaluation.limits import GENERAL_LIMITS, LFW_LIMITS
from facesearch_local.evaluation.measuring import Figures
from facesearch_local.evaluation.tables import NOTHING, Table, figure_tables, percent
from facesearch_local.evaluation.variants import costs_as_shipped

MOST_LABELS = 40
"""Likely wrong labels that are listed."""


def figures_section(evaluation: Evaluation) -> Iterator[str]:
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
    figures = [each.figures for each in evaluation.systems]
    for table in [*figure_tables(figures), _intervals(figures)]:
        yield f"## {table.title}"
        yield table.markdown()
    yield (
        "P@k: right ones among the k nearest. Ten queries: with all photos of the person among "
        "the 20 nearest / all of them on top. Found at 1 % false alarms: known people whose "
        "nearest photo is their own, at the distance at which 1 % of the people with a single "
        "photo are taken for somebody else. Milliseconds are of one core."
    )
    yield from _suggested(figures)
    yield from _calibration(figures)
    yield from _several_photos(figures)
    yield from _halves(figures)
    if evaluation.not_run:
        lines = [f"- {each.system}: {each.reason}" for each in evaluation.not_run]
        yield "\n".join(["These could not run here:", "", *lines])
    if evaluation.problems:
        count = len(evaluation.problems)
        yield f"{count:,} photos or folders could not be used (`--json` lists them)."


def _intervals(systems: Sequence[Figures]) -> Table:
    rows = []
    for each in systems:
        found, pairs = each.identification, each.verification
        of_pairs: list[Interval | None] = [None] * 3
        if pairs is not None:
            of_pairs = [pairs.accuracy_interval, *pairs.tar_at_far_interval.values()]
        of_queries = (found.rank_1_interval, found.recall_at_20_interval, found.map_at_20_interval)
        rows.append((each.system, *map(_interval, (*of_queries, *of_pairs))))
    columns = ("rank-1", "recall@20", "mAP@20", "accuracy", "TAR at 1 %", "TAR at 0.1 %")
    return Table("95 % intervals (%)", ("system", *columns), rows)


def _interval(interval: Interval | None) -> str:
    return NOTHING if interval is None else f"{percent(interval[0])}–{percent(interval[1])}"


def _suggested(systems: Sequence[Figures]) -> Iterator[str]:
    for each in systems:
        if each.open_set is None or not each.open_set.at_suggested:
            continue
        rows = [
            (
                f"{at.distance:.3f}",
                percent(at.false_alarms),
                _interval(at.false_alarms_interval),
                percent(at.found),
            )
            for at in each.open_set.at_suggested
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


def _calibration(systems: Sequence[Figures]) -> Iterator[str]:
    for each in systems:
        found = each.calibration
        if found is None or each.reliability is None:
            continue
        yield f"### {each.system}: the confidence and its thresholds"
        yield (
            f"On these pairs the confidence has a Brier score of {each.reliability.brier:.4f} and "
            f"an expected calibration error of {each.reliability.expected_error:.4f}. Fitted to "
            f"the other folds, it would have {found.held_out.brier:.4f} and "
            f"{found.held_out.expected_error:.4f}; fitted to all, it would be one half at "
            f"{found.fitted.midpoint:.3f} with steepness {found.fitted.steepness:.1f}."
        )
        columns = ("false-accept rate (%)", "distance", "held out (%)", "true-accept rate (%)")
        rows = [
            (
                f"{rate.wanted * 100:g}",
                f"{rate.distance:.3f}",
                f"{rate.held_out * 100:.4f} ± {rate.held_out_deviation * 100:.4f}",
                percent(rate.true_accept_rate),
            )
            for rate in found.accept_rates
        ]
        if rows:
            yield Table("", columns, rows).markdown()
            yield (
                "Over all pairs of photos. Held out: the rate among people of one fold at the "
                "threshold that is chosen on nine others. True accepts: each person counts alike."
            )


def _several_photos(systems: Sequence[Figures]) -> Iterator[str]:
    for each in systems:
        if not each.several_photos:
            continue
        rows = [
            (
                str(found.photos),
                percent(found.rank_1),
                percent(found.recall_at_20),
                percent(found.map_at_20),
                f"{found.photos * each.ms_a_photo:.1f}",
            )
            for found in each.several_photos
        ]
        yield f"### {each.system}: several photos of a person in one query (%)"
        columns = ("photos a query", "rank-1", "recall@20", "mAP@20", "ms a query")
        yield Table("", columns, rows).markdown()
        first = each.several_photos[0]
        yield (
            f"{first.queries:,} queries drawn of {first.people:,} people with six photos or more; "
            "each leaves out the same five photos, however many of them it shows."
        )


def _halves(systems: Sequence[Figures]) -> Iterator[str]:
    halves = {
        each.system: each.halves
        for each in systems
        if each.halves is not None and costs_as_shipped(each.system)
    }
    if len(halves) < 2:
        return
    rows = [
        (system, *(percent(figure) for half in both for figure in _figures_of(half)))
        for system, both in halves.items()
    ]
    names = ("rank-1", "recall@20", "mAP@20")
    columns = [f"{name}, {half} half" for half in ("first", "second") for name in names]
    yield "### Chosen on one half of the people, measured on the other (%)"
    yield Table("", ("system", *columns), rows).markdown()
    by_first, by_second = choices(halves)
    (_, there), (here, _) = halves[by_first], halves[by_second]
    yield (
        f"By mAP@20 the first half ({here.queries:,} queries) chooses {by_first}, which has "
        f"{_told(there)} on the second ({there.queries:,}); the second chooses {by_second}, which "
        f"has {_told(here)} on the first. Halves are drawn by a hash of the name, and each is "
        "looked for among everybody. Only recipes with one embedding a face by the shipped network "
        "stand here."
    )


def _figures_of(half: Half) -> tuple[float, float, float]:
    return half.rank_1, half.recall_at_20, half.map_at_20


def _told(half: Half) -> str:
    return "rank-1 {}, recall@20 {} and mAP@20 {}".format(*map(percent, _figures_of(half)))


def causes_section(
    evidence: Evidence, queries: Sequence[Miss], pairs: Sequence[Miss], figures: Figures
) -> str:
    rates = chance_rates(evidence, evidence.sample)
    of_queries, of_pairs = count_causes(queries), count_causes(pairs)
    rows = [
        (
            cause.value,
            f"{of_queries[cause]:,}",
            f"{of_pairs[cause]:,}",
            percent(rates[cause]) if cause in rates else NOTHING,
        )
        for cause in Cause
    ]
    table = Table("", ("cause", "missed queries", "misjudged pairs", "of all photos (%)"), rows)
    total = figures.identification.queries
    return (
        f"{len(queries):,} of {total:,} queries have a wrong nearest photo, and {len(pairs):,} "
        "pairs are on the wrong side of the threshold. Causes are looked for in this order, in "
        "both photos that should have met:\n\n"
        f"{table.markdown()}\n\n"
        f"The last column is how many of {len(evidence.sample)} photos drawn at random meet a "
        "criterion, too: so much is explained by luck. Turned far away and small or blurred mean "
        "beyond 98 of 100 photos of this folder. Age, make-up, glasses and hands before the face "
        "cannot be told from boxes, landmarks and vectors: they stay unexplained."
    )


def labels_section(misses: Iterable[Miss], evaluation: Evaluation) -> Iterator[str]:
    photos = evaluation.labelled.photos
    suspects = {
        photos[miss.photo].label: (
            photos[miss.photo].label,
            photos[miss.against].label if miss.against is not None else NOTHING,
            f"{miss.distance:.2f}",
            miss.detail,
        )
        for miss in misses
        if miss.cause is Cause.LABEL
    }
    if suspects:
        columns = ("photo", "and", "distance", "why")
        yield "### Labels that the data speaks against"
        yield (
            "Found by distance alone, not by a list: look at them before you believe it, or the "
            "label."
        )
        yield Table("", columns, list(suspects.values())[:MOST_LABELS]).markdown()


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


def limits_section(evaluation: Evaluation) -> Iterator[str]:
    yield "## What these figures cannot show"
    if any(each.ten_answers is not None for each in evaluation.systems):
        yield LFW_LIMITS
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
        f"- **{each.figures.system}**: {each.figures.recipe}" for each in evaluation.systems
    )
