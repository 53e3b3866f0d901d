"""The study's report: that of `facesearch evaluate`, with halves, ten queries and misses."""

from collections.abc import Iterator, Sequence

from facesearch.settings import Settings
from facesearch_local.evaluation.measure import SystemResult
from facesearch_local.evaluation.plots import draw_plots
from facesearch_local.evaluation.report import EvaluationReport
from facesearch_local.evaluation.results import Evaluation
from facesearch_local.evaluation.sections import (
    details_section,
    groups_section,
    interval_table,
    limits_section,
    missing_section,
    origin_section,
    tables_section,
    title_section,
)
from facesearch_local.evaluation.system import SHIPPED
from facesearch_local.evaluation.tables import NOTHING, Table, metric_tables
from tests.evaluation.study.face_pages import draw_misses, draw_ten_queries
from tests.evaluation.study.limits import LFW_LIMITS
from tests.evaluation.study.miss_evidence import MissEvidence
from tests.evaluation.study.misses import missed_pairs, missed_queries
from tests.evaluation.study.photo_faces import PhotoFaces
from tests.evaluation.study.sections import causes_section, halves_section, labels_section
from tests.evaluation.study.study_result import StudyResult
from tests.evaluation.study.variants import VARIANTS

TEN_QUERIES_NOTE = (
    "Ten queries: with all photos of the person among the 20 nearest / all of them on top. "
)


def write_report(
    report: EvaluationReport,
    evaluation: Evaluation,
    systems: Sequence[StudyResult],
    settings: Settings,
) -> None:
    """Write the page and its pictures; what is there already is replaced."""
    metrics = [each.result.metrics for each in systems]
    pictured = _with_pictures(systems)
    faces = PhotoFaces(settings)
    plots = draw_plots(report.pictures, [each.result for each in pictured], evaluation.pairs)
    sheets = [
        draw_ten_queries(report.pictures, each, evaluation.labelled, faces) for each in pictured
    ]
    on_lfw = any(each.ten_answers is not None for each in systems)
    report.save(
        [
            *title_section(evaluation),
            *tables_section([*study_tables(systems), interval_table(metrics)], TEN_QUERIES_NOTE),
            *details_section(metrics),
            *halves_section(systems),
            *missing_section(evaluation),
            *report.pictured("Plots", plots),
            *report.pictured("The second report's ten queries", sheets),
            *_misses_section(report, evaluation, faces),
            *groups_section(evaluation.by_group),
            *limits_section(*([LFW_LIMITS] if on_lfw else [])),
            *origin_section(evaluation),
        ]
    )


def study_tables(systems: Sequence[StudyResult]) -> list[Table]:
    """The tables of `facesearch evaluate`, the first with the ten queries."""
    identified, *others = metric_tables([each.result.metrics for each in systems])
    ten = [
        NOTHING if (ten := each.ten_queries) is None else f"{ten.all_in_20} / {ten.all_on_top}"
        for each in systems
    ]
    return [identified.with_column("ten queries", ten), *others]


def _misses_section(
    report: EvaluationReport, evaluation: Evaluation, faces: PhotoFaces
) -> Iterator[str]:
    judged, labelled = _judged(evaluation.systems), evaluation.labelled
    evidence = MissEvidence(judged, labelled, faces, evaluation.seed)
    queries = missed_queries(judged, labelled, evidence)
    pairs = missed_pairs(judged, evaluation.pairs, evidence) if evaluation.pairs else []
    misses = [*queries, *pairs]
    yield f"## Where {judged.metrics.system} fails"
    yield causes_section(evidence, queries, pairs, judged.metrics)
    yield from labels_section(misses, labelled)
    yield from map(report.show, draw_misses(report.pictures, misses, labelled, faces))


def _judged(systems: Sequence[SystemResult]) -> SystemResult:
    """The system whose misses are explained: the shipped one, or else the last."""
    shipped = [each for each in systems if each.metrics.system == SHIPPED]
    return (shipped or systems)[-1]


def _with_pictures(systems: Sequence[StudyResult]) -> Sequence[StudyResult]:
    """Without variants of other systems here: tables tell them apart, pictures hardly do."""
    return [each for each in systems if each.name not in VARIANTS] or systems
