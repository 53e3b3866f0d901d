"""Files are read once for every change, and every change is noticed."""

import os
from hashlib import sha256
from pathlib import Path

import pytest

from facesearch.vision.models import SHA256
from facesearch.vision.verified import RECORD, find_unexpected
from facesearch_models.manifest import load_manifest

EXPECTED = {"a": sha256(b"one").hexdigest(), "b": sha256(b"two").hexdigest()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(b"two")
    return tmp_path


def test_the_models_that_are_opened_are_those_that_are_built() -> None:
    built = {name: output.sha256 for name, output in load_manifest().outputs.items()}
    assert {f"{name}.onnx": digest for name, digest in SHA256.items()} == built


def test_changed_and_missing_files_are_found(folder: Path) -> None:
    assert find_unexpected(folder, EXPECTED) == []
    (folder / "a").write_bytes(b"eno")
    (folder / "b").unlink()
    for _ in range(2):
        assert find_unexpected(folder, EXPECTED) == ["a", "b"]
    (folder / "a").write_bytes(b"one")
    assert find_unexpected(folder, EXPECTED) == ["b"]


def test_file_swapped_with_its_size_and_time_kept_is_found(folder: Path) -> None:
    find_unexpected(folder, EXPECTED)
    status = (folder / "a").stat()
    (folder / "new").write_bytes(b"eno")
    (folder / "new").replace(folder / "a")
    os.utime(folder / "a", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert find_unexpected(folder, EXPECTED) == ["a"]


def test_files_that_did_not_change_are_not_read_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_unexpected(folder, EXPECTED)

    def refuse(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr("facesearch.vision.verified.file_digest", refuse)
    assert find_unexpected(folder, EXPECTED) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"a": 7}', b'{"a": ["x"]}', b"\xff"])
def test_damaged_record_is_as_none(folder: Path, content: bytes) -> None:
    (folder / RECORD).write_bytes(content)
    assert find_unexpected(folder, EXPECTED) == []
