"""The report: a Markdown page with the figures, pictures of them, and how to make it again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from facesearch.settings import Settings
from facesearch_local.evaluation.errors import missed_pairs, missed_queries
from facesearch_local.evaluation.evaluation import Evaluation
from facesearch_local.evaluation.evidence import Evidence
from facesearch_local.evaluation.faces_of import FacesOf
from facesearch_local.evaluation.measuring import Measured
from facesearch_local.evaluation.plots import Picture, draw_plots
from facesearch_local.evaluation.sections import (
    causes_section,
    figures_section,
    groups_section,
    labels_section,
    limits_section,
    origin_section,
)
from facesearch_local.evaluation.sheets import draw_misses, draw_ten_queries
from facesearch_local.evaluation.variants import VARIANTS


@dataclass(frozen=True, slots=True)
class Report:
    """Where the page is, and the folder of its pictures."""

    file: Path
    pictures: Path

    @classmethod
    def at(cls, output: Path) -> "Report":
        """In a folder, or by the page's own name, with a folder of that name beside it."""
        if output.suffix == ".md":
            report = cls(output, output.with_name(output.stem.lower()))
        else:
            report = cls(output / "report.md", output)
        report.pictures.mkdir(parents=True, exist_ok=True)
        return report

    def write(self, evaluation: Evaluation, settings: Settings) -> None:
        """The page and its pictures; what is there already is replaced."""
        faces = FacesOf(settings)
        parts = [
            *figures_section(evaluation),
            *self._pictured(
                "Plots", draw_plots(self.pictures, _with_pictures(evaluation), evaluation.pairs)
            ),
            *self._ten_queries(evaluation, faces),
            *self._misses(evaluation, faces),
            *groups_section(evaluation.by_group),
            *limits_section(evaluation),
            *origin_section(evaluation),
        ]
        self.file.write_text("\n\n".join(parts) + "\n", encoding="utf-8")

    def _pictured(self, title: str, pictures: Sequence[Picture | None]) -> Iterator[str]:
        there = [picture for picture in pictures if picture is not None]
        if there:
            yield f"## {title}"
            yield from map(self._shown, there)

    def _shown(self, picture: Picture) -> str:
        folder = "" if self.pictures == self.file.parent else quote(self.pictures.name) + "/"
        return f"**{picture.caption}.**\n\n![{picture.caption}]({folder}{picture.file})"

    def _ten_queries(self, evaluation: Evaluation, faces: FacesOf) -> Iterator[str]:
        sheets = [
            draw_ten_queries(self.pictures, each, evaluation.labelled, faces)
            for each in _with_pictures(evaluation)
        ]
        yield from self._pictured("The second report's ten queries", sheets)

    def _misses(self, evaluation: Evaluation, faces: FacesOf) -> Iterator[str]:
        judged, labelled = evaluation.judged, evaluation.labelled
        evidence = Evidence(judged, labelled, faces, evaluation.seed)
        queries = missed_queries(judged, labelled, evidence)
        pairs = missed_pairs(judged, evaluation.pairs, evidence) if evaluation.pairs else []
        yield f"## Where {judged.figures.system} fails"
        yield causes_section(evidence, queries, pairs, judged.figures)
        yield from labels_section([*queries, *pairs], evaluation)
        yield from map(self._shown, draw_misses(self.pictures, [*queries, *pairs], labelled, faces))


def _with_pictures(evaluation: Evaluation) -> list[Measured]:
    """Without variants of other systems here: tables tell them apart, pictures hardly do."""
    systems = [each for each in evaluation.systems if each.figures.system not in VARIANTS]
    return systems or evaluation.systems
