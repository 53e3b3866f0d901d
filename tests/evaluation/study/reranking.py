"""Rankings that use what the nearest have in common, as `Rank`s of the evaluation."""

import numpy as np
from numpy.typing import NDArray

from facesearch.expansion import NEIGHBOURS
from facesearch_local.evaluation.ranking import Ranked, Vectors, nearest, nearest_to
from tests.facenet import SURE_DISTANCE

CANDIDATES = 100
"""That `k_reciprocal` puts in another order."""

NEIGHBOURHOOD, BLURRED_OVER, DISTANCE_SHARE = 20, 6, 0.7
"""k₁, k₂ and λ of Zhong et al.; theirs are 20, 6 and 0.3, which loses 4 points of rank-1 here."""


def expanded(vectors: Vectors, queries: NDArray[np.intp], k: int) -> Ranked:
    """As `facesearch.expansion` does it, for all queries at once; `vectors` have unit length."""
    near, distances = nearest(vectors, queries, max(k, NEIGHBOURS))
    sure = distances <= SURE_DISTANCE
    used = sure[:, :NEIGHBOURS, None]
    means = vectors[queries] + (vectors[near[:, :NEIGHBOURS]] * used).sum(axis=1)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    nearest_to_mean, from_mean = nearest_to(means, vectors, k, leave_out=queries[:, None])
    order, apart = near[:, :k].copy(), distances[:, :k].copy()
    for row in np.flatnonzero(sure.any(axis=1)):
        known = near[row, sure[row]]
        others = ~np.isin(nearest_to_mean[row], known)
        order[row] = [*known, *nearest_to_mean[row, others]][:k]
        clamped = np.maximum(from_mean[row, others], SURE_DISTANCE)
        apart[row] = [*distances[row, sure[row]], *clamped][:k]
    return order, apart


def k_reciprocal(vectors: Vectors, queries: NDArray[np.intp], k: int) -> Ranked:
    """Zhong et al. 2017, https://arxiv.org/abs/1701.08398, among each query's nearest hundred.

    Distances stay those from the query: the order is another.
    """
    near, distances = nearest(vectors, queries, CANDIDATES)
    order, apart = near[:, :k].copy(), distances[:, :k].copy()
    for row, query in enumerate(queries):
        best = np.argsort(_reciprocal_distances(vectors[[query, *near[row]]]), kind="stable")[:k]
        order[row], apart[row] = near[row, best], distances[row, best]
    return order, apart


def _reciprocal_distances(vectors: Vectors) -> NDArray[np.float64]:
    """Of the first from all others: how unlike the sets of those that name each other are."""
    squares = 2 - 2 * (vectors @ vectors.T).astype(np.float64)
    np.fill_diagonal(squares, -1)  # Nothing is nearer to a face than itself.
    squares /= np.maximum(squares.max(axis=1, keepdims=True), 1e-9)
    order = np.argsort(squares, axis=1, kind="stable")
    ranks = np.argsort(order, axis=1, kind="stable")
    mutual = (ranks <= NEIGHBOURHOOD) & (ranks.T <= NEIGHBOURHOOD)
    close = (ranks <= NEIGHBOURHOOD // 2) & (ranks.T <= NEIGHBOURHOOD // 2)
    shared = mutual.astype(np.float64) @ close.T
    joins = mutual & (shared > 2 / 3 * close.sum(axis=1))
    members = mutual | ((joins.astype(np.float64) @ close) > 0)
    weights = np.where(members, np.exp(-squares), 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    weights = weights[order[:, :BLURRED_OVER]].mean(axis=1)
    overlap = np.minimum(weights[0], weights).sum(axis=1)
    jaccard = 1 - overlap / (2 - overlap)
    together = (1 - DISTANCE_SHARE) * jaccard + DISTANCE_SHARE * squares[0]
    others: NDArray[np.float64] = together[1:]
    return others
