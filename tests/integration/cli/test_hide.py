"""`facesearch hide`: no search finds the face, whatever becomes of its photo."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from PIL import Image

from tests.integration.cli.running import Cli


def found(cli: Cli, photo: Path) -> set[str]:
    """The names of the photos that a search finds."""
    ran = cli("search", "--json", photo)
    assert ran.code == 0
    (result,) = ran.json["results"]
    return {match["photo_id"].rpartition("/")[2] for match in result["matches"]}


@pytest.fixture
def query(people: Path, tmp_path: Path) -> Path:
    shutil.copy(people / "elton.jpg", tmp_path / "query.jpg")
    return tmp_path / "query.jpg"


def test_hidden_face_is_not_found_and_can_be_shown_again(
    cli: Cli, people: Path, query: Path
) -> None:
    cli("index", people)
    ran = cli("hide", people / "elton.jpg")
    assert ran.code == 0
    assert ran.out.startswith("Face 0 of ")
    assert found(cli, query) == {"madonna.jpg", "mindy.jpg"}
    assert "(hidden: 0)" in cli("list", people / "elton.jpg").out
    listed = cli("list", "--hidden", "--json").json["photos"]
    assert [(each["photo_id"], each["hidden"]) for each in listed] == [
        ((people / "elton.jpg").as_uri(), [0])
    ]
    printed = cli("hide", "--json", "--undo", (people / "elton.jpg").as_uri()).json
    assert (printed["index"], printed["hidden"]) == (0, False)
    assert "elton.jpg" in found(cli, query)
    assert cli("list", "--hidden", "--json").json["photos"] == []


def test_hidden_face_stays_hidden_whatever_becomes_of_its_photo(
    cli: Cli, people: Path, query: Path
) -> None:
    photo = people / "elton.jpg"
    cli("index", people)
    cli("hide", photo)
    # Another file in its place: the same picture, smaller.
    with Image.open(query) as picture:
        picture.resize((picture.width * 2 // 3, picture.height * 2 // 3)).save(photo)
    assert cli("index", people).code == 0
    assert "elton.jpg" not in found(cli, query)
    photo.rename(people / "renamed.jpg")
    assert cli("index", people).code == 0
    assert found(cli, query) == {"madonna.jpg", "mindy.jpg"}
    assert "renamed.jpg  (hidden: 0)" in cli("list", people).out
    cli("forget", people / "renamed.jpg")
    assert cli("index", people).code == 0
    assert found(cli, query) == {"madonna.jpg", "mindy.jpg"}
    # Other models: the decision knows nothing of embeddings.
    assert cli("reindex", "--recipe", "facenet-centerface").code == 0
    assert found(cli, query) == {"madonna.jpg", "mindy.jpg"}
    # What came to the old name is another photo.
    shutil.copy(query, photo)
    assert cli("index", people).code == 0
    assert "elton.jpg" in found(cli, query)


def test_photos_that_change_their_names_take_their_hidden_faces_along(
    cli: Cli, people: Path, query: Path
) -> None:
    cli("index", people)
    cli("hide", people / "elton.jpg")
    (people / "elton.jpg").rename(people / "other.jpg")
    (people / "madonna.jpg").rename(people / "elton.jpg")
    (people / "other.jpg").rename(people / "madonna.jpg")
    assert cli("index", people).code == 0
    assert [
        each["photo_id"].rpartition("/")[2]
        for each in cli("list", "--hidden", "--json").json["photos"]
    ] == ["madonna.jpg"]
    assert found(cli, query) == {"elton.jpg", "mindy.jpg"}


def test_export_tells_which_faces_are_hidden(cli: Cli, people: Path, tmp_path: Path) -> None:
    cli("index", people)
    cli("hide", people / "madonna.jpg")
    for name in ("faces.csv", "faces.parquet", "faces.npz"):
        assert cli("export", tmp_path / name).code == 0
    with np.load(tmp_path / "faces.npz", allow_pickle=False) as arrays:
        assert arrays["hidden"].tolist() == [False, True, False]
    table = pyarrow.parquet.read_table(tmp_path / "faces.parquet")
    assert table["hidden"].to_pylist() == [False, True, False]
    with (tmp_path / "faces.csv").open(newline="", encoding="utf-8") as lines:
        assert [row["hidden"] for row in csv.DictReader(lines)] == ["false", "true", "false"]


def test_backup_has_the_decisions(cli: Cli, people: Path, query: Path, tmp_path: Path) -> None:
    cli("index", people)
    cli("hide", people / "elton.jpg")
    assert cli("backup", tmp_path / "copy.db").code == 0
    cli("hide", "--undo", people / "elton.jpg")
    assert "elton.jpg" in found(cli, query)
    assert cli("restore", "--yes", tmp_path / "copy.db").code == 0
    assert "elton.jpg" not in found(cli, query)


def test_what_cannot_be_hidden_is_told(cli: Cli, people: Path, tmp_path: Path) -> None:
    ran = cli("hide", people / "elton.jpg")
    assert (ran.code, "no store" in ran.err) == (1, True)
    assert not (tmp_path / "faces.db").exists()
    with Image.new("RGB", (640, 320)) as both:
        for place, name in enumerate(("elton", "madonna")):
            with Image.open(people / f"{name}.jpg") as one:
                both.paste(one.resize((320, 320)), (320 * place, 0))
        both.save(people / "both.jpg")
    cli("index", people)
    ran = cli("hide", tmp_path / "absent.jpg")
    assert (ran.code, "is not in the store" in ran.err) == (1, True)
    ran = cli("hide", people / "both.jpg")
    assert (ran.code, "has 2 faces" in ran.err) == (2, True)
    ran = cli("hide", people / "both.jpg", "--face", "2")
    assert (ran.code, "counted from 0" in ran.err) == (2, True)
    assert cli("list", "--hidden", "--json").json["photos"] == []
    assert cli("hide", people / "both.jpg", "--face", "1").code == 0
    assert "(hidden: 1)" in cli("list", people / "both.jpg").out
    # Which one to show again is plain.
    assert cli("hide", people / "both.jpg", "--undo").code == 0
