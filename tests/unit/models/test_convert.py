"""The conversion of small Keras files whose result can be computed by hand."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import pytest

from facesearch_models.convert import convert
from facesearch_models.errors import BuildError

Weights = dict[str, npt.NDArray[np.float32]]
RANDOM = np.random.default_rng(3)


def normal(*shape: int) -> npt.NDArray[np.float32]:
    return RANDOM.normal(size=shape).astype(np.float32)


class KerasFile:
    """Writes a Keras 2 model of one chain, or of what `inputs` says."""

    def __init__(self) -> None:
        self._layers: list[dict[str, Any]] = []
        self._weights: dict[str, Weights] = {}

    def add(
        self, kind: str, name: str, inputs: list[str], weights: Weights | None = None, **config: Any
    ) -> None:
        inbound = [[[source, 0, 0, {}] for source in inputs]] if inputs else []
        self._layers.append(
            {"class_name": kind, "name": name, "config": config, "inbound_nodes": inbound}
        )
        self._weights[name] = weights or {}

    def save(self, path: Path) -> Path:
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = json.dumps({"config": {"layers": self._layers}})
            for layer, weights in self._weights.items():
                group = file.create_group(f"model_weights/{layer}")
                names = [f"{layer}/{name}:0" for name in weights]
                group.attrs["weight_names"] = np.array([name.encode() for name in names], "S")
                for name, value in zip(names, weights.values(), strict=True):
                    group[name] = value
        return path


def run(path: Path, faces: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    session = ort.InferenceSession(convert(path).SerializeToString())
    result: npt.NDArray[np.float32] = session.run(["embeddings"], {"faces": faces})[0]
    return result


def test_convert_folds_batch_norm_and_residual_scale(tmp_path: Path) -> None:
    file = KerasFile()
    kernel, beta, mean = normal(1, 1, 3, 4), normal(4), normal(4)
    variance, branch, bias, dense = (
        normal(4) ** 2 + 0.5,
        normal(1, 1, 4, 4),
        normal(4),
        normal(4, 128),
    )
    point = {"kernel_size": [1, 1], "strides": [1, 1], "padding": "same"}
    file.add("InputLayer", "input", [])
    file.add("Conv2D", "first", ["input"], {"kernel": kernel}, **point)
    norm = {"beta": beta, "moving_mean": mean, "moving_variance": variance}
    file.add("BatchNormalization", "norm", ["first"], norm, epsilon=0.001)
    file.add("Activation", "relu", ["norm"], activation="relu")
    file.add("Conv2D", "branch", ["relu"], {"kernel": branch, "bias": bias}, **point)
    file.add("Lambda", "sum", ["relu", "branch"], arguments={"scale": 0.17})
    file.add("GlobalAveragePooling2D", "pool", ["sum"])
    file.add("Dense", "dense", ["pool"], {"kernel": dense})
    dense_norm = {name: np.tile(value, 32) for name, value in norm.items()}
    file.add("BatchNormalization", "dense_norm", ["dense"], dense_norm, epsilon=0.001)

    faces = normal(2, 160, 160, 3)
    x = (faces @ kernel[0, 0] - mean) / np.sqrt(variance + 0.001) + beta
    x = np.maximum(x, 0)
    x = x + 0.17 * (x @ branch[0, 0] + bias)
    x = x.mean(axis=(1, 2)) @ dense
    wanted = (x - np.tile(mean, 32)) / np.sqrt(np.tile(variance, 32) + 0.001) + np.tile(beta, 32)
    np.testing.assert_allclose(
        run(file.save(tmp_path / "m.h5"), faces), wanted, rtol=2e-4, atol=2e-4
    )


def test_convert_unknown_layer_is_named(tmp_path: Path) -> None:
    file = KerasFile()
    file.add("InputLayer", "input", [])
    file.add("LSTM", "memory", ["input"])
    with pytest.raises(BuildError, match="memory is a LSTM"):
        convert(file.save(tmp_path / "m.h5"))
