"""Turns the Keras 2.1.2 FaceNet file into ONNX without TensorFlow.

The file has ten kinds of layer, so reading its configuration and weights with h5py is enough. Batch
normalisation and the scales of the residual branches are folded into the layers before them.
"""

import json
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt
import onnx

from facesearch_models.errors import BuildError
from facesearch_models.graph import INPUT, Graph

Array = npt.NDArray[np.float32]


class Layer(NamedTuple):
    """A Keras layer: class, configuration, the layers that it reads, and weights by short name."""

    name: str
    kind: str
    config: dict[str, Any]
    inputs: tuple[str, ...]
    weights: dict[str, Array]


def read_layers(file: Path | BinaryIO) -> list[Layer]:
    """Return the layers of a Keras 2 functional model, each after those that it reads."""
    with h5py.File(file, "r") as h5:
        model = json.loads(h5.attrs["model_config"])["config"]
        groups = h5["model_weights"]
        return [_read_layer(layer, groups[layer["name"]]) for layer in model["layers"]]


def _read_layer(layer: dict[str, Any], group: h5py.Group) -> Layer:
    names = [name.decode() for name in group.attrs["weight_names"]]
    weights = {name.rpartition("/")[2].removesuffix(":0"): group[name][()] for name in names}
    inputs = tuple(node[0] for nodes in layer["inbound_nodes"] for node in nodes)
    return Layer(layer["name"], layer["class_name"], layer["config"], inputs, weights)


def convert(file: Path | BinaryIO) -> onnx.ModelProto:
    """Return the network as ONNX: `faces` float32 (n, 160, 160, 3), RGB, standardised per image,
    to `embeddings` float32 (n, 128), not normalised."""
    return _Converter(read_layers(file)).model()


class _Converter:
    """Emits one ONNX node a layer, and none for a layer folded into the one before it."""

    def __init__(self, layers: list[Layer]) -> None:
        self._layers = {layer.name: layer for layer in layers}
        self._readers: dict[str, list[Layer]] = {}
        for layer in layers:
            for source in layer.inputs:
                self._readers.setdefault(source, []).append(layer)
        self._value: dict[str, str] = {}
        self._graph = Graph()

    def model(self) -> onnx.ModelProto:
        for layer in self._layers.values():
            self._value[layer.name] = self._convert(layer)
        return self._graph.model("facenet")

    def _convert(self, layer: Layer) -> str:  # noqa: PLR0911 (one a kind of layer)
        """Emit the layer and return the name of its result."""
        sources = [self._value[name] for name in layer.inputs]
        node = self._graph.node
        match layer.kind:
            case "InputLayer":
                return node("Transpose", layer.name, [INPUT], perm=[0, 3, 1, 2])
            case "Conv2D":
                return self._convolution(layer, sources[0])
            case "Dense":
                return node("Gemm", layer.name, [sources[0], *self._weights(layer, (0, 1))])
            case "Activation":
                return node("Relu", layer.name, sources)
            case "Concatenate":
                return node("Concat", layer.name, sources, axis=1)
            case "Lambda":
                return node("Add", layer.name, sources)
            case "MaxPooling2D":
                size, strides = layer.config["pool_size"], layer.config["strides"]
                return node("MaxPool", layer.name, sources, kernel_shape=size, strides=strides)
            case "GlobalAveragePooling2D":
                pooled = node("GlobalAveragePool", layer.name, sources)
                return node("Flatten", f"{layer.name}_flat", [pooled])
            case "BatchNormalization" | "Dropout":
                return sources[0]
        raise BuildError(f"layer {layer.name} is a {layer.kind}, which convert.py does not know")

    def _convolution(self, layer: Layer, source: str) -> str:
        height, width = layer.config["kernel_size"]
        # Every "same" convolution here has stride 1 and an odd kernel, so its padding is symmetric.
        same = layer.config["padding"] == "same"
        top, left = ((height - 1) // 2, (width - 1) // 2) if same else (0, 0)
        return self._graph.node(
            "Conv",
            layer.name,
            [source, *self._weights(layer, (3, 2, 0, 1))],
            kernel_shape=[height, width],
            strides=layer.config["strides"],
            pads=[top, left, top, left],
        )

    def _weights(self, layer: Layer, order: tuple[int, ...]) -> list[str]:
        kernel, bias = self._folded(layer)
        return [
            self._graph.constant(f"{layer.name}_weight", kernel.transpose(order)),
            self._graph.constant(f"{layer.name}_bias", bias),
        ]

    def _folded(self, layer: Layer) -> tuple[Array, Array]:
        """The kernel (..., in, out) and bias (out,), with what the next layer does folded in."""
        kernel = layer.weights["kernel"].astype(np.float64)
        bias = layer.weights.get("bias", np.zeros(kernel.shape[-1])).astype(np.float64)
        for reader in self._readers[layer.name]:
            if reader.kind == "BatchNormalization":
                variance = reader.weights["moving_variance"].astype(np.float64)
                gain = 1 / np.sqrt(variance + reader.config["epsilon"])
                shift = reader.weights["beta"] - reader.weights["moving_mean"] * gain
            elif reader.kind == "Lambda":
                gain, shift = reader.config["arguments"]["scale"], 0
            else:
                raise BuildError(
                    f"layer {layer.name} feeds a {reader.kind}, which cannot be folded"
                )
            kernel, bias = kernel * gain, bias * gain + shift
        return kernel.astype(np.float32), bias.astype(np.float32)
