"""The real networks on real faces: pinned vectors, int8 against fp32, no room for saturation."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from facesearch.vision.models import ModelFolder
from facesearch_models.calibrate import sample_crops
from facesearch_models.weights import LARGEST_PAIR, in_kernel_order, largest_pairs

Floats = NDArray[np.float32]

FP32, INT8 = "facenet-fp32", "facenet-int8"

# The first eight numbers of the unit vector of val/ben_afflek/ben_afflek_01.jpg.
GOLDEN = {
    FP32: [-0.00163, 0.01391, 0.01939, -0.10879, 0.03058, -0.00676, 0.21084, -0.06386],
    INT8: [-0.008, 0.00719, 0.02344, -0.11227, 0.03152, -0.00808, 0.21014, -0.06138],
}


@pytest.fixture(scope="module")
def faces(sample: Path) -> Floats:
    """The main faces of the 25 photos that calibration never saw."""
    return sample_crops(sample, "val")


def embed(models: Path, name: str, faces: Floats) -> Floats:
    session = ModelFolder(models).open(name, threads=1)
    vectors: Floats = session.run(["embeddings"], {"faces": faces})[0]
    unit: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


@pytest.mark.parametrize("name", [FP32, INT8])
def test_embedder_real_face_gives_golden_vector(models: Path, faces: Floats, name: str) -> None:
    vectors = embed(models, name, faces[:1])
    assert vectors.shape == (1, 128)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors[0, :8], GOLDEN[name], atol=2e-4)


@pytest.mark.parametrize("name", [FP32, INT8])
def test_embedder_batch_gives_what_single_faces_give(
    models: Path, faces: Floats, name: str
) -> None:
    alone = np.concatenate([embed(models, name, face[None]) for face in faces[:4]])
    np.testing.assert_allclose(embed(models, name, faces[:4]), alone, atol=1e-5)


def test_int8_unseen_faces_stay_close_to_fp32(models: Path, faces: Floats) -> None:
    cosines = (embed(models, FP32, faces) * embed(models, INT8, faces)).sum(axis=1)
    assert cosines.min() > 0.998
    assert cosines.mean() > 0.999


@pytest.mark.slow
def test_int8_training_faces_stay_close_to_fp32(models: Path, sample: Path) -> None:
    faces = sample_crops(sample, "train")
    cosines = (embed(models, FP32, faces) * embed(models, INT8, faces)).sum(axis=1)
    assert cosines.min() > 0.997
    assert cosines.mean() > 0.999


@pytest.mark.slow
def test_int8_same_person_is_nearest_for_every_unseen_face(models: Path, sample: Path) -> None:
    known = embed(models, INT8, sample_crops(sample, "train"))
    people = np.array([path.parent.name for path in sorted(sample.glob("train/*/*.jpg"))])
    nearest = people[(embed(models, INT8, sample_crops(sample, "val")) @ known.T).argmax(axis=1)]
    wanted = [path.parent.name for path in sorted(sample.glob("val/*/*.jpg"))]
    assert nearest.tolist() == wanted


def test_int8_file_has_no_pair_of_weights_that_can_saturate(models: Path) -> None:
    model = onnx.load(models / f"{INT8}.onnx")
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    convolutions = [node for node in model.graph.node if node.op_type == "QLinearConv"]
    assert len(convolutions) == 132
    for node in convolutions:
        weight = constants[node.input[3]]
        assert weight.dtype == np.int8
        pairs = largest_pairs(in_kernel_order(weight).astype(np.float64))
        assert pairs.max() <= LARGEST_PAIR, node.name
        # 255 is the largest activation, and 16 signed bits hold the sum of two products.
        assert 255 * pairs.max() <= np.iinfo(np.int16).max


def test_int8_optimisation_changes_nothing(models: Path, faces: Floats) -> None:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    optimised = ort.InferenceSession(models / f"{INT8}.onnx", options)
    vectors = optimised.run(["embeddings"], {"faces": faces[:4]})[0]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors, embed(models, INT8, faces[:4]), atol=1e-5)
