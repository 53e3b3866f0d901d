"""Accuracy by group of people, at one common threshold."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import InvalidRequest
from facesearch_local.evaluation.embed_photos import EmbeddedPhotos
from facesearch_local.evaluation.identification import Retrieval
from facesearch_local.evaluation.labelled import Labelled
from facesearch_local.evaluation.ranking import BLOCK
from facesearch_local.evaluation.statistics import Interval, wilson


@dataclass(frozen=True, slots=True)
class GroupMetrics:
    """`true_accepts` and `false_accepts`: of all pairs within the group, at the threshold."""

    group: str
    people: int
    photos: int
    detected: float
    queries: int
    rank_1: float
    rank_1_interval: Interval
    pairs_of_one: int
    true_accepts: float
    pairs_of_two: int
    false_accepts: float


def read_groups(file: Path, labelled: Labelled) -> dict[str, str]:
    """The group of each person, from a CSV file with the columns `person` and `group`.

    People without a group are left out of these figures. Raises `InvalidRequest`, naming the line.
    """
    groups: dict[str, str] = {}
    people = set(labelled.people.tolist())
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            if not {"person", "group"} <= set(reader.fieldnames or ()):
                raise InvalidRequest(
                    f"{file}, line 1: the columns are not 'person' and 'group': name them so"
                )
            for row in reader:
                person, group = row["person"], row["group"]
                if not group:
                    raise InvalidRequest(
                        f"{file}, line {reader.line_num}: '{person}' has no group: name one, or "
                        "take the line out"
                    )
                if groups.setdefault(person, group) != group:
                    raise InvalidRequest(
                        f"{file}, line {reader.line_num}: '{person}' is in two groups: decide"
                    )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidRequest(f"groups file {file} cannot be read ({error}): check it") from error
    if not people & groups.keys():
        raise InvalidRequest(
            f"{file} names nobody of {labelled.folder}: write people as their folders are called"
        )
    return groups


def group_metrics(
    embedded: EmbeddedPhotos,
    retrieval: Retrieval,
    people: NDArray[np.str_],
    groups: dict[str, str],
    threshold: float,
) -> list[GroupMetrics]:
    """In the order of the groups' names; `people` (photos,) are those of all photos."""
    group_of = np.array([groups.get(person, "") for person in people.tolist()])
    names = sorted(set(group_of.tolist()) - {""})
    return [
        _metrics(name, group_of == name, embedded, retrieval, people, threshold) for name in names
    ]


def _metrics(
    group: str,
    members: NDArray[np.bool_],
    embedded: EmbeddedPhotos,
    retrieval: Retrieval,
    people: NDArray[np.str_],
    threshold: float,
) -> GroupMetrics:
    detected = embedded.detected
    names, counts = np.unique(people[members], return_counts=True)
    queries = int(counts[counts >= 2].sum())
    asked = members[detected][retrieval.queries]
    of_detected = people[detected]
    first = retrieval.order[:, 0]
    right = of_detected[first] == of_detected[retrieval.queries]
    correct = int(right[asked].sum())
    accepted = _count_accepted(
        embedded.embeddings[members[detected]], of_detected[members[detected]], threshold
    )
    every_pair = int(members.sum()) * (int(members.sum()) - 1) // 2
    of_one = int((counts * (counts - 1) // 2).sum())
    return GroupMetrics(
        group=group,
        people=len(names),
        photos=int(members.sum()),
        detected=float(detected[members].mean()),
        queries=queries,
        rank_1=correct / max(1, queries),
        rank_1_interval=wilson(correct, queries),
        pairs_of_one=of_one,
        true_accepts=accepted[0] / max(1, of_one),
        pairs_of_two=every_pair - of_one,
        false_accepts=accepted[1] / max(1, every_pair - of_one),
    )


def _count_accepted(
    vectors: NDArray[np.float32], people: NDArray[np.str_], threshold: float
) -> tuple[int, int]:
    """Pairs within the threshold: of one person, and of two."""
    squares = np.einsum("nd,nd->n", vectors, vectors)
    same = different = 0
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK]
        far = squares[start : start + BLOCK, None] + squares - 2 * (block @ vectors.T)
        later = np.arange(len(vectors)) > np.arange(start, start + len(block))[:, None]
        near = later & (far <= threshold**2)
        alike = people[start : start + BLOCK, None] == people
        same += int((near & alike).sum())
        different += int((near & ~alike).sum())
    return same, different
