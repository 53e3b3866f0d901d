"""The layers' build: pinned like everything else, reproducible, trimmed, safe to interrupt."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from facesearch.recipes.finding import built_in
from layers.dependencies import build
from layers.dependencies.build import LayerBuildError, build_dependencies, renew
from layers.dependencies.models_layer import build_models

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "layers/dependencies/build.py"
PINNED = re.compile(r"^(?P<name>[\w-]+)==(?P<version>\S+)(?: ; (?P<when>.+?))? \\$", re.MULTILINE)


def pinned(requirements: Path) -> set[tuple[str, str]]:
    """Names and versions that apply to Python 3.13 on Linux."""
    return {
        (line["name"], line["version"])
        for line in PINNED.finditer(requirements.read_text())
        if line["when"] in (None, "python_full_version >= '3.12'")
    }


def digest(folder: Path) -> str:
    """Changes with any path, mode, time or content."""
    everything = hashlib.sha256()
    for path in (folder, *sorted(folder.rglob("*"))):
        status = path.stat()
        name = path.relative_to(folder)
        everything.update(f"{name}\0{status.st_mode:o}\0{status.st_mtime_ns}\0".encode())
        everything.update(path.read_bytes() if path.is_file() else b"")
    return everything.hexdigest()


def test_requirements_agree_with_those_of_the_whole_project() -> None:
    layer = pinned(build.REQUIREMENTS)
    assert layer <= pinned(ROOT / "requirements.txt")
    wanted = build.REQUIREMENTS.with_suffix(".in").read_text().splitlines()
    assert {name for name, _ in layer} == {line for line in wanted if not line.startswith("#")}


def test_requirements_leave_out_what_the_functions_never_import() -> None:
    names = {name for name, _ in pinned(build.REQUIREMENTS)}
    assert not names & {"grpcio", "protobuf", "opensearch-protobufs", "flatbuffers", "apsw"}


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer for arm64, whatever this machine is."""
    target = tmp_path_factory.mktemp("first") / "dependencies-arm64"
    build_dependencies("arm64", target)
    return target


@pytest.mark.slow
def test_build_elsewhere_with_another_umask_gives_the_same_bytes(
    layer: Path, tmp_path: Path
) -> None:
    target = tmp_path / "a folder" / "layer"
    command = [sys.executable, str(SCRIPT), "--architecture=arm64", f"--target={target}"]
    subprocess.run(command, umask=0o077, cwd=tmp_path, check=True)
    assert digest(target) == digest(layer)


@pytest.mark.slow
def test_build_for_arm64_holds_binaries_for_arm64_alone(layer: Path) -> None:
    machines = {path.read_bytes()[18:20] for path in layer.rglob("*.so*")}
    assert machines == {b"\xb7\x00"}  # EM_AARCH64


@pytest.mark.slow
def test_build_leaves_out_tests_types_tools_and_sources(layer: Path) -> None:
    names = {path.relative_to(layer / "python").as_posix() for path in layer.rglob("*")}
    unwanted = re.compile(r"(^|/)tests(/|$)|\.(pyi|py|h|pxd)$|^onnxruntime/tools|^grpc")
    assert not [name for name in names if unwanted.search(name)]
    assert "botocore/data/s3" in names
    assert "botocore/data/ec2" not in names


@pytest.mark.slow
def test_build_keeps_each_package_s_licence_and_version(layer: Path) -> None:
    for info in layer.glob("python/*.dist-info"):
        kept = {path.name for path in info.iterdir()}
        assert "METADATA" in kept
        assert len(kept) > 1 or "License" in (info / "METADATA").read_text()


@pytest.mark.slow
def test_build_again_leaves_the_layer_as_it_is(
    layer: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = layer.stat().st_ino
    build_dependencies("arm64", layer)
    assert layer.stat().st_ino == before
    assert "is up to date" in capsys.readouterr().err


def test_build_with_a_wrong_hash_fails_and_leaves_the_old_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = tmp_path / "requirements.txt"
    wrong.write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(build, "REQUIREMENTS", wrong)
    target = tmp_path / "layer"
    (target / "python").mkdir(parents=True)
    with pytest.raises(LayerBuildError, match="pip could not fetch the packages"):
        build_dependencies("x86_64", target)
    assert (target / "python").is_dir()
    assert {path.name for path in tmp_path.iterdir()} == {wrong.name, "layer", "layer.lock"}


def test_renew_interrupted_then_run_again_completes(tmp_path: Path) -> None:
    target = tmp_path / "layer"

    def interrupted(layer: Path) -> None:
        (layer / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        renew(target, [b"input"], interrupted)
    assert not target.exists()
    renew(target, [b"input"], lambda layer: (layer / "whole").touch())
    assert [path.name for path in target.iterdir()] == ["whole"]


def test_renew_from_other_inputs_replaces_the_layer(tmp_path: Path) -> None:
    target = tmp_path / "layer"
    renew(target, [b"1"], lambda layer: (layer / "old").touch())
    renew(target, [b"2"], lambda layer: (layer / "new").touch())
    assert [path.name for path in target.iterdir()] == ["new"]


def test_build_without_python_313_names_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(LayerBuildError, match=r"Python 3\.13.*install it"):
        build_dependencies("x86_64", tmp_path / "layer")


FACENET = built_in("facenet")
MODEL_FILES = ("facenet-int8.onnx", "pnet.onnx", "rnet.onnx", "onet.onnx", "models.json")


def test_models_layer_holds_what_lambda_opens(models: Path, tmp_path: Path) -> None:
    build_models(models, tmp_path / "layer", FACENET)
    files = [path for path in (tmp_path / "layer").rglob("*") if path.is_file()]
    assert {path.relative_to(tmp_path / "layer/models").as_posix() for path in files} == set(
        MODEL_FILES
    )
    assert {path.stat().st_mode & 0o777 for path in files} == {0o644}


def test_models_layer_without_a_model_names_it(tmp_path: Path) -> None:
    for name in MODEL_FILES[1:]:
        (tmp_path / name).touch()
    with pytest.raises(
        LayerBuildError,
        match=f"lacks {MODEL_FILES[0]}: run 'facesearch models build --recipe facenet'",
    ):
        build_models(tmp_path, tmp_path / "layer", FACENET)
    assert not os.path.lexists(tmp_path / "layer")


def test_every_service_of_aws_that_the_functions_call_is_in_the_layer() -> None:
    root = Path(__file__).parents[2]
    sources = [*(root / "functions").rglob("*.py"), *(root / "layers/facesearch").rglob("*.py")]
    text = "".join(source.read_text("utf-8") for source in sources)
    called = set(re.findall(r"\bclient\(\s*\"([a-z0-9-]+)\"", text))
    assert called >= {"s3", "sqs"}
    assert called <= set(build.AWS_SERVICES)
