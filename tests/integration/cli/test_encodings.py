"""Output that is not UTF-8: Windows pipes, old locales, terminals of other code pages."""

import os
import pty
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from tests.integration.cli.running import Start

ENCODINGS = ("latin-1", "cp1252:strict", "ascii:strict", "cp932")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("command", ["index", "backfill", "plan", "forget"])
def test_help_is_printed_whatever_the_encoding(start: Start, command: str, encoding: str) -> None:
    process = start(
        command, "--help", more_environ={"PYTHONIOENCODING": encoding}, encoding="latin-1"
    )
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert "Usage: facesearch" in out
    assert not err


@pytest.fixture
def japanese(sample: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "写真"
    folder.mkdir()
    photo = sample / "val" / "elton_john" / "elton_john_01.jpg"
    return Path(shutil.copy(photo, folder / "日本語 é.jpg"))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("terminal", [False, True])
def test_names_beyond_the_encoding_are_replaced(
    start: Start, japanese: Path, encoding: str, terminal: bool
) -> None:
    environ = {"PYTHONIOENCODING": encoding}
    run = start("index", "--quiet", japanese.parent, more_environ=environ, encoding="latin-1")
    out, err = run.communicate()
    assert (run.returncode, err) == (0, "")
    arguments = ("search", japanese)
    if not terminal:
        process = start(*arguments, more_environ=environ, encoding="latin-1")
        out, err = process.communicate()
        assert (process.returncode, err.count("\n")) == (0, 1), err
        assert err.startswith("The store is ")
    else:
        ours, theirs = pty.openpty()
        process = start(*arguments, more_environ=environ, stdout=theirs, stderr=theirs)
        os.close(theirs)
        read = b""
        with suppress(OSError):  # the other end is closed
            while more := os.read(ours, 10_000):
                read += more
        os.close(ours)
        out = read.decode("latin-1")
        assert process.wait() == 0, out
    assert "Traceback" not in out
    assert ".jpg" in out
    assert "very likely" in out


def test_errors_about_names_beyond_the_encoding_are_told(start: Start, tmp_path: Path) -> None:
    process = start(
        "index",
        tmp_path / "日本語",
        more_environ={"PYTHONIOENCODING": "latin-1:strict"},
        encoding="latin-1",
    )
    _, err = process.communicate()
    assert process.returncode == 1
    assert "no such file or folder" in err
    assert "Traceback" not in err
