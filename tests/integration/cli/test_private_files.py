"""Whatever the umask, what commands write is its owner's only, and is never half there."""

import os
import resource
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli.running import Cli, Start

SMALL_DISK = 32 * 2**10
"""More than the locks of a store that is read, and less than any picture or table."""


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def others_may(folder: Path) -> list[str]:
    """The files and folders below that others than their owner may do anything with."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if stat.S_IMODE(path.lstat().st_mode) & 0o077
    )


@pytest.mark.usefixtures("open_umask")
def test_store_backup_export_and_picture_are_their_owner_s_only(
    cli: Cli, people: Path, tmp_path: Path
) -> None:
    written = tmp_path / "written"
    written.mkdir(0o700)
    store = f"sqlite:///{written}/faces.db"
    query = people / "elton.jpg"
    for command in (
        ["index", people],
        ["backup", written / "copy.db"],
        ["export", written / "faces.csv"],
        ["export", written / "faces.parquet"],
        ["search", query, "--grid", written / "grid.png"],
        ["restore", written / "copy.db", "--yes"],
    ):
        assert cli(*command, "--store", store).code == 0, command
    assert others_may(written) == []
    assert len(list(written.iterdir())) >= 5


@pytest.mark.usefixtures("open_umask")
def test_log_and_locks_of_a_store_in_use_are_their_owner_s_only(
    start: Start, people: Path, tmp_path: Path
) -> None:
    server = start("serve", "--port", "0", "--uploads", tmp_path / "new" / "uploads")
    assert server.stdout is not None
    assert "listening" in server.stdout.readline()
    index = start("index", people)
    seen = set()
    while index.poll() is None:
        for path in tmp_path.glob("faces.db*"):
            try:
                mode = path.stat().st_mode
            except FileNotFoundError:
                continue
            assert mode & 0o077 == 0, path
            seen.add(path.name)
    index.communicate()
    assert {"faces.db", "faces.db-wal", "faces.db-shm"} <= seen
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0
    assert (tmp_path / "new" / "uploads").stat().st_mode & 0o077 == 0
    server.terminate()
    server.communicate()


REPLACING = pytest.mark.parametrize(
    "command", [["search", "QUERY", "--overwrite", "--grid"], ["export"]], ids=["grid", "export"]
)


def command_that_replaces(
    command: list[str], cli: Cli, people: Path, tmp_path: Path
) -> tuple[list[str | Path], Path]:
    """The command's arguments, and the file that it replaces, in which is "before"."""
    for number in range(40):
        shutil.copy(people / "elton.jpg", people / f"elton{number}.jpg")
    assert cli("index", people).code == 0
    target = tmp_path / ("grid.png" if "--grid" in command else "faces.csv")
    target.write_bytes(b"before")
    return [people / "elton.jpg" if word == "QUERY" else word for word in command], target


@REPLACING
def test_file_that_does_not_fit_leaves_the_one_before(
    cli: Cli, start: Start, people: Path, tmp_path: Path, command: list[str]
) -> None:
    arguments, target = command_that_replaces(command, cli, people, tmp_path)
    ran = start(
        *arguments,
        target,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL_DISK,) * 2),
    )
    _, errors = ran.communicate()
    assert ran.returncode in (1, 3), errors
    assert str(target) in errors
    assert target.read_bytes() == b"before"
    assert not list(tmp_path.glob(".*.part"))


@REPLACING
def test_command_killed_as_it_writes_leaves_the_file_before(
    cli: Cli, start: Start, people: Path, tmp_path: Path, command: list[str]
) -> None:
    arguments, target = command_that_replaces(command, cli, people, tmp_path)
    ran = start(*arguments, target)
    while not list(tmp_path.glob(".*.part")) and ran.poll() is None:
        assert target.read_bytes() == b"before"
    ran.kill()
    ran.communicate()
    assert target.read_bytes() == b"before" or ran.returncode == 0
