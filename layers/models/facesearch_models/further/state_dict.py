"""Reads weights that PyTorch saved before version 1.6, without PyTorch and without running them.

The file is a row of pickles: a magic number, a version, facts on the machine, the tensors (whose
numbers are named, not held) and the names in their order; then each storage's numbers.
"""

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

from facesearch_models.errors import BuildError

MAGIC = 0x1950A86A20F9469CFC6C
STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A view of a storage: `offset` and `strides` count numbers."""

    key: str
    dtype: np.dtype[Any]
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_state_dict(content: bytes) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a state dict by name. Raises `BuildError` for anything else."""
    file = BytesIO(content)
    try:
        magic, _, _, tensors, keys = (_Reader(file).load() for _ in range(5))
        if magic != MAGIC:
            raise BuildError("the weights are not in PyTorch's format of before 1.6")
        dtypes = {tensor.key: tensor.dtype for tensor in tensors.values()}
        numbers = {key: _read_storage(file, dtypes[key]) for key in keys}
        return {name: _view(tensor, numbers[tensor.key]) for name, tensor in tensors.items()}
    except (pickle.UnpicklingError, EOFError, ValueError, KeyError, AttributeError) as error:
        raise BuildError(f"the weights are damaged or no state dict: {error!r}") from error


class _Reader(pickle.Unpickler):
    """Knows the few names that tensors need; a pickle that names anything else is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuilt
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed")

    def persistent_load(self, pid: Any) -> tuple[str, np.dtype[Any]]:
        """`pid`: "storage", its type, its key, the device, how many numbers, a view or None."""
        kind, dtype, key, _, _, view = pid
        if kind != "storage" or view is not None:
            raise pickle.UnpicklingError("a storage is expected")
        return key, dtype


def _rebuilt(
    storage: tuple[str, np.dtype[Any]],
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    *_: object,
) -> _Tensor:
    return _Tensor(*storage, offset, shape, strides)


def _read_storage(file: BytesIO, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    count = int.from_bytes(file.read(8), "little")
    content = file.read(count * dtype.itemsize)
    return np.frombuffer(content, dtype, count)


def _view(tensor: _Tensor, numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    steps = zip(tensor.shape, tensor.strides, strict=True)
    last = tensor.offset + sum((size - 1) * stride for size, stride in steps)
    if min(tensor.offset, *tensor.strides, *tensor.shape, 0) < 0 or last >= len(numbers):
        raise pickle.UnpicklingError("a tensor lies outside its storage")
    strides = [stride * numbers.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(
        numbers[tensor.offset :], tensor.shape, strides, writeable=False
    )
