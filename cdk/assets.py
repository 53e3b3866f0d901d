"""The folders of the code and of the built layers, checked before anything is deployed."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from facesearch.errors import SettingsError
from facesearch.recipes.finding import ChosenRecipe, find_recipe

ROOT = Path(__file__).resolve().parent.parent
FUNCTIONS = ROOT / "functions"
"""It holds a folder for each function, which is deployed."""

BYTE_CODE = ["**/__pycache__"]
"""The only files that are not deployed."""

FACESEARCH_LAYER = ROOT / "layers" / "facesearch"


LAMBDA_BYTES = 250 * 2**20
"""Of a function and all its layers, unpacked."""


@dataclass(frozen=True, slots=True)
class BuiltLayers:
    """Folders that Lambda unpacks in /opt: `python/…` holds wheels, `models/…` the models."""

    dependencies: Path
    models: Path

    @classmethod
    def in_folder(cls, build: Path, architecture: str) -> "BuiltLayers":
        """The layers that `make layers` built. Raises `SettingsError` when they are missing."""
        layers = build / "layers"
        built = cls(layers / f"dependencies-{architecture}", layers / "models")
        for folder in (built.dependencies / "python", built.models / "models"):
            if not folder.is_dir() or not any(folder.iterdir()):
                raise SettingsError(f"{folder} is missing or empty: run 'make layers' first")
        return built

    def check(self, recipe: ChosenRecipe) -> None:
        """Raise `SettingsError` unless they hold the recipe, and Lambda takes as much."""
        folder, network = self.models / "models", recipe.description.network
        found = find_recipe(recipe.name, folder)
        if found.description != recipe.description or not (folder / network.file).is_file():
            raise SettingsError(
                f"{folder} was not built for recipe {recipe.name}: run 'FACESEARCH_RECIPE="
                f"{recipe.name} make layers' first"
            )
        total = sum(map(_size, (self.dependencies, self.models, FACESEARCH_LAYER, FUNCTIONS)))
        if total > LAMBDA_BYTES:
            raise SettingsError(
                f"recipe {recipe.name} makes a function of {total / 2**20:,.0f} MB with its "
                f"layers, {_size(folder / network.file) / 2**20:,.0f} of them its network, and "
                f"Lambda takes {LAMBDA_BYTES // 2**20}: use a smaller network"
            )


def _size(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def commit() -> str | None:
    """The source's git commit, ending in -dirty when files differ; None outside a repository."""
    git = shutil.which("git")
    # Somebody else's repository around this folder says nothing of it.
    if git is None or not (ROOT / ".git").exists():
        return None
    command = [
        git,
        "-C",
        str(ROOT),
        "describe",
        "--always",
        "--dirty",
        "--abbrev=40",
        "--exclude=*",
    ]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return asked.stdout.strip() or None
