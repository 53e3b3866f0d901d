"""Labelled folders, pairs and groups: what is read, and what is said about bad ones."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from facesearch.errors import InvalidRequest
from facesearch_local.evaluation.groups import read_groups
from facesearch_local.evaluation.labelled import Labelled, read_labelled
from facesearch_local.evaluation.pairs import draw_pairs, read_pairs

PEOPLE = {"Abel_Pacheco": 4, "Ann": 2, "Bob_Lee": 1, "Cid": 1}


@pytest.fixture
def labelled(tmp_path: Path) -> Labelled:
    for person, photos in PEOPLE.items():
        for number in range(1, photos + 1):
            place = tmp_path / "lfw" / person / f"{person}_{number:04}.jpg"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
    return read_labelled(tmp_path / "lfw")


def test_folders_are_people_and_files_their_photos(labelled: Labelled) -> None:
    assert labelled.people.tolist() == ["Abel_Pacheco"] * 4 + ["Ann"] * 2 + ["Bob_Lee", "Cid"]
    assert labelled.photos[4].name == "Ann_0001"
    assert labelled.photos[4].label == "Ann/Ann_0001.jpg"
    assert labelled.people_with_several == 2
    assert labelled.problems == []


def test_people_are_drawn_by_seed(labelled: Labelled) -> None:
    drawn = [read_labelled(labelled.folder, 3, seed).people.tolist() for seed in (1, 1, 2, 3, 4)]
    assert drawn[0] == drawn[1]
    assert len({tuple(people) for people in drawn}) > 1
    assert all(len(set(people)) == 3 for people in drawn)


def test_empty_folder_of_a_person_is_told(labelled: Labelled) -> None:
    (labelled.folder / "Zoe").mkdir()
    (problem,) = read_labelled(labelled.folder).problems
    assert problem.name.endswith("Zoe")
    assert "no photos" in str(problem.error)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "cannot be read"),
        (lambda folder: folder.mkdir(), "fewer than two people"),
        (lambda folder: (folder / "Ann").mkdir(parents=True), "fewer than two people"),
        (lambda folder: photos_of(folder, Ann=2), "fewer than two people"),
        (lambda folder: photos_of(folder, Ann=1, Bob=1), "nobody in .* has two photos"),
    ],
)
def test_folder_that_is_not_labelled_is_refused(
    tmp_path: Path, make: Callable[[Path], None], message: str
) -> None:
    folder = tmp_path / "people"
    make(folder)
    with pytest.raises(InvalidRequest, match=message):
        read_labelled(folder)


def photos_of(folder: Path, **people: int) -> None:
    for person, photos in people.items():
        (folder / person).mkdir(parents=True)
        for number in range(photos):
            (folder / person / f"{number}.png").touch()


def test_pairs_are_places_truth_and_folds(labelled: Labelled, tmp_path: Path) -> None:
    file = tmp_path / "pairs.txt"
    file.write_text("2\t1\nAbel_Pacheco\t1\t4\nAnn\t1\tBob_Lee\t1\nAnn\t1\t2\nAnn\t2\tCid\t1\n")
    pairs = read_pairs(file, labelled)
    assert pairs.one.tolist() == [0, 4, 4, 5]
    assert pairs.other.tolist() == [3, 6, 5, 7]
    assert pairs.same.tolist() == [True, False, True, False]
    assert pairs.fold.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: it is not the number of folds"),
        ("10\n", "line 1: it is not the number of folds"),
        ("1\t1\nAnn\t1\t2\nAnn\t1\tCid\t1\n", "line 1: .*two at least"),
        ("2\t1\nAnn\t1\t2\n", "line 1: 2 folds of 2 × 1 pairs are 4, but 1 follow"),
        ("2\t1\nAnn 1 2\n", "line 2: it is not 'name n m'"),
        ("2\t1\nAnn\t1\t2\nAnn\t1\tCid\tone\n", "line 3: 'one' is not the number of a photo"),
        ("2\t1\nAnn\t1\t9\n", "line 2: there is no photo Ann/Ann_0009 in .*take the line out"),
        ("2\t1\nAnn\t1\t2\nAnn\t1\tEve\t1\n", "line 3: there is no photo Eve/Eve_0001"),
    ],
)
def test_bad_line_of_a_pairs_file_is_named(
    labelled: Labelled, tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "pairs.txt"
    file.write_text(text)
    with pytest.raises(InvalidRequest, match=f"pairs.txt, {message}"):
        read_pairs(file, labelled)


def test_missing_pairs_file_is_named(labelled: Labelled) -> None:
    with pytest.raises(InvalidRequest, match=r"nowhere\.txt cannot be read"):
        read_pairs(Path("nowhere.txt"), labelled)


def test_pairs_are_drawn_by_seed_without_repetition_in_ten_even_folds() -> None:
    people = np.repeat([f"p{number}" for number in range(40)], 4)
    pairs = draw_pairs(people, 7)
    again = draw_pairs(people, 7)
    assert pairs is not None
    assert again is not None
    assert (pairs.one == again.one).all()
    assert (pairs.other == again.other).all()
    # 40 people with 6 pairs each.
    assert pairs.same.sum() == (~pairs.same).sum() == 240
    assert ((people[pairs.one] == people[pairs.other]) == pairs.same).all()
    assert len(set(zip(pairs.one.tolist(), pairs.other.tolist(), strict=True))) == 480
    assert np.bincount(pairs.fold).tolist() == [48] * 10


def test_no_pairs_of_too_few_photos() -> None:
    assert draw_pairs(np.array(["Ann", "Ann", "Bob"]), 0) is None


def test_groups_are_read_by_person(labelled: Labelled, tmp_path: Path) -> None:
    file = tmp_path / "groups.csv"
    file.write_text("person,group\nAnn,f\nBob_Lee,m\nAnn,f\n")
    assert read_groups(file, labelled) == {"Ann": "f", "Bob_Lee": "m"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the columns are not"),
        ("name,sex\nAnn,f\n", "line 1: the columns are not"),
        ("person,group\nAnn,f\nBob_Lee,\n", "line 3: 'Bob_Lee' has no group"),
        ("person,group\nAnn,f\nAnn,m\n", "line 3: 'Ann' is in two groups"),
        ("person,group\nEve,f\n", "names nobody of"),
    ],
)
def test_bad_line_of_a_groups_file_is_named(
    labelled: Labelled, tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "groups.csv"
    file.write_text(text)
    with pytest.raises(InvalidRequest, match=message):
        read_groups(file, labelled)
