"""Add a recipe with a network that somebody brings to the folder of models."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx

from facesearch.errors import SettingsError
from facesearch.files import complete_file, make_private_folder
from facesearch.recipes.finding import BUILT_IN, FOLDER, ChosenRecipe, built_in, read_recipe
from facesearch.recipes.writing import with_network
from facesearch.vision.pixels import network_input
from facesearch_models.brought.checking import read_network
from facesearch_models.brought.quantising import quantise_brought
from facesearch_models.brought.trying import Trial, sample_crops, try_recipe
from facesearch_models.errors import BuildError
from facesearch_models.report import Report


@dataclass(frozen=True, slots=True)
class Tried:
    """A network's file in bytes, and what it made of the sample's photos."""

    bytes: int
    trial: Trial


@dataclass(frozen=True, slots=True)
class Added:
    """A recipe that was added: what was tried of it, and of its network before it was quantised."""

    recipe: ChosenRecipe
    tried: Tried
    precise: Tried | None

    @property
    def moved(self) -> float | None:
        """The median distance of a photo's vector before and after the network was quantised."""
        if self.precise is None:
            return None
        apart = np.linalg.norm(self.precise.trial.vectors - self.tried.trial.vectors, axis=1)
        return float(np.median(apart))


def add_recipe(
    recipe: ChosenRecipe, file: Path, models: Path, report: Report, *, int8: bool = False
) -> Added:
    """Check the network in `file`, try it on the sample's photos, and add it with its recipe.

    `models` holds what the model build made. With `int8`, the network is quantised. Nothing is
    added unless all of it passed. Raises `BuildError`, and `SettingsError` for a name that another
    recipe has.
    """
    added = models / FOLDER / f"{recipe.name}.toml"
    _check_name(recipe, added)
    report.step(f"Checking {file.name}")
    model = read_network(file, recipe.description.network)
    try:
        make_private_folder(added.parent)
        with TemporaryDirectory(dir=added.parent, prefix=".adding-") as work:
            chosen = _write(recipe, model, Path(work))
            report.step("Embedding the sample's photos")
            tried, precise = _try(chosen, models), None
            if int8:
                report.step("Quantising to 8 bits")
                network = recipe.description.network
                pictures = network_input(sample_crops(chosen, models), network)
                quantised = quantise_brought(model, pictures, network.input)
                chosen = _write(recipe, quantised, Path(work, "int8"), precision="int8")
                report.step("Embedding the sample's photos again")
                tried, precise = _try(chosen, models), tried
            # The recipe last: without it, nothing uses the network.
            chosen.network_file(models).replace(added.with_suffix(".onnx"))
            _file_of(chosen).replace(added)
    except OSError as error:
        raise BuildError(
            f"the recipe cannot be written to {added.parent}: {error.strerror or error}: make "
            "room, or name another folder in FACESEARCH_MODELS"
        ) from error
    return Added(read_recipe(added), tried, precise)


def _check_name(recipe: ChosenRecipe, added: Path) -> None:
    """Stores know a recipe by its network, and people by its name."""
    name = recipe.name
    if name in BUILT_IN and built_in(name).description.network.sha256:
        raise SettingsError(f"'{name}' is a recipe that comes with the program: name yours anew")
    if added.exists():
        raise SettingsError(
            f"there is a recipe '{name}' already: give yours another name, or delete {added}"
        )


def _write(
    recipe: ChosenRecipe, model: onnx.ModelProto, folder: Path, precision: str | None = None
) -> ChosenRecipe:
    """The recipe with this network, both as files in `folder`."""
    make_private_folder(folder)
    content = model.SerializeToString()
    network = folder / f"{recipe.name}.onnx"
    with complete_file(network) as opened:
        opened.write(content)
    text = with_network(recipe, network.name, sha256(content).hexdigest(), precision)
    with complete_file(folder / f"{recipe.name}.toml") as opened:
        opened.write(text.encode())
    return read_recipe(folder / f"{recipe.name}.toml")


def _try(recipe: ChosenRecipe, models: Path) -> Tried:
    return Tried(recipe.network_file(models).stat().st_size, try_recipe(recipe, models))


def _file_of(recipe: ChosenRecipe) -> Path:
    assert recipe.file is not None  # noqa: S101
    return recipe.file
