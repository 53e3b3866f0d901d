"""Checks that every store makes before it calls its engine. A failure is an error of ours."""

import numpy as np

from facesearch.faces import Embedding, IndexedPhoto, Recipe, Removal

NORM_TOLERANCE = 1e-3
SEQUENCES = range(2**63)


def check_query(embedding: Embedding, k: int, recipe: Recipe) -> None:
    """Raise `ValueError` unless the embedding is one of the recipe and k is at least 1."""
    check_embedding(embedding, recipe)
    if k < 1:
        raise ValueError(f"k is {k}, must be at least 1")


def check_change(change: IndexedPhoto | Removal, recipe: Recipe) -> None:
    """Raise `ValueError` for a sequence out of range or an embedding that is none of the recipe."""
    if isinstance(change, Removal):
        photo_id, sequence = change.photo_id, change.sequence
    else:
        photo_id, sequence = change.photo.photo_id, change.photo.sequence
        for face in change.faces:
            check_embedding(face.embedding, recipe)
    if sequence not in SEQUENCES:
        raise ValueError(f"sequence of '{photo_id}' is {sequence}, must be 0 to 2**63 - 1")


def check_embedding(embedding: Embedding, recipe: Recipe) -> None:
    """Raise `ValueError` unless it is float32 numbers, as many and as long as the recipe's."""
    if embedding.shape != (recipe.dimension,) or embedding.dtype != np.float32:
        raise ValueError(
            f"embedding has shape {embedding.shape} and type {embedding.dtype}, "
            f"must be ({recipe.dimension},) and float32"
        )
    norm = float(np.linalg.norm(embedding))
    if not recipe.unit_length:
        if not np.isfinite(norm):
            raise ValueError(f"embedding has L2 norm {norm}, must be finite")
    elif not abs(norm - 1.0) <= NORM_TOLERANCE:  # NaN is not
        raise ValueError(f"embedding has L2 norm {norm:.4f}, must be 1")
