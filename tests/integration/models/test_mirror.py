"""Models from a folder or a web server, for the day when the package index has them no more."""

import json
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from facesearch_models.build import build_models, is_built
from facesearch_models.download import download_archive
from facesearch_models.errors import BuildError
from facesearch_models.manifest import INDEX, build_key, load_manifest
from facesearch_models.mirror import Mirror
from tests.recorded_steps import RecordedSteps

SAMPLE = "sample/val/elton_john/elton_john_01.jpg"


class QuietFiles(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def built(models: Path, tmp_path: Path) -> Path:
    """A copy of the built models, as another machine may have them."""
    folder = tmp_path / "elsewhere"
    names = json.loads((models / INDEX).read_text())["files"]
    for name in (INDEX, *names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(models / name, folder / name)
    return folder


@pytest.fixture
def web(built: Path) -> Iterator[str]:
    handler = partial(QuietFiles, directory=str(built))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "models"


def build(target: Path, place: str | Path) -> RecordedSteps:
    report = RecordedSteps()
    build_models(target, report=report, mirror=Mirror(str(place)))
    return report


def test_models_that_another_machine_built_are_copied_from_a_folder(
    built: Path, target: Path
) -> None:
    report = build(target, built)
    assert is_built(target, build_key())
    assert (target / SAMPLE).read_bytes() == (built / SAMPLE).read_bytes()
    assert [step for step in report.steps if "MB) from" in step] == report.steps


def test_models_that_another_machine_built_are_copied_from_the_web(web: str, target: Path) -> None:
    build(target, web)
    assert is_built(target, build_key())


def test_a_model_that_is_another_is_refused_whatever_the_mirror_says_of_it(
    built: Path, target: Path
) -> None:
    index = json.loads((built / INDEX).read_text())
    shutil.copyfile(built / "onet.onnx", built / "rnet.onnx")
    index["files"]["rnet.onnx"] = index["files"]["onet.onnx"]
    (built / INDEX).write_text(json.dumps(index))
    with pytest.raises(BuildError, match=r"rnet\.onnx is not the expected file"):
        build(target, built)
    assert not is_built(target, build_key())


def test_a_mirror_writes_nowhere_but_into_the_folder(built: Path, target: Path) -> None:
    index = json.loads((built / INDEX).read_text())
    outside = "sample/val/../../../outside.jpg"
    shutil.copyfile(built / SAMPLE, built.parent / "outside.jpg")
    index["files"][outside] = index["files"][SAMPLE]
    (built / INDEX).write_text(json.dumps(index))
    (built.parent / "outside.jpg").rename(built / "kept.jpg")
    build(target, built)
    assert not (target.parent / "outside.jpg").exists()


def test_a_file_that_grows_is_not_copied_without_end(built: Path, target: Path) -> None:
    with (built / "pnet.onnx").open("ab") as file:
        file.write(b"\0" * 1000)
    with pytest.raises(BuildError, match=r"pnet\.onnx is larger"):
        build(target, built)


def test_a_mirror_without_the_archives_says_which_it_needs(tmp_path: Path, target: Path) -> None:
    archive = next(iter(load_manifest().sources.values())).archive
    with pytest.raises(BuildError, match=f"holds no {archive}: put .* from PyPI there"):
        build(target, tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"there is no folder .*/nowhere"):
        Mirror(str(tmp_path / "nowhere"))


def test_an_archive_is_taken_from_the_mirror_and_checked(tmp_path: Path) -> None:
    source = load_manifest().sources["mtcnn"]
    (tmp_path / source.archive).write_bytes(b"another")
    mirror, work = Mirror(str(tmp_path)), tmp_path / "work"
    work.mkdir()
    with pytest.raises(BuildError, match="is not the expected file"):
        download_archive(source, work, RecordedSteps(), mirror=mirror)
    assert not (work / source.archive).exists()


def test_a_server_that_is_away_is_named(tmp_path: Path, web: str, target: Path) -> None:
    with pytest.raises(BuildError, match=r"http://127\.0\.0\.1:1/models\.json cannot be read"):
        build(target, "http://127.0.0.1:1")
