"""Classifiers that a user brings: tiny networks, made here, that tell the mean of each channel."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from facesearch.errors import InvalidRequest, ModelError
from facesearch.settings import Settings
from facesearch_local.evaluation.classifier import Classifier
from facesearch_local.evaluation.system import SystemOptions

SETTINGS = Settings.from_env({"FACESEARCH_THREADS": "1", "FACESEARCH_MODELS": "/nowhere"})

Shape = list[Any]
Make = Callable[..., SystemOptions]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes a network with the output `means` (n, 3) and, if asked, `more`: what `more` makes."""

    def write(
        shape: Shape, *, output: str = "", kind: int = TensorProto.FLOAT, more: str = ""
    ) -> SystemOptions:
        axes = [1, 2] if shape[-1] == 3 else [*range(2, len(shape))]
        nodes = [
            helper.make_node("Cast", ["images"], ["read"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["read"], ["means"], axes=axes, keepdims=0),
        ]
        outputs = [helper.make_tensor_value_info("means", TensorProto.FLOAT, None)]
        if more:
            nodes.append(helper.make_node(more, ["read"], ["more"]))
            outputs.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, None))
        inputs = [helper.make_tensor_value_info("images", kind, shape)]
        graph = helper.make_graph(nodes, "tiny", inputs, outputs)
        opset = [helper.make_opsetid("", 17)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=8)
        file = tmp_path / "tiny.onnx"
        onnx.save(model, file)
        return SystemOptions(file, sha256(file.read_bytes()).hexdigest(), "caffe", output)

    return write


def embed(options: SystemOptions, *colours: tuple[int, int, int]) -> np.ndarray[Any, Any]:
    classifier = Classifier.chosen(SETTINGS, options)
    cuts = [classifier.cut(Image.new("RGB", (30, 20), colour)) for colour in colours]
    return classifier.embed(cuts)


COLOURS = [(255, 0, 0), (0, 255, 0), (10, 20, 30)]
BGR_LESS_MEAN = [
    [0 - 103.939, 0 - 116.779, 255 - 123.68],
    [0 - 103.939, 255 - 116.779, 0 - 123.68],
    [30 - 103.939, 20 - 116.779, 10 - 123.68],
]


@pytest.mark.parametrize(
    "shape",
    [["n", 3, 8, 12], ["n", 8, 12, 3], [1, 3, 8, 12], [1, 8, 12, 3]],
    ids=["channels first", "channels last", "first, one by one", "last, one by one"],
)
def test_layout_and_batch_are_read_from_the_network(make: Make, shape: Shape) -> None:
    np.testing.assert_allclose(embed(make(shape), *COLOURS), BGR_LESS_MEAN, rtol=1e-4)


def test_image_is_stretched_to_the_networks_height_and_width(make: Make) -> None:
    for shape in (["n", 3, 8, 12], ["n", 8, 12, 3]):
        cut = Classifier.chosen(SETTINGS, make(shape)).cut(Image.new("RGB", (50, 50)))
        assert cut.shape == (8, 12, 3)


def test_box_alone_is_cut_out(make: Make) -> None:
    image = Image.new("RGB", (40, 40))
    image.paste((200, 100, 50), (5, 5, 25, 25))
    classifier = Classifier.chosen(SETTINGS, make(["n", 3, 8, 8]))
    cut = classifier.cut(image, (10, 10, 20, 20))
    assert (cut == [200, 100, 50]).all()


def test_many_images_are_embedded_in_their_order(make: Make) -> None:
    colours = [(level, 0, 0) for level in range(40)]
    reds = embed(make(["n", 3, 8, 12]), *colours)[:, 2]
    np.testing.assert_allclose(reds, np.arange(40) - 123.68, rtol=1e-4)


def test_named_output_with_sides_of_one_is_a_vector(make: Make) -> None:
    options = make(["n", 3, 8, 12], output="more", more="GlobalAveragePool")
    np.testing.assert_allclose(embed(options, *COLOURS), BGR_LESS_MEAN, rtol=1e-4)


@pytest.mark.parametrize(
    ("output", "more", "message"),
    [
        ("", "Relu", r"has several outputs: name one of means, more with --classifier-output"),
        ("fc2", "", r"has no output 'fc2': name one of means with"),
        ("more", "Relu", r"output 'more' of .* has the shape \(3, 3, 8, 12\) for 3 images: name"),
    ],
)
def test_output_that_is_no_vector_or_not_there_is_told(
    make: Make, output: str, more: str, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        embed(make(["n", 3, 8, 12], output=output, more=more), *COLOURS)


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        (["n", 3, 8], TensorProto.FLOAT),
        (["n", 1, 8, 12], TensorProto.FLOAT),
        (["n", 3, "height", "width"], TensorProto.FLOAT),
        ([8, 3, 8, 12], TensorProto.FLOAT),
        (["n", 3, 8, 12], TensorProto.UINT8),
    ],
    ids=["rank 3", "grey", "any size", "batch of 8", "bytes"],
)
def test_network_that_reads_no_colour_images_is_refused(
    make: Make, shape: Shape, kind: int
) -> None:
    with pytest.raises(ModelError, match=r"tiny\.onnx reads images tensor.*one input of float32"):
        embed(make(shape, kind=kind), *COLOURS)


def test_other_file_than_named_is_refused_with_both_digests(make: Make) -> None:
    options = make(["n", 3, 8, 12])
    assert options.classifier is not None
    digest = options.sha256
    options.classifier.write_bytes(options.classifier.read_bytes() + b"!")
    with pytest.raises(ModelError, match=f"expected SHA-256 {digest}, got [0-9a-f]{{64}}"):
        embed(options, *COLOURS)


def test_file_that_is_no_model_or_absent_is_named(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a model")
    digest = sha256(file.read_bytes()).hexdigest()
    with pytest.raises(ModelError, match=r"notes\.txt is no ONNX model"):
        embed(SystemOptions(file, digest, "tf"), *COLOURS)
    with pytest.raises(ModelError, match=r"gone\.onnx is missing: run 'facesearch models build"):
        embed(SystemOptions(tmp_path / "gone.onnx", digest, "tf"), *COLOURS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (SystemOptions(Path("x.onnx"), "", "tf"), "--classifier-sha256 is ''"),
        (SystemOptions(Path("x.onnx"), "12ab", "tf"), "--classifier-sha256 is '12ab'"),
        (SystemOptions(Path("x.onnx"), "a" * 64, ""), "use one of caffe, tf, torch, lite"),
        (SystemOptions(None, "a" * 64, ""), "tell of the file of --classifier: name it"),
        (SystemOptions(None, "", "tf"), "tell of the file of --classifier: name it"),
    ],
)
def test_incomplete_options_are_told_before_any_work(options: SystemOptions, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        Classifier.chosen(SETTINGS, options)


def test_recipe_names_the_file_by_its_content_and_all_that_changes_the_numbers() -> None:
    one = SystemOptions(Path("a.onnx"), "A" * 64, "tf", "fc2")
    renamed = SystemOptions(Path("b.onnx"), "a" * 64, "tf", "fc2")
    others = [
        SystemOptions(Path("a.onnx"), "b" * 64, "tf", "fc2"),
        SystemOptions(Path("a.onnx"), "a" * 64, "caffe", "fc2"),
        SystemOptions(Path("a.onnx"), "a" * 64, "tf", "fc1"),
        SystemOptions(),
    ]
    recipe = Classifier.chosen(SETTINGS, one).recipe
    assert Classifier.chosen(SETTINGS, renamed).recipe == recipe
    assert len({recipe, *(Classifier.chosen(SETTINGS, each).recipe for each in others)}) == 5
