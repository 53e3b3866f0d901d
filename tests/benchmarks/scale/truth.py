"""The exact answer to searches in made-up faces, and how near an approximate one comes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.neighbourhood import RANK, local_dimension
from tests.benchmarks.synthetic_faces import Faces

SAME_DISTANCE = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Of q probes: the distances (q, 20) to the nearest faces, and whose they are (q, 20)."""

    probes: Faces
    distances: NDArray[np.float64]
    people: NDArray[np.int64]

    @property
    def dimension(self) -> float:
        """Local intrinsic dimension around the probes, from strangers only."""
        strangers = self.people != self.probes.people[:, None]
        full = [row[mask] for row, mask in zip(self.distances, strangers, strict=True)]
        least = min(len(row) for row in full)
        return local_dimension(np.stack([row[:least] for row in full]))


@dataclass(frozen=True, slots=True)
class Nearness:
    """`recall` of the exact 20 nearest, and of those that show the same person, `same_person`.

    `ratio` is that of the distances at rank 20, found to exact: on average, and of the worst
    hundredth of searches.
    """

    recall: float
    same_person: float
    same_person_faces: int
    ratio: float
    ratio_99: float


def exact_answers(probes: Faces, stream: Iterable[Faces]) -> Truth:
    """By brute force, a block at a time."""
    queries = len(probes.people)
    distances = np.full((queries, RANK), np.inf)
    people = np.full((queries, RANK), -1, np.int64)
    for block in _joined(stream, 50_000):
        near = 2 - 2 * (probes.embeddings @ block.embeddings.T).astype(np.float64)
        top = min(RANK, near.shape[1])
        best = np.argpartition(near, top - 1, axis=1)[:, :top]
        found = np.sqrt(np.maximum(np.take_along_axis(near, best, axis=1), 0))
        both = np.concatenate([distances, found], axis=1)
        owners = np.concatenate([people, block.people[best]], axis=1)
        order = np.argsort(both, axis=1)[:, :RANK]
        distances = np.take_along_axis(both, order, axis=1)
        people = np.take_along_axis(owners, order, axis=1)
    return Truth(probes, distances, people)


def nearness(truth: Truth, answers: Sequence[Sequence[float]]) -> Nearness:
    """`answers` are the distances found by each probe, nearest first."""
    recalls, ratios, same, found_same = [], [], 0, 0
    for exact, people, person, found in zip(
        truth.distances, truth.people, truth.probes.people, answers, strict=True
    ):
        recalls.append(sum(each <= exact[-1] + SAME_DISTANCE for each in found) / len(exact))
        ratios.append((found[-1] if len(found) == len(exact) else np.inf) / exact[-1])
        for distance in exact[people == person]:
            same += 1
            found_same += bool(np.any(np.abs(np.array(found) - distance) < SAME_DISTANCE))
    return Nearness(
        recall=float(np.mean(recalls)),
        same_person=found_same / same,
        same_person_faces=same,
        ratio=float(np.mean(ratios)),
        ratio_99=float(np.sort(ratios)[ceil(0.99 * len(ratios)) - 1]),
    )


def _joined(stream: Iterable[Faces], size: int) -> Iterable[Faces]:
    """Larger blocks: many small products take longer."""
    parts: list[Faces] = []
    held = 0
    for part in stream:
        parts.append(part)
        held += len(part.people)
        if held >= size:
            yield _one(parts)
            parts, held = [], 0
    if parts:
        yield _one(parts)


def _one(parts: Sequence[Faces]) -> Faces:
    return Faces(
        np.concatenate([part.embeddings for part in parts]),
        np.concatenate([part.people for part in parts]),
    )
