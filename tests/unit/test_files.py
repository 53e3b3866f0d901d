"""Files appear when they are complete, or not at all."""

from pathlib import Path

import pytest

from facesearch.files import complete_file


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


def test_file_with_the_longest_name_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 127)
    with complete_file(path) as file:
        file.write(b"all")
    assert path.read_bytes() == b"all"
