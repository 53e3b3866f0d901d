"""Files appear when they are complete, or not at all."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from facesearch.files import complete_file, create_private_file, make_private_folder


def test_file_appears_with_its_end_and_replaces_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "faces.csv"
    path.write_bytes(b"before")
    with complete_file(path) as file:
        file.write(b"after")
        assert path.read_bytes() == b"before"
    assert path.read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [path]


def test_file_whose_writing_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    path, work = tmp_path / "faces.csv", tmp_path / "work"
    work.mkdir()

    def interrupted(place: Path | None) -> None:
        with complete_file(path, work=place) as file:
            file.write(b"half")
            assert len(list((place or tmp_path).glob(".*.part"))) == 1
            raise KeyboardInterrupt

    for place in (None, work):
        with pytest.raises(KeyboardInterrupt):
            interrupted(place)
    assert list(tmp_path.iterdir()) == [work]
    assert list(work.iterdir()) == []


def test_what_is_no_file_is_never_replaced(tmp_path: Path) -> None:
    pipe, heard, folder = (tmp_path / name for name in ("pipe", "heard", "folder"))
    os.mkfifo(pipe)
    folder.mkdir()
    links = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(heard))
        for each in (pipe, heard, folder):
            links.append(tmp_path / f"to-{each.name}")
            links[-1].symlink_to(each)
        for each in (pipe, heard, folder, *links):
            before = each.lstat()
            with pytest.raises(OSError, match="it is a"), complete_file(each) as file:
                file.write(b"all")
            assert stat.S_IFMT(each.lstat().st_mode) == stat.S_IFMT(before.st_mode)
    assert len(list(tmp_path.iterdir())) == 6


def test_link_to_a_file_and_link_to_nothing_may_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"kept")
    for name in ("there", "missing"):
        link = tmp_path / f"to-{name}"
        link.symlink_to(tmp_path / name)
        with complete_file(link) as file:
            file.write(b"all")
        assert link.read_bytes() == b"all"


def test_file_with_the_longest_name_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 127)
    with complete_file(path) as file:
        file.write(b"all")
    assert path.read_bytes() == b"all"


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_files_and_folders_are_their_owner_s_only_from_their_creation_on(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "a" / "b")
    with complete_file(tmp_path / "a" / "b" / "c") as file:
        (part,) = (tmp_path / "a" / "b").iterdir()
        assert part.stat().st_mode & 0o777 == 0o600
        file.write(b"all")
    create_private_file(tmp_path / "d")
    assert (tmp_path / "a" / "b" / "c").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "d").stat().st_mode & 0o777 == 0o600
    for folder in (tmp_path / "a", tmp_path / "a" / "b"):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_private_file_and_folder_that_are_there_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"all")
    tmp_path.chmod(0o755)
    create_private_file(tmp_path / "a", exist_ok=True)
    make_private_folder(tmp_path)
    assert (tmp_path / "a").read_bytes() == b"all"
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    with pytest.raises(FileExistsError):
        create_private_file(tmp_path / "a")
