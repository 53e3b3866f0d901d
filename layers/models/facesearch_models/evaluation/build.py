"""Builds the evaluation's network into a folder of its own, beside the shipped models."""

import shutil
import tomllib
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from facesearch.files import complete_file, make_private_folder
from facesearch_models.download import download_archive, read_file, sha256, verify
from facesearch_models.errors import BuildError
from facesearch_models.manifest import Output, Source
from facesearch_models.report import Report
from facesearch_models.sole_build import sole_build

NETWORK = "evaluation/efficientnet-lite0.onnx"
"""Below the folder of models; its outputs are told in efficientnet.py."""

VERSIONS = "Install the pinned packages (requirements.txt) and build again"


class NetworkManifest(NamedTuple):
    source: Source
    output: Output


def load_network_manifest() -> NetworkManifest:
    text = resources.files("facesearch_models.evaluation").joinpath("manifest.toml").read_text()
    tables = tomllib.loads(text)
    return NetworkManifest(Source(**tables["source"]), Output(**tables["output"]))


def build_network(models: Path, *, report: Report, offline: bool = False) -> Path:
    """The built network below `models`; downloads 17 MB and converts unless that has been done.

    A build that was killed goes on where it stopped; a second one at the same time waits for the
    first. With `offline`, nothing is downloaded. Raises `BuildError`.
    """
    source, output = load_network_manifest()
    network = models / NETWORK
    try:
        make_private_folder(network.parent)
        with sole_build(network.parent, report):
            if network.is_file() and sha256(network.read_bytes()) == output.sha256:
                return network
            work = network.parent / ".build"
            make_private_folder(work)
            archive = download_archive(source, work, report, offline=offline)
            content = _converted(source, archive, report)
            with complete_file(network, work=work) as file:
                file.write(verify(network.name, content, output.sha256, VERSIONS))
            shutil.rmtree(work)
    except OSError as error:
        raise BuildError(
            f"the network cannot be written to {network.parent}: {error.strerror or error}. "
            "Make room (60 MB) or name another folder in FACESEARCH_MODELS"
        ) from error
    return network


def _converted(source: Source, archive: Path, report: Report) -> bytes:
    # A second of import: most calls find that the network is there.
    from facesearch_models.evaluation.efficientnet import build_graph  # noqa: PLC0415
    from facesearch_models.evaluation.state_dict import read_state_dict  # noqa: PLC0415

    report.step("Converting EfficientNet-Lite0 to ONNX")
    (path,) = source.files
    graph = build_graph(read_state_dict(read_file(source, archive, path)))
    content: bytes = graph.SerializeToString(deterministic=True)
    return content
