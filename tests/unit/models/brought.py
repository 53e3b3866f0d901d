"""Networks as people bring them, small, made up, of any shape, and the recipe of one."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FILTERS = 16
PARTS = 4


def made_up_network(
    *,
    size: tuple[int, int] = (112, 112),
    layout: str = "NCHW",
    dimension: int = 512,
    batch: int | str = "n",
    seed: int = 7,
) -> onnx.ModelProto:
    """A convolution, a pool and a dense layer of random weights: other pictures, other vectors.

    Its input is `pictures`, its output `embeddings` (n, dimension), not of unit length.
    """
    random = np.random.default_rng(seed)
    width, height = size
    inner = [(side + 1) // 2 for side in (height, width)]
    pool = [side // PARTS for side in inner]
    flat = FILTERS * (inner[0] // pool[0]) * (inner[1] // pool[1])
    convolution = helper.make_node(
        "Conv", ["planes", "filters", "offsets"], ["edges"], strides=[2, 2], pads=[2, 2, 2, 2]
    )
    first = (
        helper.make_node("Identity", ["pictures"], ["planes"])
        if layout == "NCHW"
        else helper.make_node("Transpose", ["pictures"], ["planes"], perm=[0, 3, 1, 2])
    )
    return network(
        first,
        convolution,
        helper.make_node("Relu", ["edges"], ["active"]),
        helper.make_node("MaxPool", ["active"], ["small"], kernel_shape=pool, strides=pool),
        helper.make_node("Flatten", ["small"], ["flat"]),
        helper.make_node("MatMul", ["flat", "dense"], ["embeddings"]),
        shape=[batch, 3, height, width] if layout == "NCHW" else [batch, height, width, 3],
        output=[batch, dimension],
        weights={
            "filters": random.normal(0, 0.2, (FILTERS, 3, 5, 5)),
            "offsets": random.normal(0, 0.1, FILTERS),
            "dense": random.normal(0, 0.2, (flat, dimension)),
        },
    )


ALIGNED = """
[[cuts]]  # as ArcFace's
kind = "aligned"
template = "arcface"
"""


def brought_recipe(*, sha256: str = "", dimension: int = 512, two_views: bool = False) -> str:
    """The TOML file of `made_up_network`'s recipe, called "mine"; `sha256` is its network's."""
    return f"""version = 1
name = "mine"
regions = "faces"

[detector]
name = "mtcnn"
{ALIGNED}{ALIGNED + "mirrored = true" + chr(10) if two_views else ""}
[network]
file = "mine.onnx"
sha256 = "{sha256}"
size = [112, 112]
layout = "NCHW"
colours = "BGR"
pixels = {{ kind = "scale", mean = [127.5, 127.5, 127.5], deviation = [128, 128, 128] }}
dimension = {dimension}
unit_length = true
licence = "MIT"
source = "made up"
"""


def network(
    *nodes: onnx.NodeProto,
    shape: list[int | str],
    output: list[int | str],
    weights: dict[str, Any] | None = None,
    domains: tuple[str, ...] = ("",),
    kind: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """A network of these nodes, from `pictures` to `embeddings`."""
    graph = helper.make_graph(
        list(nodes),
        "made-up",
        [helper.make_tensor_value_info("pictures", kind, shape)],
        [helper.make_tensor_value_info("embeddings", kind, output)],
        [
            numpy_helper.from_array(np.asarray(values, np.float32), name)
            for name, values in (weights or {}).items()
        ],
    )
    opsets = [helper.make_opsetid(domain, 17 if not domain else 1) for domain in domains]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)
