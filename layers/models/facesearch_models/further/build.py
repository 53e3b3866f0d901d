"""Builds the networks that some recipes need beside the shipped models."""

import shutil
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from facesearch.files import complete_file, make_private_folder
from facesearch.recipes.description import RecipeDescription
from facesearch.vision.models import CENTERFACE
from facesearch_models.download import download_archive, read_file, sha256, verify
from facesearch_models.errors import BuildError
from facesearch_models.manifest import Output, Source
from facesearch_models.report import Report
from facesearch_models.sole_build import sole_build

NETWORK = "evaluation/efficientnet-lite0.onnx"
"""Below the folder of models; its outputs are told in efficientnet.py."""

VERSIONS = "Install the pinned packages (requirements.txt) and build again"


class FurtherNetwork(NamedTuple):
    source: Source
    output: Output


def load_further() -> Mapping[str, FurtherNetwork]:
    """The networks by their names below the folder of models."""
    text = resources.files("facesearch_models.further").joinpath("manifest.toml").read_text()
    return {
        name: FurtherNetwork(Source(**table["source"]), Output(**table["output"]))
        for name, table in tomllib.loads(text).items()
    }


def needed_networks(recipe: RecipeDescription) -> list[str]:
    """The names of those that a recipe needs."""
    further = load_further()
    needed = [name for name in further if further[name].output.sha256 == recipe.network.sha256]
    if recipe.detector is not None and recipe.detector.name == "centerface":
        needed.append(CENTERFACE)
    return needed


def build_network(models: Path, name: str, *, report: Report, offline: bool = False) -> Path:
    """The built network of this name below `models`; downloads and converts it unless it is there.

    A build that was killed goes on where it stopped; a second one at the same time waits for the
    first. With `offline`, nothing is downloaded. Raises `BuildError`.
    """
    source, output = load_further()[name]
    network = models / name
    try:
        make_private_folder(network.parent)
        with sole_build(network.parent, report):
            if network.is_file() and sha256(network.read_bytes()) == output.sha256:
                return network
            work = network.parent / f".build-{network.stem}"
            make_private_folder(work)
            archive = download_archive(source, work, report, offline=offline)
            report.step(f"Converting {output.about.partition(',')[0]} to ONNX")
            content = _converted(name, source, archive)
            with complete_file(network, work=work) as file:
                file.write(verify(network.name, content, output.sha256, VERSIONS))
            shutil.rmtree(work)
    except OSError as error:
        raise BuildError(
            f"the network cannot be written to {network.parent}: {error.strerror or error}. "
            "Make room (60 MB) or name another folder in FACESEARCH_MODELS"
        ) from error
    return network


def _converted(name: str, source: Source, archive: Path) -> bytes:
    (path,) = source.files
    published = read_file(source, archive, path)
    # A second of import: most calls find that the network is there.
    if name == CENTERFACE:
        from facesearch_models.further.centerface import build_centerface  # noqa: PLC0415

        return build_centerface(published)
    from facesearch_models.further.efficientnet import build_graph  # noqa: PLC0415
    from facesearch_models.further.state_dict import read_state_dict  # noqa: PLC0415

    content: bytes = build_graph(read_state_dict(published)).SerializeToString(deterministic=True)
    return content
