"""The command line run as its users run it, and a store of the sample's 93 photos."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from facesearch_local.cli import run
from tests.integration.cli.running import Cli, Ran, Start


@pytest.fixture
def cli(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, models: Path, tmp_path: Path
) -> Cli:
    """Run a command line in this process; its default store is `faces.db` in `tmp_path`."""
    monkeypatch.setenv("FACESEARCH_MODELS", str(models))
    monkeypatch.setenv("FACESEARCH_STORE", f"sqlite:///{tmp_path}/faces.db")

    def ran(*arguments: str | Path) -> Ran:
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        return Ran(code, *capfd.readouterr())

    return ran


@pytest.fixture
def start(models: Path, tmp_path: Path) -> Iterator[Start]:
    """Start a command line as a process of its own, with the same default store."""
    processes: list[subprocess.Popen[str]] = []

    def started(
        *arguments: str | Path, more_environ: Mapping[str, str] | None = None, **options: Any
    ) -> "subprocess.Popen[str]":
        environ = {
            **os.environ,
            **(more_environ or {}),
            "PYTHONPATH": os.pathsep.join(sys.path),
            "FACESEARCH_MODELS": str(models),
            "FACESEARCH_STORE": f"sqlite:///{tmp_path}/faces.db",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "facesearch_local.cli", *map(str, arguments)],
            env=environ,
            text=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )
        processes.append(process)
        return process

    yield started
    for process in processes:
        # Only where a test failed half-way is it still running.
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def train_store(models: Path, sample: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a store that holds the 93 training photos."""
    url = f"sqlite:///{tmp_path_factory.mktemp('train')}/faces.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACESEARCH_MODELS", str(models))
        assert run(["index", "--quiet", "--store", url, str(sample / "train")]) == 0
    return url


@pytest.fixture
def people(sample: Path, tmp_path: Path) -> Path:
    """A folder with copies of three photos, one face each: elton.jpg, madonna.jpg, mindy.jpg."""
    folder = tmp_path / "people"
    folder.mkdir()
    for name in ("elton_john", "madonna", "mindy_kaling"):
        short = name.partition("_")[0]
        shutil.copy(sample / "val" / name / f"{name}_01.jpg", folder / f"{short}.jpg")
    return folder
