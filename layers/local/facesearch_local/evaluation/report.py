"""The report: a Markdown page of tables and plots, and the command that makes it again."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from facesearch.files import check_regular, complete_file, make_private_folder
from facesearch_local.evaluation.plots import Picture, draw_plots
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
from facesearch_local.evaluation.tables import metric_tables


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """Where the page is, and the folder of its pictures."""

    file: Path
    pictures: Path

    @classmethod
    def at(cls, output: Path) -> "EvaluationReport":
        """In a folder, or by the page's own name, with a folder of that name beside it."""
        if output.suffix == ".md":
            report = cls(output, output.with_name(output.stem.lower()))
        else:
            report = cls(output / "report.md", output)
        check_regular(report.file)
        make_private_folder(report.pictures)
        return report

    def write(self, evaluation: Evaluation) -> None:
        """Write the page and its pictures; what is there already is replaced."""
        metrics = [each.metrics for each in evaluation.systems]
        self.save(
            [
                *title_section(evaluation),
                *tables_section([*metric_tables(metrics), interval_table(metrics)]),
                *details_section(metrics),
                *missing_section(evaluation),
                *self.pictured(
                    "Plots", draw_plots(self.pictures, evaluation.systems, evaluation.pairs)
                ),
                *groups_section(evaluation.by_group),
                *limits_section(),
                *origin_section(evaluation),
            ]
        )

    def save(self, parts: Iterable[str]) -> None:
        with complete_file(self.file) as file:
            file.write(("\n\n".join(parts) + "\n").encode())

    def pictured(self, title: str, pictures: Sequence[Picture | None]) -> Iterator[str]:
        """A section of pictures; nothing where there are none."""
        there = [picture for picture in pictures if picture is not None]
        if there:
            yield f"## {title}"
            yield from map(self.show, there)

    def show(self, picture: Picture) -> str:
        """A picture with its caption, as Markdown."""
        folder = "" if self.pictures == self.file.parent else quote(self.pictures.name) + "/"
        return f"**{picture.caption}.**\n\n![{picture.caption}]({folder}{picture.file})"
