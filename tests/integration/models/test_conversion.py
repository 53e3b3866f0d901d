"""The whole converted network against the Keras file, computed layer by layer with numpy alone."""

import io
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from facesearch.vision.models import ModelFolder
from facesearch_models.calibrate import sample_crops
from facesearch_models.download import download_archive, read_file
from facesearch_models.errors import BuildError
from facesearch_models.manifest import load_manifest
from tests.conftest import missing
from tests.recorded_steps import RecordedSteps

pytestmark = pytest.mark.slow

Values = NDArray[np.float64]
Weights = dict[str, Values]


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory) -> h5py.File:
    source = load_manifest().sources["facenet"]
    try:
        archive = download_archive(source, tmp_path_factory.mktemp("facenet"), RecordedSteps())
    except BuildError as error:
        missing(str(error))
    (path,) = source.files
    return h5py.File(io.BytesIO(read_file(source, archive, path)), "r")


def windows(x: Values, config: dict[str, Any], size: list[int]) -> Values:
    """Each place's pixels, shape (n, rows, columns, channels, height, width)."""
    if config["padding"] == "same":
        pads = [((side - 1) // 2, side // 2) for side in size]
        x = np.pad(x, [(0, 0), *pads, (0, 0)])
    down, across = config["strides"]
    return sliding_window_view(x, tuple(size), axis=(1, 2))[:, ::down, ::across]


def compute(kind: str, config: dict[str, Any], inputs: list[Values], weights: Weights) -> Values:
    """What Keras 2 documents for a layer, channels last."""
    x = inputs[0]
    result: Values
    match kind:
        case "InputLayer" | "Dropout":
            result = x
        case "Conv2D":
            seen = windows(x, config, config["kernel_size"])
            result = np.tensordot(seen, weights["kernel"], axes=([4, 5, 3], [0, 1, 2]))
            result = result + weights.get("bias", 0)
        case "BatchNormalization":
            spread = np.sqrt(weights["moving_variance"] + config["epsilon"])
            result = (x - weights["moving_mean"]) / spread + weights["beta"]
        case "Activation":
            result = np.maximum(x, 0)
        case "Concatenate":
            result = np.concatenate(inputs, axis=3)
        case "Lambda":
            result = x + inputs[1] * config["arguments"]["scale"]
        case "MaxPooling2D":
            result = windows(x, config, config["pool_size"]).max(axis=(4, 5))
        case "GlobalAveragePooling2D":
            result = x.mean(axis=(1, 2))
        case "Dense":
            result = x @ weights["kernel"]
        case _:
            pytest.fail(f"{kind} is a new kind of layer")
    return result


def test_convert_real_face_matches_keras_layer_by_layer(
    models: Path, sample: Path, keras: h5py.File
) -> None:
    faces = sample_crops(sample, "val")[:1]
    values: dict[str, Values] = {}
    layers = json.loads(keras.attrs["model_config"])["config"]["layers"]
    for layer in layers:
        group = keras["model_weights"][layer["name"]]
        weights = {
            name.decode().split("/")[-1].split(":")[0]: group[name][()].astype(np.float64)
            for name in group.attrs["weight_names"]
        }
        sources = [values[node[0]] for inbound in layer["inbound_nodes"] for node in inbound]
        inputs = sources or [faces.astype(np.float64)]
        values[layer["name"]] = compute(layer["class_name"], layer["config"], inputs, weights)
    wanted = values[layers[-1]["name"]]
    session = ModelFolder(models).open("facenet-fp32", threads=1)
    got = session.run(["embeddings"], {"faces": faces})[0]
    np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-3)
