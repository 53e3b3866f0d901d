"""The second report's ten queries, when these people are among the labelled."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch_local.evaluation.identification import K
from facesearch_local.evaluation.ranking import Rank, Vectors, nearest

TEN_PEOPLE = (
    "Albert_Costa",
    "Angela_Bassett",
    "Arminio_Fraga",
    "Billy_Crystal",
    "Bob_Graham",
    "Boris_Becker",
    "Bulent_Ecevit",
    "Calista_Flockhart",
    "Cameron_Diaz",
    "Carmen_Electra",
)
"""LFW has six photos of each."""


@dataclass(frozen=True, slots=True)
class TenQueries:
    """Of ten queries: those with all photos of the person in the 20 nearest; all of them on top.

    `in_20`: photos of the person in the 20 nearest, of `photos`, by query. As in the report, the
    query is itself among what is searched, and among what is found.
    """

    photos: tuple[int, ...]
    in_20: tuple[int, ...]
    all_in_20: int
    all_on_top: int


@dataclass(frozen=True, slots=True, eq=False)
class TenAnswers:
    """Places of each query (10,), and of the 20 nearest, itself the first (10, 20)."""

    queries: NDArray[np.intp]
    ranked: NDArray[np.intp]
    distances: NDArray[np.float64]


def ask_ten(
    people: NDArray[np.str_], names: NDArray[np.str_], vectors: Vectors, rank: Rank = nearest
) -> TenAnswers | None:
    """With photo 0001 of each; None unless all of them are there, with a vector.

    `people` and `names` (n,) belong to `vectors`.
    """
    place = {name: number for number, name in enumerate(names.tolist())}
    wanted = [f"{person}_0001" for person in TEN_PEOPLE]
    if not all(name in place for name in wanted) or len(people) < K:
        return None
    queries = np.array([place[name] for name in wanted])
    order, distances = rank(vectors, queries, K - 1)
    return TenAnswers(
        queries,
        np.column_stack([queries, order]),
        np.column_stack([np.zeros(len(queries)), distances]),
    )


def count_ten(
    people: NDArray[np.str_], missed: NDArray[np.str_], answers: TenAnswers
) -> TenQueries:
    """`missed`: the people of photos without a vector, which nothing finds."""
    right = people[answers.ranked] == people[answers.queries][:, None]
    photos = np.array(
        [(people == person).sum() + (missed == person).sum() for person in TEN_PEOPLE]
    )
    on_top = [bool(row[:number].all()) for row, number in zip(right, photos, strict=True)]
    return TenQueries(
        photos=tuple(photos.tolist()),
        in_20=tuple(right.sum(axis=1).tolist()),
        all_in_20=int((right.sum(axis=1) == np.minimum(photos, K)).sum()),
        all_on_top=sum(on_top),
    )
