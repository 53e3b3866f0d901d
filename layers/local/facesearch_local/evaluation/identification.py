"""Identification, leave one out: is a photo's person among the photos nearest to it?"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch_local.evaluation.ranking import Rank, Vectors, nearest
from facesearch_local.evaluation.statistics import Interval, bootstrap_by_person

K = 20
"""Neighbours that a search shows, and that recall and average precision look at."""

CMC_RANKS = 50


@dataclass(frozen=True, slots=True)
class Identification:
    """Shares of all photos of people with two or more; a query that was missed finds nothing.

    `recall_at_20`: the share of the person's other photos (of twenty, when there are more) among
    the 20 nearest. `precision_at`: by k, the share of that person's among the k nearest.
    Intervals are 95 %, resampled by person.
    `cmc`: the share of queries with a right one among the first 1, 2, … 50.
    """

    queries: int
    people: int
    rank_1: float
    rank_1_interval: Interval
    rank_5: float
    recall_at_20: float
    recall_at_20_interval: Interval
    precision_at: dict[int, float]
    map_at_20: float
    map_at_20_interval: Interval
    cmc: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Retrieval:
    """The nearest photos of each query that has a vector: rows are queries, columns ranks.

    `queries` (q,) are places in the vectors, `order` and `distances` (q, k) as in `Ranked`.
    """

    queries: NDArray[np.intp]
    order: NDArray[np.intp]
    distances: NDArray[np.float64]


def retrieve(
    people: NDArray[np.str_], embeddings: Vectors, missed: NDArray[np.str_], rank: Rank = nearest
) -> Retrieval:
    """The nearest of every photo whose person has two or more.

    `people` (n,) are those of `embeddings` (n, d), `missed` (m,) those of photos without a vector.
    """
    photos_of = Counter([*people.tolist(), *missed.tolist()])
    queries = np.array(
        [place for place, person in enumerate(people.tolist()) if photos_of[person] >= 2], np.intp
    )
    if len(people) < 2:
        return Retrieval(queries, *(np.empty((len(queries), 0), kind) for kind in (np.intp, float)))
    return Retrieval(queries, *rank(embeddings, queries, CMC_RANKS))


def identification(
    people: NDArray[np.str_], embeddings: Vectors, missed: NDArray[np.str_], rank: Rank = nearest
) -> Identification:
    """As `retrieve`, scored and summarised."""
    return summarise(score_queries(people, missed, retrieve(people, embeddings, missed, rank)))


@dataclass(frozen=True, slots=True, eq=False)
class QueryScores:
    """The scores of each query (q,), those without a vector last.

    `owners`: the query's person. `hits` (q, 50): whether the photo at a rank is of that person.
    """

    owners: NDArray[np.str_]
    hits: NDArray[np.bool_]
    first: NDArray[np.float64]
    recall: NDArray[np.float64]
    average_precision: NDArray[np.float64]


def score_queries(
    people: NDArray[np.str_], missed: NDArray[np.str_], retrieval: Retrieval
) -> QueryScores:
    """Score each query by the photos that were retrieved for it."""
    photos_of = Counter([*people.tolist(), *missed.tolist()])
    query_people = people[retrieval.queries]
    lost = np.array([person for person in missed.tolist() if photos_of[person] >= 2], np.str_)
    owners = np.concatenate([query_people, lost])
    hits = np.zeros((len(owners), CMC_RANKS), np.bool_)
    # Fewer photos than ranks, and queries that were missed, leave wrong ones.
    hits[: len(query_people), : retrieval.order.shape[1]] = (
        people[retrieval.order] == query_people[:, None]
    )
    top = hits[:, :K]
    others = np.array([min(K, photos_of[person] - 1) for person in owners.tolist()])
    precision = top.cumsum(axis=1) / np.arange(1, K + 1)
    return QueryScores(
        owners=owners,
        hits=hits,
        first=hits[:, 0].astype(np.float64),
        recall=top.sum(axis=1) / others,
        average_precision=(top * precision).sum(axis=1) / others,
    )


def summarise(scores: QueryScores) -> Identification:
    """The means over all queries, with their intervals."""
    owners, hits, total = scores.owners, scores.hits, len(scores.owners)
    by_rank = np.logical_or.accumulate(hits, axis=1).sum(axis=0) / total
    return Identification(
        queries=total,
        people=len(set(owners.tolist())),
        rank_1=float(scores.first.mean()),
        rank_1_interval=bootstrap_by_person(scores.first, owners),
        rank_5=float(by_rank[4]),
        recall_at_20=float(scores.recall.mean()),
        recall_at_20_interval=bootstrap_by_person(scores.recall, owners),
        precision_at={k: float(hits[:, :k].sum() / k / total) for k in (1, 5, 10, 20)},
        map_at_20=float(scores.average_precision.mean()),
        map_at_20_interval=bootstrap_by_person(scores.average_precision, owners),
        cmc=tuple(by_rank.tolist()),
    )
