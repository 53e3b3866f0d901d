"""What the study measures of each system beyond `facesearch evaluate`."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from facesearch_local.evaluation.identification import score
from facesearch_local.evaluation.labelled import Labelled
from facesearch_local.evaluation.measure import Measured
from facesearch_local.evaluation.ranking import Rank
from facesearch_local.evaluation.results import Evaluation
from tests.evaluation.study.halves import Halves, by_half
from tests.evaluation.study.ten_queries import TenAnswers, TenQueries, ask_ten, count_ten


@dataclass(frozen=True, slots=True, eq=False)
class StudiedSystem:
    """None for what the folder does not allow."""

    measured: Measured
    halves: Halves | None
    ten_queries: TenQueries | None
    ten_answers: TenAnswers | None

    @property
    def name(self) -> str:
        return self.measured.figures.system


def study_system(measured: Measured, labelled: Labelled, rank: Rank) -> StudiedSystem:
    """Halves of the people, and the ten queries, of a system that was measured with `rank`."""
    embedded = measured.embedded
    people, missed = labelled.people[embedded.found], labelled.people[~embedded.found]
    names = np.array([photo.name for photo in labelled.photos])[embedded.found]
    answers = ask_ten(people, names, embedded.embeddings, rank)
    return StudiedSystem(
        measured,
        by_half(score(people, missed, measured.retrieval)),
        count_ten(people, missed, answers) if answers else None,
        answers,
    )


def study_json(evaluation: Evaluation, systems: list[StudiedSystem]) -> dict[str, Any]:
    """As `Evaluation.json`, with the study's figures of each system."""
    return evaluation.json() | {
        "systems": [
            asdict(each.measured.figures)
            | {
                "halves": None if each.halves is None else [asdict(half) for half in each.halves],
                "ten_queries": None if each.ten_queries is None else asdict(each.ten_queries),
            }
            for each in systems
        ]
    }
