"""Find a recipe: one that comes with the program, one that was added, or a file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from facesearch.errors import FacesearchError, ModelError, SettingsError
from facesearch.files import check_regular
from facesearch.recipes.description import MOST_BYTES, RecipeDescription, parse_recipe

DEFAULT_RECIPE = "facenet"
FOLDER = "recipes"
"""Below the folder of models: the recipes that were added or calibrated, and their networks."""

BROUGHT = ("vgg16", "vgg19", "resnet50", "mobilenet", "inceptionv3", "xception")
"""Networks that are described, and whose files a person brings."""

_IMAGENET = ("efficientnet-lite0", *BROUGHT)
BUILT_IN: Mapping[str, tuple[str, ...]] = {
    DEFAULT_RECIPE: ("one-view", "facenet-int8", "calibration"),
    "facenet-two-views": ("two-views", "facenet-int8", "calibration"),
    "facenet-fp32": ("one-view", "facenet-fp32", "calibration"),
    "facenet-fp32-two-views": ("two-views", "facenet-fp32", "calibration"),
    "facenet-centerface": ("centerface-view", "facenet-int8"),
    "facenet-report": ("face-box", "facenet-report"),
    **{
        cut if network == _IMAGENET[0] else f"{cut}-{network}": (part, network)
        for cut, part in (("whole-image", "whole-image"), ("face-crop", "face-box"))
        for network in _IMAGENET
    },
}
"""The recipes that come with the program, each of some of the files in `parts`."""


@dataclass(frozen=True, slots=True)
class ChosenRecipe:
    """A recipe, and its file: None for one that comes with the program."""

    description: RecipeDescription
    file: Path | None = None

    @property
    def name(self) -> str:
        return self.description.name

    def network_file(self, models: Path) -> Path:
        """The network's ONNX file, beside the recipe or in `models`. It may be missing."""
        name = self.description.network.file
        built = models / name
        if self.file is None:
            return built
        beside = self.file.parent / name
        return built if built.is_file() and not beside.is_file() else beside


def find_recipe(name: str, models: Path) -> ChosenRecipe:
    """The recipe of this name, or in this file (a path that ends in .toml).

    One that was added to the folder of models goes before one that comes with the program. Raises
    `SettingsError`.
    """
    if name.lower().endswith(".toml"):
        return read_recipe(Path(name))
    added = models / FOLDER / f"{name}.toml"
    if "/" not in name and added.is_file():
        return read_recipe(added)
    if name in BUILT_IN:
        return built_in(name)
    known = ", ".join(names(models))
    raise SettingsError(f"there is no recipe '{name}': use {known}, or the path of a .toml file")


def read_recipe(file: Path) -> ChosenRecipe:
    """The recipe in a file. Raises `SettingsError`."""
    try:
        check_regular(file)
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise SettingsError(f"there is no recipe {file}: name another file") from error
    except OSError as error:
        raise SettingsError(f"recipe {file} cannot be read: {error.strerror}") from error
    return ChosenRecipe(parse_recipe(content, str(file)), file.absolute())


@cache
def built_in(name: str) -> ChosenRecipe:
    """A recipe that comes with the program."""
    return ChosenRecipe(parse_recipe(built_in_text(name).encode(), name))


def built_in_text(name: str) -> str:
    """Its TOML file."""
    parts = resources.files("facesearch.recipes") / "parts"
    texts = [(parts / f"{part}.toml").read_text("utf-8") for part in BUILT_IN[name]]
    return "\n".join([f'version = 1\nname = "{name}"', *texts])


def names(models: Path) -> list[str]:
    """Of all recipes that `find_recipe` knows, those that were added first."""
    added = sorted(file.stem for file in (models / FOLDER).glob("*.toml"))
    return [*added, *(name for name in BUILT_IN if name not in added)]


def usable_recipes(models: Path) -> Iterator[ChosenRecipe]:
    """All recipes whose network is known; files that are no recipes are passed over."""
    for name in names(models):
        try:
            chosen = find_recipe(name, models)
        except FacesearchError:
            continue
        if chosen.description.network.sha256:
            yield chosen


def check_usable(chosen: ChosenRecipe) -> None:
    """Raises `ModelError` for a description whose network nobody has brought yet."""
    if not chosen.description.network.sha256:
        raise ModelError(
            f"recipe {chosen.name} is a description only: bring its network with 'facesearch "
            f"models add {chosen.name} FILE.onnx'"
        )
