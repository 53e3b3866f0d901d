"""Names as folders list them: what is there, and what people typed."""

import os
from pathlib import Path

from facesearch_local.library.listings import Listings, may_be_unmounted


def test_file_is_there_under_exactly_its_name(tmp_path: Path) -> None:
    (tmp_path / "Pictures").mkdir()
    (tmp_path / "Pictures" / "img.jpg").touch()
    listings = Listings()
    assert listings.has(str(tmp_path / "Pictures" / "img.jpg"))
    for name in ("Pictures/IMG.JPG", "pictures/img.jpg", "Pictures/img.jpg/below", "none/img.jpg"):
        assert not listings.has(str(tmp_path / name))


def test_name_in_another_case_or_form_becomes_the_listed_one(tmp_path: Path) -> None:
    (tmp_path / "Été").mkdir()
    (tmp_path / "Été" / "Img.jpg").touch()
    listed = str(tmp_path / "Été" / "Img.jpg")
    for name in ("Été/Img.jpg", "été/IMG.JPG", "E\u0301te\u0301/Img.jpg"):
        assert Listings().true_name(str(tmp_path / name)) == listed


def test_name_that_nothing_has_stays_as_it_is(tmp_path: Path) -> None:
    assert Listings().true_name(str(tmp_path / "none" / "x.jpg")) == str(tmp_path / "none/x.jpg")


def test_names_that_differ_only_in_case_are_two_where_both_are_listed(tmp_path: Path) -> None:
    for name in ("a.jpg", "A.jpg"):
        (tmp_path / name).touch()
    for name in set(os.listdir(tmp_path)):  # noqa: PTH208 (names, not paths)
        assert Listings().true_name(str(tmp_path / name)) == str(tmp_path / name)


def test_what_lies_in_a_missing_or_empty_folder_may_be_unmounted(tmp_path: Path) -> None:
    assert may_be_unmounted(str(tmp_path / "disk" / "photos"))
    (tmp_path / "disk").mkdir()
    assert may_be_unmounted(str(tmp_path / "disk" / "photos"))
    (tmp_path / "disk" / "other").touch()
    assert not may_be_unmounted(str(tmp_path / "disk" / "photos"))
