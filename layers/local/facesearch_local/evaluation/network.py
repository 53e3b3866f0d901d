"""Opens a network that a user brings: checked, and with what it expects of images read from it."""

from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING

from facesearch.errors import ModelError

if TYPE_CHECKING:
    import onnxruntime as ort

BATCH = 16
"""Images a run, where the network leaves it open."""


@dataclass(frozen=True, slots=True)
class NetworkInput:
    """`size` is width and height in pixels; `batch` is how many images go into a run."""

    name: str
    channels_first: bool
    size: tuple[int, int]
    batch: int


def open_network(file: Path, sha256: str, threads: int) -> "ort.InferenceSession":
    """Raises `ModelError` when the file is missing, another one, or no ONNX model."""
    import onnxruntime as ort

    try:
        with file.open("rb") as opened:
            got = file_digest(opened, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise ModelError(
            f"classifier {file} is missing: run 'facesearch models build --evaluation', or name "
            "the file of another with --classifier"
        ) from error
    except OSError as error:
        raise ModelError(f"classifier {file} cannot be read: {error.strerror}") from error
    if got != sha256:
        raise ModelError(
            f"classifier {file} is not the expected file: expected SHA-256 {sha256}, got {got}. "
            "Fetch it again, or correct --classifier-sha256"
        )
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    try:
        return ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # ONNX Runtime's exceptions share no base but Exception.
        reason = str(error).partition("\n")[0]
        raise ModelError(f"classifier {file} is no ONNX model that runs here: {reason}") from error


def read_input(session: "ort.InferenceSession", file: Path) -> NetworkInput:
    """Raises `ModelError` unless it reads batches of images with three channels, of one size."""
    inputs = session.get_inputs()
    shape = inputs[0].shape if len(inputs) == 1 else []
    if len(shape) == 4 and inputs[0].type == "tensor(float)" and 3 in (shape[1], shape[3]):
        channels_first = shape[1] == 3
        height, width = shape[2:] if channels_first else shape[1:3]
        fixed_size = isinstance(height, int) and isinstance(width, int)
        if fixed_size and (shape[0] == 1 or not isinstance(shape[0], int)):
            batch = 1 if shape[0] == 1 else BATCH
            return NetworkInput(inputs[0].name, channels_first, (width, height), batch)
    found = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
    raise ModelError(
        f"classifier {file} reads {found}: one input of float32 images is expected, with three "
        "channels, first or last, a fixed height and width, and a batch of 1 or of any size"
    )


def choose_output(session: "ort.InferenceSession", file: Path, wanted: str) -> str:
    """The output of that name; the only one for no name. Raises `ModelError`."""
    names: list[str] = [each.name for each in session.get_outputs()]
    if wanted in names:
        return wanted
    if not wanted and len(names) == 1:
        return names[0]
    what = f"has no output '{wanted}'" if wanted else "has several outputs"
    raise ModelError(
        f"classifier {file} {what}: name one of {', '.join(names)} with --classifier-output"
    )
