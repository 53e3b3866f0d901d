"""Embed face crops with FaceNet on ONNX Runtime."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import ModelError
from facesearch.faces import EMBEDDING_SIZE, Embedding
from facesearch.vision.crops import standardise

if TYPE_CHECKING:
    import onnxruntime as ort

BATCH = 16
"""Faces in one model run. More takes more memory and is not faster."""


class FaceNet:
    """Embeds crops with one ONNX Runtime session, which may be shared between threads."""

    def __init__(self, session: "ort.InferenceSession") -> None:
        self._session = session

    def embed(self, crops: Sequence[NDArray[np.uint8]]) -> list[Embedding]:
        """One unit vector of 128 float32 for each crop of shape (160, 160, 3), RGB.

        Raises `ModelError` when the model is not a FaceNet.
        """
        vectors: list[Embedding] = []
        for start in range(0, len(crops), BATCH):
            inputs = {"faces": standardise(crops[start : start + BATCH])}
            vectors.extend(_unit(self._session.run(["embeddings"], inputs)[0]))
        return vectors


def mean_embedding(embeddings: Sequence[Embedding]) -> Embedding:
    """The mean of several embeddings of one person, as a unit vector."""
    total = np.sum(embeddings, axis=0)
    mean: Embedding = total / np.linalg.norm(total)
    return mean


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if vectors.shape[1] != EMBEDDING_SIZE or not np.all(lengths > 0):
        raise ModelError("the embedding model is not the expected one: build the models again")
    unit: NDArray[np.float32] = vectors / lengths
    return unit
