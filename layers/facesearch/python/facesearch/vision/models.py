"""The model files, and how to open them."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from facesearch.errors import ModelError
from facesearch.vision.verified import find_unexpected

if TYPE_CHECKING:
    import onnxruntime as ort

SHA256 = {
    "facenet-fp32": "81c0bfdb48d4cd9adaeb83422c936ce39fab96f8737f58678bbea7417ad7ea49",
    "facenet-int8": "6c0da360666ae1b187778ea69894284d5b4bfc00510e5deeca33a8564720b88d",
    "pnet": "7af767f1a90698e40fcc8b8f052d0d3a5fc0ab1e15b3c8b853d7593b880b093d",
    "rnet": "34e75e109f478654c8d7e8201852309a054db7419aab68c5aff41f1c3cddc5e5",
    "onet": "9c80d1c181d298ed23fa03591c1f02adb0f4b730273ccf9839e835cc6224e613",
}
"""The models of the build's manifest.toml."""

CENTERFACE = "centerface.onnx"
CENTERFACE_SHA256 = "45197b717c2e63fd421e297947af4df1adffcb51d4e9b033fea8ccc0989beef4"
"""Built for the recipes that name it only."""

_OPTIMISED = SHA256["facenet-int8"]
"""Built from the runtime's own kernels: there is nothing left to optimise at each start."""

BUILD = "run 'facesearch models build'"


@cache
def _share_memory() -> None:
    """Make one arena of memory for all networks of this process, instead of one for each."""
    import onnxruntime as ort  # noqa: PLC0415

    memory = ort.OrtMemoryInfo(
        "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
    )
    default = -1
    ort.create_and_register_allocator(memory, ort.OrtArenaCfg(0, default, default, default))


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder that the model build filled."""

    path: Path

    def open(self, name: str, threads: int) -> "ort.InferenceSession":
        """An ONNX Runtime session of `name`.onnx on `threads` CPU threads.

        Raises `ModelError` when the file is missing or another than was built.
        """
        return open_model(self.path / f"{name}.onnx", SHA256[name], threads, BUILD)


def open_model(file: Path, sha256: str, threads: int, fix: str) -> "ort.InferenceSession":
    """An ONNX Runtime session of a file that has this SHA-256, on `threads` CPU threads.

    Raises `ModelError`, with what to do (`fix`), when it is missing or another file.
    """
    # The runtime is loaded with the first model: reading a store needs none.
    import onnxruntime as ort  # noqa: PLC0415

    if not file.is_file():
        raise ModelError(f"model {file} is missing: {fix}")
    try:
        unexpected = find_unexpected(file.parent, {file.name: sha256})
    except OSError as error:
        raise ModelError(f"model {file} cannot be read: {error.strerror}") from error
    if unexpected:
        raise ModelError(f"model {file} is damaged, or another one than was built: {fix}")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin while they wait take the cores from whoever else needs them, a browser
    # on the same machine for one: a search took 86 ms instead of 27.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Photos differ in size and in the number of faces. By default each network keeps as much memory
    # as its largest input took, and a plan for each shape that it has seen: 60 MB more in all, for
    # no time saved, and growing for thousands of photos.
    _share_memory()
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.enable_mem_pattern = False
    if sha256 == _OPTIMISED:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # ONNX Runtime's exceptions share no base but Exception.
        raise ModelError(
            f"model {file} is damaged, or no ONNX model that runs here: {fix}"
        ) from error
