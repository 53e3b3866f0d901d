"""Collects nodes and constants into an ONNX model."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8
ORT_DOMAIN = "com.microsoft"
VERSIONS = {"": OPSET, ORT_DOMAIN: 1}
INPUT = "faces"
OUTPUT = "embeddings"
INPUT_SIZE = 160
DIMENSION = 128


class Graph:
    """A network under construction. FaceNet: `faces` (n, 160, 160, 3) to `embeddings` (n, 128)."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: npt.NDArray[np.generic] | np.generic) -> str:
        """Add a constant, once, and return its name."""
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.asarray(value, order="C"), name)
        return name

    def node(
        self, kind: str, name: str, inputs: Sequence[str], domain: str = "", **attributes: Any
    ) -> str:
        """Add a node with one output, which carries the node's name, and return that name."""
        node = helper.make_node(kind, inputs, [name], name, domain=domain, **attributes)
        self._nodes.append(node)
        return name

    def model(self, name: str) -> onnx.ModelProto:
        """Return the model whose output is the last node's."""
        self._nodes[-1].output[0] = OUTPUT
        domains = sorted({node.domain for node in self._nodes})
        faces: list[str | int] = ["n", INPUT_SIZE, INPUT_SIZE, 3]
        graph = helper.make_graph(
            self._nodes,
            name,
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, faces)],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", DIMENSION])],
            list(self._constants.values()),
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid(name, VERSIONS[name]) for name in domains],
            ir_version=IR_VERSION,
            producer_name="facesearch",
        )
        onnx.checker.check_model(model)
        return model
