"""Embed crops with a recipe's network on ONNX Runtime."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import ModelError
from facesearch.faces import Embedding
from facesearch.recipes.description import Network
from facesearch.vision.pixels import network_input

if TYPE_CHECKING:
    import onnxruntime as ort

BATCH = 16
"""Crops in one model run. More takes more memory and is not faster."""


class Embedder:
    """Embeds crops with one ONNX Runtime session, which may be shared between threads."""

    def __init__(self, session: "ort.InferenceSession", network: Network, file: Path) -> None:
        """`file` is named in messages. Raises `ModelError` unless the network is as described."""
        self._session = session
        self._network = network
        self._file = file
        self._input, self._batch = self._read_input()
        self._output = self._read_output()

    def embed(self, crops: Sequence[NDArray[np.uint8]]) -> list[Embedding]:
        """A vector of the recipe's dimension, float32, for each crop of its size, RGB.

        Raises `ModelError` when the network is not as its recipe says.
        """
        vectors: list[Embedding] = []
        for start in range(0, len(crops), self._batch):
            some = crops[start : start + self._batch]
            inputs = {self._input: network_input(some, self._network)}
            vectors.extend(self._checked(self._session.run([self._output], inputs)[0], len(some)))
        return vectors

    def _read_input(self) -> tuple[str, int]:
        """The input's name, and how many crops go into a run."""
        network, inputs = self._network, self._session.get_inputs()
        width, height = network.size
        sides = [3, height, width] if network.layout == "NCHW" else [height, width, 3]
        chosen = [each for each in inputs if network.input in ("", each.name)]
        if len(inputs) == len(chosen) == 1 and chosen[0].type == "tensor(float)":
            count, *shape = chosen[0].shape or [0]
            fits = len(shape) == len(sides) and all(
                got == wanted
                for got, wanted in zip(shape, sides, strict=True)
                if isinstance(got, int)
            )
            if fits and (count == 1 or not isinstance(count, int)):
                return chosen[0].name, 1 if count == 1 else BATCH
        found = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
        raise ModelError(
            f"model {self._file} reads {found}, and its recipe says {network.input or 'one input'} "
            f"of float32 [n, {', '.join(map(str, sides))}] ({network.layout}): correct the recipe"
        )

    def _read_output(self) -> str:
        names: list[str] = [each.name for each in self._session.get_outputs()]
        wanted = self._network.output
        if wanted in names:
            return wanted
        if not wanted and len(names) == 1:
            return names[0]
        what = f"has no output '{wanted}'" if wanted else "has several outputs"
        raise ModelError(f"model {self._file} {what}: name one of {', '.join(names)} in its recipe")

    def _checked(self, vectors: NDArray[np.float32], count: int) -> NDArray[np.float32]:
        network = self._network
        # (n, d), or (n, d, 1, 1), as pooling leaves it.
        shaped = vectors.shape[:1] == (count,) and vectors.size == count * network.dimension
        if not shaped or max(vectors.shape[1:], default=0) != network.dimension:
            raise ModelError(
                f"output '{self._output}' of {self._file} has the shape {vectors.shape} for "
                f"{count} pictures, and its recipe says {network.dimension} numbers each: correct "
                "the recipe, or name another output in it"
            )
        vectors = vectors.reshape(count, network.dimension).astype(np.float32, copy=False)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.all(np.isfinite(lengths)) or (network.unit_length and not np.all(lengths > 0)):
            raise ModelError(
                f"model {self._file} gives vectors that are not finite, or zero: it is damaged, or "
                "its recipe is not the right one"
            )
        if not network.unit_length:
            return vectors
        unit: NDArray[np.float32] = vectors / lengths
        return unit


def mean_embedding(embeddings: Sequence[Embedding], *, unit_length: bool = True) -> Embedding:
    """The mean of several embeddings of one person, as a unit vector where those are."""
    total: Embedding = np.sum(embeddings, axis=0)
    mean: Embedding = total / (np.linalg.norm(total) if unit_length else len(embeddings))
    return mean
