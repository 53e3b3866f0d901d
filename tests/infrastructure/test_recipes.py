"""Recipes on AWS: named by a setting, held by the layer of models, refused when too large."""

import os
from pathlib import Path

import pytest

from cdk.settings import read_settings
from cdk.synthesis import build_app
from facesearch.errors import SettingsError
from facesearch.recipes.finding import FOLDER, ChosenRecipe, built_in, built_in_text, find_recipe
from layers.dependencies.build import LayerBuildError
from layers.dependencies.models_layer import build_models
from search_faces.settings import SearchSettings
from tests.infrastructure.template import Template


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A build folder for EfficientNet on whole images, in place of the real files small ones."""
    folder = tmp_path / "build"
    (folder / "layers/dependencies-x86_64/python").mkdir(parents=True)
    (folder / "layers/dependencies-x86_64/python/file").touch()
    models = tmp_path / "models"
    (models / "evaluation").mkdir(parents=True)
    for name in ("evaluation/efficientnet-lite0.onnx", "models.json"):
        (models / name).write_text(name)
    build_models(models, folder / "layers/models", built_in("whole-image"))
    return folder


def test_functions_look_at_photos_by_the_recipe_and_the_index_is_sized_for_it(
    build: Path, tmp_path: Path
) -> None:
    context = {"recipe": "whole-image", "faces": "1M"}
    build_app(out=tmp_path / "out", build=build, context=context).synth()
    (path,) = (tmp_path / "out").glob("*.template.json")
    settings = read_settings(context)
    environment = Template(settings, path).environment("search_faces")
    assert environment["FACESEARCH_RECIPE"] == "whole-image"
    assert SearchSettings.from_env(environment).shared.recipe == built_in("whole-image")
    # Ten times the numbers of FaceNet take more disk.
    assert settings.sizing.index.disk_gib > read_settings({"faces": "1M"}).sizing.index.disk_gib


def test_layer_holds_the_chosen_recipe_only(build: Path) -> None:
    models = build / "layers/models/models"
    held = {path.relative_to(models).as_posix() for path in models.rglob("*") if path.is_file()}
    assert held == {"evaluation/efficientnet-lite0.onnx", "models.json"}
    with pytest.raises(SettingsError, match="not built for recipe facenet: run 'FACESEARCH_RECIPE"):
        build_app(out=build / "out", build=build, context={})


def test_added_recipe_goes_into_the_layer_with_its_network(tmp_path: Path) -> None:
    models = tmp_path / "models"
    (models / FOLDER).mkdir(parents=True)
    text = built_in_text("whole-image-vgg16").replace(
        "[network]\n", f'[network]\nsha256 = "{"ab" * 32}"\n'
    )
    (models / FOLDER / "whole-image-vgg16.toml").write_text(text)
    (models / "models.json").touch()
    recipe = read_recipe_of(models)
    with pytest.raises(LayerBuildError, match=r"lacks vgg16\.onnx"):
        build_models(models, tmp_path / "layer", recipe)
    (models / FOLDER / "vgg16.onnx").write_text("weights")
    build_models(models, tmp_path / "layer", recipe)
    there = tmp_path / "layer/models"
    assert (there / "vgg16.onnx").read_text() == "weights"
    assert (there / FOLDER / "whole-image-vgg16.toml").read_text() == text


def read_recipe_of(models: Path) -> ChosenRecipe:
    return find_recipe("whole-image-vgg16", models)


def test_recipe_that_is_too_large_for_lambda_is_refused_with_its_size(build: Path) -> None:
    network = build / "layers/models/models/evaluation/efficientnet-lite0.onnx"
    # A hole: it takes no room on the disk.
    os.truncate(network, 528 * 2**20)
    with pytest.raises(SettingsError, match=r"function of 5\d\d MB .*528 of them its network.*250"):
        build_app(out=build / "out", build=build, context={"recipe": "whole-image"})


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"recipe": "nope"}, "there is no recipe 'nope': use .*facenet"),
        ({"recipe": "../mine.toml"}, r"setting recipe is '\.\./mine\.toml': use a name"),
        ({"recipe": "whole-image", "views": "2"}, "setting views is '2': use 1 with a recipe"),
    ],
)
def test_recipe_that_cannot_be_is_refused(context: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_settings(context)
