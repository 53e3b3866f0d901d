"""PyTorch's old format, written by hand: what is read, and what is refused."""

import pickle
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from facesearch_models.errors import BuildError
from facesearch_models.further.state_dict import MAGIC, read_state_dict

NUMBERS = np.arange(6, dtype="<f4")


def tensor(offset: int, shape: str, strides: str) -> bytes:
    """Opcodes that rebuild a tensor of storage "0"; a shape is a row of I<size>\\n."""
    storage = b"(Vstorage\nctorch\nFloatStorage\nV0\nVcpu\nI6\nNtQ"
    place = f"I{offset}\n({shape}t({strides}t".encode()
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + place + b"I00\nNtR"


def state_dict(
    content: bytes, magic: int = MAGIC, numbers: npt.NDArray[np.float32] = NUMBERS
) -> bytes:
    """`content`: opcodes of the only value, whose name is "weight"."""
    tensors = b"(dVweight\n" + content + b"s."
    facts: dict[str, int] = {}
    row = [pickle.dumps(part, 2) for part in (magic, 1001, facts)]
    storage = len(numbers).to_bytes(8, "little") + numbers.tobytes()
    return b"".join([*row, tensors, pickle.dumps(["0"], 2), storage])


def test_numbers_and_shape_are_read() -> None:
    read = read_state_dict(state_dict(tensor(0, "I2\nI3\n", "I3\nI1\n")))
    np.testing.assert_array_equal(read["weight"], [[0, 1, 2], [3, 4, 5]])


def test_strides_and_offset_are_followed() -> None:
    read = read_state_dict(state_dict(tensor(1, "I2\nI2\n", "I1\nI2\n")))
    np.testing.assert_array_equal(read["weight"], [[1, 3], [2, 4]])


def test_code_in_the_file_is_refused_and_not_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    with pytest.raises(BuildError, match=r"posix\.system is not allowed"):
        read_state_dict(state_dict(f"cposix\nsystem\n(Vtouch {trace}\ntR".encode()))
    assert not trace.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 a newer file of PyTorch's",
        state_dict(tensor(0, "I2\nI3\n", "I3\nI1\n"), magic=1),
        state_dict(tensor(0, "I2\nI3\n", "I3\nI1\n"))[:-4],
        state_dict(tensor(1, "I2\nI3\n", "I3\nI1\n")),
        state_dict(tensor(0, "I2\nI3\n", "I3\nI-1\n")),
        state_dict(b"I5\n"),
    ],
    ids=["empty", "zip", "magic", "cut off", "outside", "backwards", "no tensor"],
)
def test_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(BuildError, match="the weights are"):
        read_state_dict(content)
