"""Builds the Lambda layer of models: what the functions open for one recipe."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import click

from facesearch.recipes.finding import DEFAULT_RECIPE, FOLDER, ChosenRecipe, built_in, check_usable
from facesearch.settings import Settings
from layers.dependencies.build import LayerBuildError, renew

DETECTOR_FILES = {
    "mtcnn": ("pnet.onnx", "rnet.onnx", "onet.onnx"),
    "centerface": ("centerface.onnx",),
}
INDEX = "models.json"


@click.command()
@click.option("--target", type=click.Path(path_type=Path, file_okay=False), required=True)
def main(target: Path) -> None:
    """Build the layer of models in TARGET, for the recipe that FACESEARCH_RECIPE names."""
    settings = Settings.from_env(os.environ)
    build_models(settings.models, target, settings.recipe or built_in(DEFAULT_RECIPE))


def build_models(models: Path, target: Path, recipe: ChosenRecipe) -> None:
    """Fill `target` with `models/…`, unless it is up to date.

    Raises `LayerBuildError` when a file is missing, and `ModelError` for a recipe without network.
    """
    check_usable(recipe)
    files = dict(_files(models, recipe))
    missing = [name for name, file in files.items() if not file.is_file()]
    if missing:
        raise LayerBuildError(
            f"{models} lacks {', '.join(missing)}: run 'facesearch models build "
            f"--recipe {recipe.name}', or name another folder in FACESEARCH_MODELS"
        )

    def fill(layer: Path) -> None:
        for name, file in files.items():
            copy = layer / "models" / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)

    renew(target, (each.read_bytes() for each in files.values()), fill)


def _files(models: Path, recipe: ChosenRecipe) -> Iterator[tuple[str, Path]]:
    """The layer's files by their names in its folder of models."""
    network = recipe.description.network.file
    yield network, recipe.network_file(models)
    if recipe.description.detector is not None:
        for name in DETECTOR_FILES[recipe.description.detector.name]:
            yield name, models / name
    yield INDEX, models / INDEX
    if recipe.file is not None:
        yield f"{FOLDER}/{recipe.name}.toml", recipe.file


if __name__ == "__main__":
    main()
