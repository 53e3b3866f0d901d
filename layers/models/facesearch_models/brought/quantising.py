"""Turn a network that somebody brings into one that computes in 8 bits.

ONNX Runtime's own quantiser measures the ranges of activations and places the 8-bit steps. The
convolutions' weights are ours: no sum of two products saturates on an x86 processor without VNNI
(`weights`), so the network gives the same vectors everywhere.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from facesearch_models.errors import BuildError, first_line
from facesearch_models.weights import quantise_weights

if TYPE_CHECKING:
    from onnxruntime.quantization import CalibrationDataReader

BATCH = 8
CONVOLUTION_RANK = 4
LIMITS = (-(2**31), 2**31 - 1)


def quantise_brought(
    model: onnx.ModelProto, pictures: NDArray[np.float32], name: str = ""
) -> onnx.ModelProto:
    """The int8 network of a checked fp32 one.

    `pictures` are inputs of the network as it will meet them, shape (n, …): the ranges of its
    activations are measured on them. `name` is that of its input; empty: the only one. Raises
    `BuildError` for a network without convolutions, or one that cannot be quantised.
    """
    # A second for it, and only needed here.
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static  # noqa: PLC0415
    from onnxruntime.quantization.shape_inference import quant_pre_process  # noqa: PLC0415

    with TemporaryDirectory() as folder:
        precise, prepared, quantised = (
            Path(folder, f"{step}.onnx") for step in ("precise", "prepared", "int8")
        )
        # By a file: a model that is handed over is changed.
        onnx.save(model, precise)
        try:
            quant_pre_process(precise, prepared, skip_symbolic_shape=True)
            real = {
                tensor.name: numpy_helper.to_array(tensor)
                for tensor in onnx.load(prepared).graph.initializer
            }
            quantize_static(
                prepared,
                quantised,
                _reader(name or _input(model), pictures),
                quant_format=QuantFormat.QDQ,
                # The last layers cost little, and precision counts most there.
                op_types_to_quantize=["Conv", "Add", "Concat", "MaxPool", "Relu", "Clip"],
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
        except Exception as error:
            # The quantiser's errors share no base but Exception.
            raise BuildError(
                f"the network cannot be quantised ({first_line(error)}): use it as it is"
            ) from error
        result = onnx.load(quantised)
    if not _use_own_weights(result, real):
        raise BuildError("the network has no convolutions to quantise: use it as it is")
    return result


def _reader(name: str, pictures: NDArray[np.float32]) -> "CalibrationDataReader":
    from onnxruntime.quantization import CalibrationDataReader  # noqa: PLC0415

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._starts = iter(range(0, len(pictures), BATCH))

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            start = next(self._starts, None)
            return None if start is None else {name: pictures[start : start + BATCH]}

    return Reader()


def _input(model: onnx.ModelProto) -> str:
    weights = {tensor.name for tensor in model.graph.initializer}
    names: Iterator[str] = (each.name for each in model.graph.input if each.name not in weights)
    return next(names)


def _use_own_weights(model: onnx.ModelProto, real: dict[str, NDArray[np.float32]]) -> int:
    """Put our weights in place of the quantiser's; return of how many convolutions."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    replaced = 0
    for weight, bias, source in _convolutions(model):
        values = real[weight.input[0].removesuffix("_quantized")]
        if values.ndim != CONVOLUTION_RANK:
            continue
        stored, steps = quantise_weights(values)
        _replace(tensors[weight.input[0]], stored)
        _replace(tensors[weight.input[1]], steps)
        if bias is not None:
            addends = real[bias.input[0].removesuffix("_quantized")].astype(np.float64)
            scale = steps * numpy_helper.to_array(tensors[source.input[1]])
            _replace(
                tensors[bias.input[0]], np.clip(np.rint(addends / scale), *LIMITS).astype(np.int32)
            )
            _replace(tensors[bias.input[1]], scale.astype(np.float32))
        replaced += 1
    return replaced


def _convolutions(
    model: onnx.ModelProto,
) -> Iterator[tuple[onnx.NodeProto, onnx.NodeProto | None, onnx.NodeProto]]:
    """What dequantises the weights, the bias and the input of each quantised convolution."""
    makers = {name: node for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        if node.op_type != "Conv":
            continue
        source, weight = (makers.get(name) for name in node.input[:2])
        bias = makers.get(node.input[2]) if len(node.input) > 2 else None
        if source and weight and weight.op_type == "DequantizeLinear":
            yield weight, bias, source


def _replace(tensor: onnx.TensorProto, values: NDArray[np.generic]) -> None:
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))
