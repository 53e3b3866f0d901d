"""A brought network in 8 bits: nearly the same vectors, and none that depend on the processor."""

import warnings

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper, numpy_helper

from facesearch_models.brought.quantising import quantise_brought
from facesearch_models.errors import BuildError
from facesearch_models.weights import LARGEST_PAIR, in_kernel_order, largest_pairs
from tests.unit.models.brought import made_up_network, network


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(count, 3, 112, 112)).astype(np.float32)


def unit(model: onnx.ModelProto, inputs: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(model.SerializeToString())
    values: np.ndarray = session.run(None, {"pictures": inputs})[0]
    result: np.ndarray = values / np.linalg.norm(values, axis=1, keepdims=True)
    return result


def stored_weights(model: onnx.ModelProto) -> list[np.ndarray]:
    return [
        values
        for tensor in model.graph.initializer
        if (values := numpy_helper.to_array(tensor)).dtype == np.int8 and values.ndim == 4
    ]


def test_vectors_stay_nearly_the_same() -> None:
    inputs = pictures(24)
    precise = made_up_network()
    quantised = quantise_brought(precise, inputs[:16])
    distances = np.linalg.norm(unit(precise, inputs) - unit(quantised, inputs), axis=1)
    others = np.linalg.norm(unit(precise, inputs[:12]) - unit(precise, inputs[12:]), axis=1)
    assert distances.max() < 0.3 * others.min()


def test_no_two_weights_saturate() -> None:
    (stored,) = stored_weights(quantise_brought(made_up_network(), pictures(8)))
    assert largest_pairs(in_kernel_order(stored).astype(float)).max() <= LARGEST_PAIR


def test_channel_that_is_off_stays_off() -> None:
    model = made_up_network()
    filters = next(tensor for tensor in model.graph.initializer if tensor.name == "filters")
    values = numpy_helper.to_array(filters).copy()
    values[3] = 0
    filters.CopyFrom(numpy_helper.from_array(values, "filters"))
    inputs = pictures(8)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        quantised = quantise_brought(model, inputs)
    (stored,) = stored_weights(quantised)
    assert not stored[3].any()
    assert np.linalg.norm(unit(model, inputs) - unit(quantised, inputs), axis=1).max() < 0.1


def test_network_without_convolutions_is_refused() -> None:
    model = network(
        helper.make_node("Flatten", ["pictures"], ["flat"]),
        helper.make_node("MatMul", ["flat", "dense"], ["embeddings"]),
        shape=["n", 3, 8, 8],
        output=["n", 64],
        weights={"dense": np.ones((192, 64))},
    )
    inputs = np.ones((4, 3, 8, 8), np.float32)
    with pytest.raises(BuildError, match="no convolutions to quantise"):
        quantise_brought(model, inputs)
