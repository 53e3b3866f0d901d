"""Why a query or a pair was missed, as far as the data tells: causes are looked for in order.

Occlusion and age cannot be told from boxes, landmarks and vectors: they stay unexplained.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from facesearch_local.evaluation.labelled import Labelled
from facesearch_local.evaluation.measure import SystemResult
from facesearch_local.evaluation.pairs import Pairs
from facesearch_local.evaluation.verification import accepts
from tests.evaluation.study.miss_evidence import MissEvidence


class Cause(StrEnum):
    NO_FACE = "no face found"
    OTHER_FACE = "another face than the label's"
    LABEL = "likely wrong label"
    POSE = "turned far away"
    QUALITY = "small or blurred"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class Miss:
    """A query whose nearest is wrong, or a pair that was judged wrongly.

    Photos are places in `Labelled.photos`: the query and what was wrongly nearest to it, or the
    pair. `own`: the nearest other photo of the query's person, where there is one with a vector.
    `margin` orders misses of a kind: how far the distances are from being right.
    """

    photo: int
    against: int | None
    own: int | None
    distance: float
    own_distance: float
    margin: float
    cause: Cause
    detail: str
    is_pair: bool = False


def missed_queries(result: SystemResult, labelled: Labelled, evidence: MissEvidence) -> list[Miss]:
    """The rank-1 errors, worst first."""
    people = labelled.people
    places = np.flatnonzero(result.embedded.detected)
    first = result.retrieval.order[:, 0]
    wrong = people[places[first]] != people[places[result.retrieval.queries]]
    misses = [
        _missed_query(int(places[query]), int(places[nearest]), float(distances[0]), evidence)
        for query, nearest, distances in zip(
            result.retrieval.queries[wrong],
            first[wrong],
            result.retrieval.distances[wrong],
            strict=True,
        )
    ]
    names, counts = np.unique(people, return_counts=True)
    several = set(names[counts >= 2].tolist())
    misses += [
        Miss(int(photo), None, None, np.inf, np.inf, np.inf, Cause.NO_FACE, "")
        for photo in np.flatnonzero(~result.embedded.detected)
        if people[photo] in several
    ]
    return sorted(misses, key=lambda miss: -miss.margin)


def _missed_query(photo: int, nearest: int, distance: float, evidence: MissEvidence) -> Miss:
    own, own_distance = evidence.nearest_own(photo)
    cause, detail = _cause(evidence, [photo] if own is None else [photo, own], distance)
    if own is None:
        cause, detail = Cause.NO_FACE, "no other photo of the person has a face"
    return Miss(photo, nearest, own, distance, own_distance, own_distance - distance, cause, detail)


def missed_pairs(result: SystemResult, pairs: Pairs, evidence: MissEvidence) -> list[Miss]:
    """Pairs that the mean of the folds' thresholds judges wrongly, worst first."""
    distances, metrics = result.pair_distances, result.metrics.verification
    if distances is None or metrics is None:
        return []
    wrong = accepts(distances, metrics.threshold) != pairs.same
    misses = []
    for number in np.flatnonzero(wrong).tolist():
        one, other = int(pairs.one[number]), int(pairs.other[number])
        distance = float(distances[number])
        if np.isinf(distance):
            cause, detail = Cause.NO_FACE, ""
        else:
            between = np.inf if pairs.same[number] else distance
            cause, detail = _cause(evidence, [one, other], between)
        margin = abs(distance - metrics.threshold)
        misses.append(Miss(one, other, None, distance, np.inf, margin, cause, detail, is_pair=True))
    return sorted(misses, key=lambda miss: -miss.margin)


def _cause(evidence: MissEvidence, photos: Sequence[int], stranger: float) -> tuple[Cause, str]:
    """`stranger`: the distance of photos under two names that were taken for one person."""
    for cause, find in (
        (Cause.OTHER_FACE, evidence.other_face),
        (Cause.LABEL, evidence.fits_another_name),
        (Cause.POSE, evidence.turned_away),
        (Cause.QUALITY, evidence.poor_picture),
        (Cause.LABEL, evidence.unlike_its_own),
    ):
        if cause is Cause.LABEL and stranger <= evidence.twin_distance:
            return cause, f"at {stranger:.2f} from another name"
        for photo in photos:
            if detail := find(photo):
                return cause, detail if photo == photos[0] else f"the other photo {detail}"
    return Cause.UNEXPLAINED, ""


def count_causes(misses: Sequence[Miss]) -> dict[Cause, int]:
    return {cause: sum(miss.cause is cause for miss in misses) for cause in Cause}


def chance_rates(evidence: MissEvidence, sample: NDArray[np.intp]) -> dict[Cause, float]:
    """How often photos that were not missed meet a criterion, too: what it explains by luck."""
    return {
        cause: float(np.mean([bool(find(int(photo))) for photo in sample]))
        for cause, find in (
            (Cause.OTHER_FACE, evidence.other_face),
            (Cause.LABEL, evidence.fits_another_name),
            (Cause.POSE, evidence.turned_away),
            (Cause.QUALITY, evidence.poor_picture),
        )
    }
