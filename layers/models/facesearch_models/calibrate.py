"""Finds the numbers of calibration.json in the sample's training photos, never in a test set."""

import json
from collections import Counter
from collections.abc import Iterator
from importlib import resources
from itertools import takewhile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

from facesearch.faces import BoundingBox
from facesearch.vision.crops import crop_face
from facesearch.vision.images import decode_image
from facesearch.vision.pixels import standardise
from facesearch_models.calibration import Calibration, Range, rounded
from facesearch_models.quantise import HEAD, encoding, quantise

BATCH = 8
BINS = 4096

# The ends that are tried for a range, as shares of the extremes: cutting off rare large values
# makes the common ones more precise.
SHARES = np.linspace(1.0, 0.3, 29)

Floats = npt.NDArray[np.float32]
Histogram = npt.NDArray[np.float64]


def sample_crops(sample: Path, part: str) -> Floats:
    """The main face of each photo in the sample's `train` or `val`, shape (n, 160, 160, 3).

    The boxes come with this package, so that calibration does not depend on a detector.
    """
    text = resources.files("facesearch_models").joinpath("sample_faces.json").read_text("utf-8")
    boxes = {name: BoundingBox(*box) for name, box in json.loads(text).items()}
    wanted = {name: box for name, box in boxes.items() if name.startswith(f"{part}/")}
    photos = {name: decode_image((sample / name).read_bytes()).image for name in wanted}
    return standardise(np.stack([crop_face(photos[name], box) for name, box in wanted.items()]))


def calibrate(model: onnx.ModelProto, faces: Floats) -> Calibration:
    """Return what `quantise` needs for the fp32 model, from standardised faces."""
    names = _quantised(model)
    extremes = _extremes(model, names, faces)
    histograms = _histograms(model, extremes, faces)
    ranges = {name: _best_range(extremes[name], histograms[name]) for name in names}
    # Nothing can be said about the input of photos to come, so none of it is cut off.
    ranges[names[0]] = extremes[names[0]]
    written = {name: (rounded(low), rounded(high)) for name, (low, high) in ranges.items()}
    calibration = Calibration(written, {})
    for name in _stem(model):
        shift = _shift(model, calibration, name, faces)
        calibration = Calibration(written, {**calibration.shifts, name: shift})
    return calibration


def _quantised(model: onnx.ModelProto) -> list[str]:
    """The tensors that the int8 network holds: an activation is part of the node before it."""
    activated = {node.input[0] for node in model.graph.node if node.op_type == "Relu"}
    names = [node.output[0] for node in model.graph.node[:-HEAD]]
    return [name for name in names if name not in activated]


def _extremes(model: onnx.ModelProto, names: list[str], faces: Floats) -> dict[str, Range]:
    found = dict.fromkeys(names, (0.0, 0.0))
    for name, value in _values(model, names, faces):
        low, high = found[name]
        found[name] = min(low, float(value.min())), max(high, float(value.max()))
    return found


def _histograms(
    model: onnx.ModelProto, extremes: dict[str, Range], faces: Floats
) -> dict[str, Histogram]:
    counts = {name: np.zeros(BINS) for name in extremes}
    for name, value in _values(model, list(extremes), faces):
        counts[name] += np.histogram(value, BINS, extremes[name])[0]
    return counts


def _best_range(extremes: Range, counts: Histogram) -> Range:
    """The range that encodes the values in 8 bits with the least squared error."""
    edges = np.linspace(*extremes, BINS + 1)
    values = (edges[1:] + edges[:-1]) / 2
    low, high = extremes
    best, least = extremes, np.inf
    for low_share in SHARES if low < 0 else SHARES[:1]:
        for high_share in SHARES:
            tried = (low * low_share, high * high_share)
            step, zero = encoding(tried)
            stored = np.clip(np.rint(values / step) + zero, 0, 255)
            error = float(counts @ np.square((stored - zero) * step - values))
            if error < least:
                best, least = tried, error
    return best


def _stem(model: onnx.ModelProto) -> list[str]:
    """The convolutions before the network branches: all the others build on what they get wrong."""
    readers = Counter(name for node in model.graph.node for name in node.input)
    stem = takewhile(lambda node: readers[node.output[0]] == 1, model.graph.node)
    return [node.name for node in stem if node.op_type == "Conv"]


def _shift(
    model: onnx.ModelProto, calibration: Calibration, name: str, faces: Floats
) -> list[float]:
    """How far int8 falls short of fp32 in the mean of each channel of a convolution's result."""
    activation = next(node.name for node in model.graph.node if name in node.input)
    wanted = _channel_means(model, activation, (0, 2, 3), faces)
    small = quantise(model, calibration)
    node = next(node for node in small.graph.node if node.name == name)
    # The inputs of QLinearConv: x (3), weights (3), then the result's step and zero.
    real = f"{name}_real"
    small.graph.node.append(helper.make_node("DequantizeLinear", [name, *node.input[6:8]], [real]))
    got = _channel_means(small, real, (0, 1, 2), faces)
    return [rounded(value) for value in wanted - got]


def _channel_means(
    model: onnx.ModelProto, name: str, others: tuple[int, ...], faces: Floats
) -> npt.NDArray[np.float64]:
    sums = [
        value.astype(np.float64).mean(axis=others) * len(value)
        for _, value in _values(model, [name], faces)
    ]
    total: npt.NDArray[np.float64] = np.sum(sums, axis=0)
    return total / len(faces)


def _values(
    model: onnx.ModelProto, names: list[str], faces: Floats
) -> Iterator[tuple[str, Floats]]:
    """Each named tensor for each batch of faces."""
    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    del opened.graph.output[:]
    for name in names:
        opened.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    session = ort.InferenceSession(opened.SerializeToString(), providers=["CPUExecutionProvider"])
    for start in range(0, len(faces), BATCH):
        values = session.run(names, {"faces": faces[start : start + BATCH]})
        yield from zip(names, values, strict=True)
