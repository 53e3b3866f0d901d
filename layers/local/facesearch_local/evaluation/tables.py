"""Tables of the metrics, the same in the terminal and in the report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from facesearch_local.evaluation.measure import SystemMetrics
from facesearch_local.evaluation.open_set import OpenSet
from facesearch_local.evaluation.verification import Verification


@dataclass(frozen=True, slots=True)
class Table:
    """Cells are ready to be shown; the first column is a name, the others are numbers."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def markdown(self) -> str:
        rule = ("---", *("---:" for _ in self.columns[1:]))
        lines = [self.columns, rule, *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def with_column(self, name: str, cells: Sequence[str]) -> "Table":
        """The same with one more column, last; `cells` are in the order of the rows."""
        rows = [(*row, cell) for row, cell in zip(self.rows, cells, strict=True)]
        return Table(self.title, (*self.columns, name), rows)


NOTHING = "–"
Cell = Callable[[SystemMetrics], str]


def metric_tables(systems: Sequence[SystemMetrics]) -> list[Table]:
    """One row a system; shares are in per cent."""
    return [
        _table("Identification, leave one out (%)", _IDENTIFICATION, systems),
        _table("Verification of pairs, ten folds (%), and cost", _VERIFICATION, systems),
        _table("Open set (%), and the two distances", _OPEN_SET, systems),
    ]


def _table(title: str, cells: dict[str, Cell], systems: Sequence[SystemMetrics]) -> Table:
    rows = [(each.system, *(cell(each) for cell in cells.values())) for each in systems]
    return Table(title, ("system", *cells), rows)


def percent(share: float) -> str:
    return f"{share * 100:.2f}"


def _of_pairs(show: Callable[[Verification], str]) -> Cell:
    return lambda each: NOTHING if each.verification is None else show(each.verification)


def _of_open_set(show: Callable[[OpenSet], str]) -> Cell:
    return lambda each: NOTHING if each.open_set is None else show(each.open_set)


def _distance(name: str) -> Cell:
    return lambda each: (
        NOTHING if each.distances is None else f"{getattr(each.distances, name):.3f}"
    )


def _precision(k: int) -> Cell:
    return lambda each: percent(each.identification.precision_at[k])


_IDENTIFICATION: dict[str, Cell] = {
    "detected": lambda each: percent(each.detected),
    "rank-1": lambda each: percent(each.identification.rank_1),
    "rank-5": lambda each: percent(each.identification.rank_5),
    "recall@20": lambda each: percent(each.identification.recall_at_20),
    "P@5": _precision(5),
    "P@10": _precision(10),
    "P@20": _precision(20),
    "mAP@20": lambda each: percent(each.identification.map_at_20),
}
_VERIFICATION: dict[str, Cell] = {
    "accuracy": _of_pairs(lambda of: f"{percent(of.accuracy)} ± {percent(of.deviation)}"),
    "AUC": _of_pairs(lambda of: percent(of.auc)),
    "TAR at FAR 1 %": _of_pairs(lambda of: percent(of.tar_at_far[1e-2])),
    "TAR at FAR 0.1 %": _of_pairs(lambda of: percent(of.tar_at_far[1e-3])),
    "numbers": lambda each: f"{each.dimensions:,}",
    "ms a photo": lambda each: f"{each.ms_a_photo:.1f}",
}
_OPEN_SET: dict[str, Cell] = {
    "found at 1 % false alarms": _of_open_set(lambda of: percent(of.at_rate[1e-2].identified)),
    "at 10 %": _of_open_set(lambda of: percent(of.at_rate[1e-1].identified)),
    "same: mean": _distance("same_mean"),
    "same: median": _distance("same_median"),
    "different: mean": _distance("different_mean"),
    "different: median": _distance("different_median"),
}
