"""The folders of the code and of the built layers, checked before anything is deployed."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from facesearch.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent
FUNCTIONS = ROOT / "functions"
"""It holds a folder for each function, which is deployed."""

BYTE_CODE = ["**/__pycache__"]
"""The only files that are not deployed."""

FACESEARCH_LAYER = ROOT / "layers" / "facesearch"


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
