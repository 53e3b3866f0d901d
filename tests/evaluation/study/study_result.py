"""What the study measures of each system beyond `facesearch evaluate`."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from facesearch_local.evaluation.identification import score_queries
from facesearch_local.evaluation.labelled import Labelled
from facesearch_local.evaluation.measure import SystemResult
from facesearch_local.evaluation.ranking import Rank
from facesearch_local.evaluation.results import Evaluation
from tests.evaluation.study.halves import Halves, by_half
from tests.evaluation.study.ten_queries import TenAnswers, TenQueries, ask_ten, count_ten


@dataclass(frozen=True, slots=True, eq=False)
class StudyResult:
    """None for what the folder does not allow."""

    result: SystemResult
    halves: Halves | None
    ten_queries: TenQueries | None
    ten_answers: TenAnswers | None

    @property
    def name(self) -> str:
        return self.result.metrics.system


def study_system(result: SystemResult, labelled: Labelled, rank: Rank) -> StudyResult:
    """Halves of the people, and the ten queries, of a system that was measured with `rank`."""
    embedded = result.embedded
    people, missed = labelled.people[embedded.detected], labelled.people[~embedded.detected]
    names = np.array([photo.name for photo in labelled.photos])[embedded.detected]
    answers = ask_ten(people, names, embedded.embeddings, rank)
    return StudyResult(
        result,
        by_half(score_queries(people, missed, result.retrieval)),
        count_ten(people, missed, answers) if answers else None,
        answers,
    )


def study_json(evaluation: Evaluation, systems: list[StudyResult]) -> dict[str, Any]:
    """As `Evaluation.json`, with the halves and the ten queries of each system."""
    return evaluation.json() | {
        "systems": [
            asdict(each.result.metrics)
            | {
                "halves": None if each.halves is None else [asdict(half) for half in each.halves],
                "ten_queries": None if each.ten_queries is None else asdict(each.ten_queries),
            }
            for each in systems
        ]
    }
