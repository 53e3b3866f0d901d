"""Checks that every store makes before it calls its engine. A failure is an error of ours."""

import numpy as np

from facesearch.faces import EMBEDDING_SIZE, Embedding, IndexedPhoto, Removal

NORM_TOLERANCE = 1e-3
SEQUENCES = range(2**63)


def check_query(embedding: Embedding, k: int) -> None:
    """Raise `ValueError` unless the embedding is one and k is at least 1."""
    check_embedding(embedding)
    if k < 1:
        raise ValueError(f"k is {k}, must be at least 1")


def check_change(change: IndexedPhoto | Removal) -> None:
    """Raise `ValueError` for a sequence out of range or an embedding that is none."""
    if isinstance(change, Removal):
        photo_id, sequence = change.photo_id, change.sequence
    else:
        photo_id, sequence = change.photo.photo_id, change.photo.sequence
        for face in change.faces:
            check_embedding(face.embedding)
    if sequence not in SEQUENCES:
        raise ValueError(f"sequence of '{photo_id}' is {sequence}, must be 0 to 2**63 - 1")


def check_embedding(embedding: Embedding) -> None:
    """Raise `ValueError` unless it is 128 float32 numbers of unit L2 norm."""
    if embedding.shape != (EMBEDDING_SIZE,) or embedding.dtype != np.float32:
        raise ValueError(
            f"embedding has shape {embedding.shape} and type {embedding.dtype}, "
            f"must be ({EMBEDDING_SIZE},) and float32"
        )
    norm = float(np.linalg.norm(embedding))
    if not abs(norm - 1.0) <= NORM_TOLERANCE:  # NaN is not
        raise ValueError(f"embedding has L2 norm {norm:.4f}, must be 1")
