"""What a person brings as a network is checked before anything runs it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from facesearch.recipes.description import Network, ScaledPixels
from facesearch_models.brought.checking import read_network
from facesearch_models.errors import BuildError
from tests.unit.models.brought import made_up_network, network

SHAPE: list[int | str] = ["n", 3, 112, 112]
OUTPUT: list[int | str] = ["n", 512]


def described(**changes: object) -> Network:
    values: dict[str, object] = {
        "file": "made-up.onnx",
        "size": (112, 112),
        "layout": "NCHW",
        "pixels": ScaledPixels(),
        "dimension": 512,
        "unit_length": True,
        "licence": "MIT",
        "source": "made up",
    }
    return Network(**{**values, **changes})  # type: ignore[arg-type]


def written(folder: Path, model: onnx.ModelProto) -> Path:
    file = folder / "made-up.onnx"
    file.write_bytes(model.SerializeToString())
    return file


def vectors(model: onnx.ModelProto, pictures: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(model.SerializeToString())
    result: np.ndarray = session.run(None, {"pictures": pictures})[0]
    return result


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(("size", "dimension"), [((112, 112), 512), ((96, 128), 64)])
def test_network_as_described_is_taken(
    tmp_path: Path, layout: str, size: tuple[int, int], dimension: int
) -> None:
    model = made_up_network(size=size, layout=layout, dimension=dimension)
    network_of = described(size=size, layout=layout, dimension=dimension)
    assert read_network(written(tmp_path, model), network_of).graph.node


def test_fixed_batch_becomes_dynamic(tmp_path: Path) -> None:
    fixed = written(tmp_path, made_up_network(batch=1))
    pictures = np.random.default_rng(1).normal(size=(3, 3, 112, 112)).astype(np.float32)
    with pytest.raises(Exception, match="invalid dimensions"):
        vectors(onnx.load(fixed), pictures)
    dynamic = read_network(fixed, described())
    alone = [vectors(dynamic, picture[None])[0] for picture in pictures]
    np.testing.assert_allclose(vectors(dynamic, pictures), alone, rtol=1e-4, atol=1e-4)


def test_own_functions_are_inlined(tmp_path: Path) -> None:
    function = helper.make_function(
        "own",
        "Twice",
        ["x"],
        ["y"],
        [helper.make_node("Add", ["x", "x"], ["y"])],
        [helper.make_opsetid("", 17)],
    )
    model = network(
        helper.make_node("Twice", ["pictures"], ["doubled"], domain="own"),
        helper.make_node("Flatten", ["doubled"], ["flat"]),
        helper.make_node("Slice", ["flat", "start", "end", "axis"], ["embeddings"]),
        shape=SHAPE,
        output=OUTPUT,
        domains=("", "own"),
    )
    model.functions.append(function)
    model.graph.initializer.extend(
        onnx.numpy_helper.from_array(np.array([value]), name)
        for name, value in (("start", 0), ("end", 512), ("axis", 1))
    )
    read = read_network(written(tmp_path, model), described())
    assert {node.domain for node in read.graph.node} == {""}


def external(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../../etc/passwd"


def external_in_attribute(model: onnx.ModelProto) -> None:
    outside = onnx.TensorProto(name="hidden", data_type=TensorProto.FLOAT, dims=[4])
    outside.data_location = TensorProto.EXTERNAL
    entry = outside.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    model.graph.node.append(helper.make_node("Constant", [], ["secret"], value=outside))


def external_in_branch(model: onnx.ModelProto) -> None:
    inner = made_up_network()
    external(inner)
    del inner.graph.input[:]
    model.graph.node.append(
        helper.make_node("If", ["x"], ["y"], then_branch=inner.graph, else_branch=inner.graph)
    )


def external_in_function(model: onnx.ModelProto) -> None:
    inner = onnx.ModelProto()
    external_in_attribute(inner)
    model.functions.append(
        helper.make_function("own", "Leak", [], ["secret"], list(inner.graph.node), [])
    )


@pytest.mark.parametrize(
    "hide", [external, external_in_attribute, external_in_branch, external_in_function]
)
def test_weights_in_other_files_are_refused(
    tmp_path: Path, hide: Callable[[onnx.ModelProto], None]
) -> None:
    model = made_up_network()
    hide(model)
    with pytest.raises(BuildError, match=r"keeps weights in other files .* save it as one file"):
        read_network(written(tmp_path, model), described())


def test_operators_from_elsewhere_are_refused(tmp_path: Path) -> None:
    model = network(
        helper.make_node("Run", ["pictures"], ["embeddings"], domain="evil.example"),
        shape=SHAPE,
        output=OUTPUT,
        domains=("", "evil.example"),
    )
    with pytest.raises(BuildError, match=r"operator Run of 'evil\.example', which is not ONNX's"):
        read_network(written(tmp_path, model), described())


def test_functions_that_become_countless_operators_are_refused(tmp_path: Path) -> None:
    """Each calls the next twice: 2^18 operators, of a file of 6 KB."""
    model, opsets = made_up_network(), [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    for number in range(18):
        called = {"domain": "own"} if number else {}
        name = f"F{number - 1}" if number else "Neg"
        body = [
            helper.make_node(name, ["x"], ["half"], **called),
            helper.make_node(name, ["half"], ["y"], **called),
        ]
        own = helper.make_function("own", f"F{number}", ["x"], ["y"], body, opsets)
        model.functions.append(own)
    model.opset_import.append(opsets[1])
    model.graph.node[-1].output[0] = "before"
    model.graph.node.append(helper.make_node("F17", ["before"], ["embeddings"], domain="own"))
    with pytest.raises(BuildError, match="more than 100,000 operators once its functions"):
        read_network(written(tmp_path, model), described())


def test_function_that_calls_itself_is_refused(tmp_path: Path) -> None:
    model, opsets = made_up_network(), [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    body = [helper.make_node("F", ["x"], ["y"], domain="own")]
    model.functions.append(helper.make_function("own", "F", ["x"], ["y"], body, opsets))
    with pytest.raises(BuildError, match="a function that calls itself"):
        read_network(written(tmp_path, model), described())


@pytest.mark.parametrize("opset", [6, 99])
def test_opset_that_does_not_run_is_named(tmp_path: Path, opset: int) -> None:
    model = made_up_network()
    model.opset_import[0].version = opset
    with pytest.raises(BuildError, match=rf"opset {opset}: export it with one from 7 to 2\d"):
        read_network(written(tmp_path, model), described())


@pytest.mark.parametrize("opset", [7, 25])
def test_opset_of_any_age_that_runs_is_taken(tmp_path: Path, opset: int) -> None:
    model = made_up_network()
    model.opset_import[0].version = opset
    read = read_network(written(tmp_path, model), described())
    assert vectors(read, np.zeros((2, 3, 112, 112), np.float32)).shape == (2, 512)


def test_loops_are_refused(tmp_path: Path) -> None:
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["still_going"]),
            helper.make_node("Add", ["value", "value"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("value", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("still_going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, None),
        ],
    )
    model = network(
        helper.make_node("Loop", ["", "", "pictures"], ["embeddings"], body=body),
        shape=SHAPE,
        output=OUTPUT,
    )
    with pytest.raises(BuildError, match=r"has a loop \(Loop\)"):
        read_network(written(tmp_path, model), described())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": (160, 160)}, r"takes pictures of 3 x 112 x 112, .* NCHW of 3 x 160 x 160"),
        ({"layout": "NHWC"}, r"the recipe says NHWC of 112 x 112 x 3: set network\.size"),
        ({"dimension": 128}, r"has 512 numbers for a picture, the recipe says 128"),
        ({"input": "faces"}, r"is 'pictures', not 'faces': set network\.input"),
        ({"output": "logits"}, r"no output 'logits', but 'embeddings': set network\.output"),
    ],
)
def test_other_shapes_than_described_are_named(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(BuildError, match=message):
        read_network(written(tmp_path, made_up_network()), described(**changes))


def test_network_of_other_numbers_is_refused(tmp_path: Path) -> None:
    model = network(
        helper.make_node("Identity", ["pictures"], ["embeddings"]),
        shape=SHAPE,
        output=SHAPE,
        kind=TensorProto.DOUBLE,
    )
    with pytest.raises(BuildError, match="is not float32"):
        read_network(written(tmp_path, model), described())


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 100, b"no network at all", b"\x08\x08\x12" + b"\xff" * 40]
)
def test_file_that_is_no_network_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "photo.onnx"
    file.write_bytes(content)
    with pytest.raises(BuildError, match=r"photo\.onnx is no ONNX file"):
        read_network(file, described())


def test_network_that_is_not_valid_is_named(tmp_path: Path) -> None:
    model = made_up_network()
    model.graph.node[1].input[0] = "nowhere"
    with pytest.raises(BuildError, match=r"made-up\.onnx is no valid ONNX network"):
        read_network(written(tmp_path, model), described())


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"none\.onnx cannot be read: No such file"):
        read_network(tmp_path / "none.onnx", described())


def test_huge_file_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "huge.onnx"
    with file.open("wb") as opened:
        opened.truncate(2**31)
    with pytest.raises(BuildError, match=r"has 2,147 MB, more than a network may have"):
        read_network(file, described())
