"""`facesearch models add`: a network of one's own, from its file to a search."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.integration.cli.running import Cli, Start
from tests.unit.models.brought import brought_recipe, made_up_network, network

ELTON = "sample/train/elton_john"

Model = onnx.ModelProto


@pytest.fixture
def own_models(models: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    shutil.copytree(models, folder)
    shutil.rmtree(folder / "recipes", ignore_errors=True)
    monkeypatch.setenv("FACESEARCH_MODELS", str(folder))
    return folder


@pytest.fixture
def brought(tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """The files of a recipe and its network."""

    def written(model: Model, dimension: int = 512) -> tuple[Path, Path]:
        recipe, file = tmp_path / "recipe.toml", tmp_path / "network.onnx"
        recipe.write_text(brought_recipe(dimension=dimension), "utf-8")
        file.write_bytes(model.SerializeToString())
        return recipe, file

    return written


def test_brought_network_is_searched_with(
    cli: Cli, own_models: Path, brought: Callable[..., tuple[Path, Path]]
) -> None:
    recipe, file = brought(made_up_network())
    added = cli("models", "add", recipe, file, "--json")
    assert added.code == 0, added.err
    told = json.loads(added.out)
    assert (told["name"], told["dimension"], told["calibrated"]) == ("mine", 512, False)
    assert told["tried"]["photos"] == 93
    assert told["tried"]["distances"]["repeated"] < 1e-3
    assert "mine" in cli("models", "recipes").out

    assert cli("index", "--recipe", "mine", own_models / ELTON).code == 0
    found = cli("search", own_models / ELTON / "elton_john_03.jpg", "--json")
    match = json.loads(found.out)["results"][0]["matches"][0]
    assert match["photo_id"].endswith("elton_john_03.jpg")
    assert match["distance"] == pytest.approx(0, abs=1e-3)
    assert match["confidence"] is None


def test_int8_says_what_it_costs(
    cli: Cli, own_models: Path, brought: Callable[..., tuple[Path, Path]]
) -> None:
    told = json.loads(cli("models", "add", *brought(made_up_network()), "--int8", "--json").out)
    assert 0 < told["moved_by_int8"] < told["tried"]["distances"]["different_people"] / 3
    assert told["before_int8"]["photos"] == told["tried"]["photos"] == 93
    added = onnx.load(own_models / "recipes" / "mine.onnx")
    assert any(tensor.data_type == TensorProto.INT8 for tensor in added.graph.initializer)


def test_described_recipe_takes_its_network(cli: Cli, own_models: Path, tmp_path: Path) -> None:
    file = tmp_path / "resnet50.onnx"
    model = made_up_network(size=(224, 224), layout="NHWC", dimension=2048)
    file.write_bytes(model.SerializeToString())
    assert cli("index", "--recipe", "whole-image-resnet50", own_models / ELTON).code != 0
    assert cli("models", "add", "whole-image-resnet50", file).code == 0
    assert cli("index", "--recipe", "whole-image-resnet50", own_models / ELTON).code == 0


def test_doubtful_recipe_is_told_so(
    cli: Cli, own_models: Path, brought: Callable[..., tuple[Path, Path]]
) -> None:
    """A network that looks at one corner only knows nobody."""
    nodes = [
        helper.make_node("Slice", ["pictures", "start", "end", "axes"], ["corner"]),
        helper.make_node("Flatten", ["corner"], ["flat"]),
        helper.make_node("MatMul", ["flat", "dense"], ["embeddings"]),
    ]
    model = network(
        *nodes,
        shape=["n", 3, 112, 112],
        output=["n", 64],
        weights={"dense": np.random.default_rng(1).normal(size=(12, 64))},
    )
    model.graph.initializer.extend(
        numpy_helper.from_array(np.array(values), name)
        for name, values in (("start", [0, 0]), ("end", [2, 2]), ("axes", [2, 3]))
    )
    added = cli("models", "add", *brought(model, dimension=64))
    assert added.code == 0
    assert "doubtful: " in added.out


def not_finite(model: Model) -> None:
    dense = next(tensor for tensor in model.graph.initializer if tensor.name == "dense")
    values = numpy_helper.to_array(dense) * np.float32(np.nan)
    dense.CopyFrom(numpy_helper.from_array(values, "dense"))


def hungry(model: Model) -> None:
    """As large as no process here may grow."""
    model.graph.initializer.append(
        numpy_helper.from_array(np.array([1 << 20, 1 << 12], dtype=np.int64), "huge")
    )
    first = helper.make_node("ConstantOfShape", ["huge"], ["zeros"])
    sums = helper.make_node("ReduceSum", ["zeros"], ["nothing"], keepdims=0)
    model.graph.node[-1].output[0] = "before"
    last = helper.make_node("Add", ["before", "nothing"], ["embeddings"])
    model.graph.node.extend([first, sums, last])


def elsewhere(model: Model) -> None:
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (not_finite, "not finite"),
        (hungry, "of recipe mine"),
        (elsewhere, "keeps weights in other files"),
    ],
)
def test_bad_network_is_refused_and_leaves_nothing(
    cli: Cli,
    own_models: Path,
    brought: Callable[..., tuple[Path, Path]],
    spoil: Callable[[Model], None],
    message: str,
) -> None:
    model = made_up_network()
    spoil(model)
    ran = cli("models", "add", *brought(model))
    assert ran.code == 1
    assert message in ran.err
    assert "Traceback" not in ran.err
    assert not list((own_models / "recipes").glob("*"))


def test_taken_names_are_refused(
    cli: Cli, own_models: Path, brought: Callable[..., tuple[Path, Path]]
) -> None:
    recipe, file = brought(made_up_network())
    assert cli("models", "add", recipe, file).code == 0
    again = cli("models", "add", recipe, file)
    assert again.code != 0
    assert "there is a recipe 'mine' already" in again.err
    recipe.write_text(recipe.read_text("utf-8").replace('"mine"', '"facenet"'), "utf-8")
    own = cli("models", "add", recipe, file)
    assert own.code != 0
    assert "'facenet' is a recipe that comes with the program" in own.err


def test_missing_file_is_named(
    cli: Cli, own_models: Path, brought: Callable[..., tuple[Path, Path]], tmp_path: Path
) -> None:
    recipe, _ = brought(made_up_network())
    ran = cli("models", "add", recipe, tmp_path / "none.onnx")
    assert ran.code == 1
    assert "none.onnx cannot be read" in ran.err


@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize("which", ["recipe", "network"])
def test_what_is_no_file_is_refused_unread(
    start: Start, brought: Callable[..., tuple[Path, Path]], tmp_path: Path, kind: str, which: str
) -> None:
    """A pipe may never send anything, and a device never end."""
    recipe, file = brought(made_up_network())
    target = recipe if which == "recipe" else file
    target.unlink()
    if kind == "pipe":
        os.mkfifo(target)
    else:
        target.symlink_to("/dev/zero")
    process = start("models", "add", recipe, file)
    try:
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == (2 if which == "recipe" else 1)
    assert f"{target} cannot be read: it is a device or a pipe, not a file" in err
