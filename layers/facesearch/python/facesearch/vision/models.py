"""The model files, and how to open them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from facesearch.errors import ModelError

if TYPE_CHECKING:
    import onnxruntime as ort

DEFAULT_EMBEDDER = "facenet-int8"
EMBEDDERS = (DEFAULT_EMBEDDER, "facenet-fp32")
"""The second is the reference that the first was quantised from."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder that the model build filled."""

    path: Path

    def open(self, name: str, threads: int) -> "ort.InferenceSession":
        """An ONNX Runtime session of `name`.onnx on `threads` CPU threads.

        Raises `ModelError` when the file is missing or not a model.
        """
        # The runtime is loaded with the first model: reading a store needs none.
        import onnxruntime as ort  # noqa: PLC0415

        file = self.path / f"{name}.onnx"
        if not file.is_file():
            raise ModelError(f"model {file} is missing: run 'facesearch models build'")
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Threads that spin while they wait take the cores from whoever else needs them, a browser
        # on the same machine for one: a search took 86 ms instead of 27.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if name == DEFAULT_EMBEDDER:
            # Built from the runtime's own kernels: there is nothing left to optimise at each start.
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            return ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            # ONNX Runtime's exceptions share no base but Exception.
            raise ModelError(f"model {file} is damaged: remove it and build again") from error
