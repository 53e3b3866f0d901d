"""Several photos of one person in one query: their mean finds what each alone does not."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch_local.evaluation.identification import K
from facesearch_local.evaluation.ranking import Vectors, nearest_to

COUNTS = (1, 2, 3, 5)
MOST = max(COUNTS)
QUERIES = 20
"""Of one person at most, so that those with hundreds of photos do not stand for all."""


@dataclass(frozen=True, slots=True)
class SeveralPhotos:
    """As in `Identification`, for queries of so many photos."""

    photos: int
    queries: int
    people: int
    rank_1: float
    recall_at_20: float
    map_at_20: float


def several_photos(
    people: NDArray[np.str_], embeddings: Vectors, seed: int
) -> tuple[SeveralPhotos, ...]:
    """Of people with more than `MOST` photos that have vectors; embeddings have unit length.

    Each query leaves the same `MOST` photos out of the search, however many of them it shows, so
    that all counts look for the same ones. Empty where nobody has so many.
    """
    random = np.random.default_rng(seed)
    drawn = []
    for person in np.unique(people):
        own = np.flatnonzero(people == person)
        if len(own) > MOST:
            drawn += [random.permutation(own)[:MOST] for _ in range(min(QUERIES, len(own)))]
    if not drawn:
        return ()
    shown = np.array(drawn)
    owners = people[shown[:, 0]]
    others = np.minimum(K, (people == owners[:, None]).sum(axis=1) - MOST)
    return tuple(_search(people, embeddings, shown, owners, others, count) for count in COUNTS)


def _search(
    people: NDArray[np.str_],
    embeddings: Vectors,
    shown: NDArray[np.intp],
    owners: NDArray[np.str_],
    others: NDArray[np.intp],
    count: int,
) -> SeveralPhotos:
    means = embeddings[shown[:, :count]].mean(axis=1)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    order, _ = nearest_to(means, embeddings, K, leave_out=shown)
    hits = people[order] == owners[:, None]
    precision = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    return SeveralPhotos(
        photos=count,
        queries=len(shown),
        people=len(np.unique(owners)),
        rank_1=float(hits[:, 0].mean()),
        recall_at_20=float((hits.sum(axis=1) / others).mean()),
        map_at_20=float(((hits * precision).sum(axis=1) / others).mean()),
    )
