"""The study's sections in words and tables: halves, causes of misses, labels."""

from collections.abc import Iterable, Iterator, Sequence

from facesearch_local.evaluation.labelled import Labelled
from facesearch_local.evaluation.measure import SystemMetrics
from facesearch_local.evaluation.tables import NOTHING, Table, percent
from tests.evaluation.study.halves import Half, choices
from tests.evaluation.study.miss_evidence import MissEvidence
from tests.evaluation.study.misses import Cause, Miss, chance_rates, count_causes
from tests.evaluation.study.study_result import StudyResult
from tests.evaluation.study.variants import costs_as_shipped

MOST_LABELS = 40
"""Likely wrong labels that are listed."""


def halves_section(systems: Sequence[StudyResult]) -> Iterator[str]:
    """What each half of the people would choose, and how that does on the other half."""
    halves = {
        each.name: each.halves
        for each in systems
        if each.halves is not None and costs_as_shipped(each.name)
    }
    if len(halves) < 2:
        return
    rows = [
        (system, *(percent(figure) for half in both for figure in _metrics_of(half)))
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
        f"{_sentence(there)} on the second ({there.queries:,}); the second chooses "
        f"{by_second}, which has {_sentence(here)} on the first. Halves are drawn by a hash of the "
        "name, and each is looked for among everybody. Only recipes with one embedding a face by "
        "the shipped network stand here."
    )


def _metrics_of(half: Half) -> tuple[float, float, float]:
    return half.rank_1, half.recall_at_20, half.map_at_20


def _sentence(half: Half) -> str:
    return "rank-1 {}, recall@20 {} and mAP@20 {}".format(*map(percent, _metrics_of(half)))


def causes_section(
    evidence: MissEvidence, queries: Sequence[Miss], pairs: Sequence[Miss], metrics: SystemMetrics
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
    total = metrics.identification.queries
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


def labels_section(misses: Iterable[Miss], labelled: Labelled) -> Iterator[str]:
    photos = labelled.photos
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
