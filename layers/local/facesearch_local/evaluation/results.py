"""The results of one evaluation, before they are printed or drawn."""

from dataclasses import asdict, dataclass
from typing import Any

from facesearch_local.evaluation.groups import GroupMetrics
from facesearch_local.evaluation.labelled import Labelled
from facesearch_local.evaluation.measure import SystemResult
from facesearch_local.evaluation.pairs import Pairs
from facesearch_local.evaluation.provenance import Provenance
from facesearch_local.library.walk import Problem


@dataclass(frozen=True, slots=True)
class NotRun:
    """A system that could not run here, and why."""

    system: str
    reason: str


@dataclass(frozen=True, slots=True)
class GroupResult:
    """A system's metrics by group, all at one threshold."""

    system: str
    threshold: float
    groups: list[GroupMetrics]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """`problems` are the photos that could not be used, and the folders."""

    labelled: Labelled
    pairs: Pairs | None
    seed: int
    systems: list[SystemResult]
    not_run: list[NotRun]
    problems: list[Problem]
    by_group: list[GroupResult]
    provenance: Provenance
    seconds: float

    def json(self) -> dict[str, Any]:
        """Keys are stable."""
        return {
            "photos": len(self.labelled.photos),
            "people": len(set(self.labelled.people.tolist())),
            "people_with_several": self.labelled.people_with_several,
            "pairs": self.pairs.origin if self.pairs else None,
            "seed": self.seed,
            "systems": [asdict(each.metrics) for each in self.systems],
            "not_run": [asdict(each) for each in self.not_run],
            "by_group": [asdict(each) for each in self.by_group],
            "failed": [
                {"name": problem.name, "code": problem.error.code, "error": str(problem.error)}
                for problem in self.problems
            ],
            "made_with": asdict(self.provenance),
            "seconds": round(self.seconds, 3),
        }
