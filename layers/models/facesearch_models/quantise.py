"""Turns the fp32 network into one that computes in 8 bits.

The nodes are ONNX Runtime's own quantised, channels-last kernels, written out directly: the file
needs no optimisation when it is loaded, and its bytes depend on no quantisation tool's version.
"""

from typing import NamedTuple

import numpy as np
import onnx
from onnx import helper, numpy_helper

from facesearch_models.calibration import Calibration, Range
from facesearch_models.errors import BuildError
from facesearch_models.graph import INPUT, ORT_DOMAIN, Graph
from facesearch_models.weights import quantise_weights

# The last nodes (pool, flatten, dense) stay in fp32: they cost nothing, and precision there counts.
HEAD = 3


class Quantised(NamedTuple):
    """A uint8 tensor of the int8 network: real = step * (stored - zero)."""

    name: str
    step: np.float32
    zero: np.uint8


def encoding(covered: Range) -> tuple[np.float32, np.uint8]:
    """The step and zero of uint8 values that cover a range with 0 in it, and hold 0 exactly."""
    low, high = covered
    step = np.float32((high - low) / 255)
    return step, np.uint8(np.rint(-low / float(step)))


def quantise(model: onnx.ModelProto, calibration: Calibration) -> onnx.ModelProto:
    """Return the int8 network of a model made by `convert`, with the same input and output."""
    return _Quantiser(model, calibration).model()


class _Quantiser:
    """Emits the 8-bit node for each fp32 node and remembers how its result is encoded."""

    def __init__(self, model: onnx.ModelProto, calibration: Calibration) -> None:
        self._nodes = list(model.graph.node)
        self._weights = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        self._calibration = calibration
        self._readers: dict[str, list[onnx.NodeProto]] = {}
        for node in self._nodes:
            for name in node.input:
                self._readers.setdefault(name, []).append(node)
        self._graph = Graph()
        self._value: dict[str, Quantised] = {}

    def model(self) -> onnx.ModelProto:
        for node in self._nodes[:-HEAD]:
            self._value[node.output[0]] = self._convert(node)
        self._head(*self._nodes[-HEAD:])
        return self._graph.model("facenet-int8")

    def _convert(self, node: onnx.NodeProto) -> Quantised:
        sources = [self._value[name] for name in node.input if name in self._value]
        match node.op_type:
            case "Transpose":
                return self._emit_input(node)
            case "Conv":
                return self._convolution(node, sources[0])
            case "Add":
                return self._add(node, sources)
            case "Concat":
                return self._concatenate(node, sources)
            case "MaxPool":
                return self._pool(node, sources[0])
            case "Relu":
                # The node before clamps at 0 by itself: the range of its result starts there.
                return sources[0]
        raise BuildError(f"node {node.name} is a {node.op_type}, which quantise.py does not know")

    def _emit_input(self, node: onnx.NodeProto) -> Quantised:
        result = self._result(node)
        self._graph.node("QuantizeLinear", node.name, [INPUT, *self._scale(result)])
        return result

    def _convolution(self, node: onnx.NodeProto, source: Quantised) -> Quantised:
        result = self._result(node)
        weight, steps = quantise_weights(self._weights[node.input[1]])
        bias = self._weights[node.input[2]] + np.array(self._calibration.shifts.get(node.name, 0.0))
        stored_bias = np.rint(bias / (steps.astype(np.float64) * float(source.step)))
        constant = self._graph.constant
        self._graph.node(
            "QLinearConv",
            node.name,
            [
                *self._terms(source),
                constant(f"{node.name}_weight", weight),
                constant(f"{node.name}_weight_step", steps),
                constant("weight_zero", np.int8(0)),
                *self._scale(result),
                constant(f"{node.name}_bias", stored_bias.astype(np.int32)),
            ],
            domain=ORT_DOMAIN,
            channels_last=1,
            **_attributes(node),
        )
        return result

    def _add(self, node: onnx.NodeProto, sources: list[Quantised]) -> Quantised:
        result = self._result(node)
        terms = [term for source in sources for term in self._terms(source)]
        inputs = [*terms, *self._scale(result)]
        self._graph.node("QLinearAdd", node.name, inputs, domain=ORT_DOMAIN)
        return result

    def _concatenate(self, node: onnx.NodeProto, sources: list[Quantised]) -> Quantised:
        result = self._result(node)
        terms = [term for source in sources for term in self._terms(source)]
        inputs = [*self._scale(result), *terms]
        self._graph.node("QLinearConcat", node.name, inputs, domain=ORT_DOMAIN, axis=3)
        return result

    def _pool(self, node: onnx.NodeProto, source: Quantised) -> Quantised:
        self._graph.node(
            "NhwcMaxPool", node.name, [source.name], domain=ORT_DOMAIN, **_attributes(node)
        )
        return source._replace(name=node.name)

    def _head(self, pool: onnx.NodeProto, _: onnx.NodeProto, dense: onnx.NodeProto) -> None:
        features = self._terms(self._value[pool.input[0]])
        constant = self._graph.constant
        real = self._graph.node("DequantizeLinear", "features", features)
        mean = self._graph.node("ReduceMean", pool.name, [real], axes=[1, 2], keepdims=0)
        weights = [constant(name, self._weights[name]) for name in dense.input[1:]]
        self._graph.node("Gemm", dense.name, [mean, *weights])

    def _result(self, node: onnx.NodeProto) -> Quantised:
        """The encoding of a node's result, or of the activation that follows it."""
        return Quantised(node.name, *encoding(self._calibration.ranges[self._activated(node)]))

    def _activated(self, node: onnx.NodeProto) -> str:
        readers = self._readers[node.output[0]]
        activation = [reader for reader in readers if reader.op_type == "Relu"]
        return activation[0].name if activation else node.name

    def _terms(self, value: Quantised) -> list[str]:
        return [value.name, *self._scale(value)]

    def _scale(self, value: Quantised) -> list[str]:
        step = self._graph.constant(f"step_{value.step!r}", value.step)
        return [step, self._graph.constant(f"zero_{value.zero}", value.zero)]


def _attributes(node: onnx.NodeProto) -> dict[str, list[int]]:
    return {a.name: list(helper.get_attribute_value(a)) for a in node.attribute}
