"""EfficientNet-Lite0 as an ONNX graph, from the weights of its PyTorch port.

The layers are those of the original (github.com/tensorflow/tpu, models/official/efficientnet/lite):
EfficientNet-B0's without squeeze and excitation, with ReLU6. Batch normalisation is folded into the
convolutions.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from facesearch_models.errors import BuildError
from facesearch_models.graph import IR_VERSION, OPSET

SIDE = 224
CLASSES = 1000
FEATURES = 1280
EPSILON = 1e-3
"""Of the batch normalisation."""

Array = npt.NDArray[np.float32]
Weights = Mapping[str, npt.NDArray[Any]]


class BlockStage(NamedTuple):
    """So many blocks in a row; only the first has this stride."""

    blocks: int
    kernel: int
    stride: int
    expansion: int


STAGES = (
    BlockStage(1, 3, 1, 1),
    BlockStage(2, 3, 2, 6),
    BlockStage(2, 5, 2, 6),
    BlockStage(3, 3, 2, 6),
    BlockStage(3, 5, 1, 6),
    BlockStage(4, 5, 2, 6),
    BlockStage(1, 3, 1, 6),
)


def build_graph(weights: Weights) -> onnx.ModelProto:
    """The network: `images` float32 (n, 224, 224, 3), RGB, (pixel − 127) / 128, to `logits`
    (n, 1000) and `features` (n, 1280), what the last layer reads.

    Raises `BuildError` when the weights are another network's.
    """
    try:
        return _Builder(weights).model()
    except KeyError as error:
        raise BuildError(f"the weights lack {error}: they are not EfficientNet-Lite0's") from error


class _Builder:
    """Names of nodes are those of their results."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def model(self) -> onnx.ModelProto:
        x = self._node("Transpose", "nchw", ["images"], perm=[0, 3, 1, 2])
        x = self._convolution(x, "_conv_stem", "_bn0", kernel=3, stride=2)
        number = 0
        for stage in STAGES:
            for repeat in range(stage.blocks):
                stride = 1 if repeat else stage.stride
                x = self._block(x, f"_blocks.{number}.", stage, stride, residual=repeat > 0)
                number += 1
        x = self._convolution(x, "_conv_head", "_bn1")
        x = self._node("GlobalAveragePool", "pooled", [x])
        x = self._node("Flatten", "features", [x])
        last = [self._constant(name, self._weights[name]) for name in ("_fc.weight", "_fc.bias")]
        self._node("Gemm", "logits", [x, *last], transB=1)
        graph = helper.make_graph(
            self._nodes,
            "efficientnet-lite0",
            [_tensor("images", SIDE, SIDE, 3)],
            [_tensor("logits", CLASSES), _tensor("features", FEATURES)],
            self._constants,
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="facesearch",
        )
        onnx.checker.check_model(model, full_check=True)
        return model

    def _block(
        self, source: str, name: str, stage: BlockStage, stride: int, *, residual: bool
    ) -> str:
        """Widen, filter each channel, narrow; added to what came in where the shapes agree."""
        x = source
        if stage.expansion > 1:
            x = self._convolution(x, f"{name}_expand_conv", f"{name}_bn0")
        x = self._convolution(
            x, f"{name}_depthwise_conv", f"{name}_bn1", stage.kernel, stride, each_channel=True
        )
        x = self._convolution(x, f"{name}_project_conv", f"{name}_bn2", clipped=False)
        return self._node("Add", f"{name}add", [source, x]) if residual else x

    def _convolution(
        self,
        source: str,
        name: str,
        norm: str,
        kernel: int = 1,
        stride: int = 1,
        *,
        each_channel: bool = False,
        clipped: bool = True,
    ) -> str:
        """With the batch normalisation `norm` folded in, then ReLU6 if `clipped`."""
        weight, bias = self._folded(f"{name}.weight", norm)
        x = self._node(
            "Conv",
            name,
            [
                source,
                self._constant(f"{name}.weight", weight),
                self._constant(f"{name}.bias", bias),
            ],
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            # TensorFlow's "same": what does not divide evenly goes to the right and the bottom.
            auto_pad="SAME_UPPER",
            group=len(weight) if each_channel else 1,
        )
        if not clipped:
            return x
        limits = [self._constant(f"limit_{limit}", np.float32(limit)) for limit in (0, 6)]
        return self._node("Clip", f"{name}_relu6", [x, *limits])

    def _folded(self, name: str, norm: str) -> tuple[Array, Array]:
        """A kernel (out, in, height, width) and bias (out,) that do what `norm` would do."""
        gain, shift, mean, variance = (
            self._weights[f"{norm}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        gain /= np.sqrt(variance + EPSILON)
        kernel = self._weights[name] * gain[:, None, None, None]
        return kernel.astype(np.float32), (shift - mean * gain).astype(np.float32)

    def _constant(self, name: str, value: npt.NDArray[Any] | np.float32) -> str:
        if all(constant.name != name for constant in self._constants):
            self._constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def _node(self, kind: str, name: str, inputs: Sequence[str], **attributes: Any) -> str:
        self._nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name


def _tensor(name: str, *shape: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *shape])
