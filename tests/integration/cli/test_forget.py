"""`facesearch forget`: which photos it lets go, and which it keeps."""

import shutil
from pathlib import Path

import apsw
import pytest

from facesearch.stores import open_store
from facesearch.stores.sqlite.integrity import count_all
from facesearch_local.library.sequences import sequence_now
from tests.integration.cli.running import Cli


@pytest.fixture
def names(tmp_path: Path) -> "Names":
    return Names(f"sqlite:///{tmp_path}/faces.db")


class Names:
    """The names of the photos in a store, as of now."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self) -> list[str]:
        with open_store(self._url, None) as store:
            return [listed.photo.photo_id.rpartition("/")[2] for listed in store.photos()]


def test_forget_needs_to_be_told_what(cli: Cli, people: Path, names: Names) -> None:
    cli("index", people)
    ran = cli("forget")
    assert ran.code == 2
    assert "--missing" in ran.err
    assert len(names()) == 3


def test_forget_photo_by_path_and_by_id(cli: Cli, people: Path, names: Names) -> None:
    cli("index", people)
    assert cli("forget", people / "elton.jpg").out == "Forgotten: 1 photo with 1 face.\n"
    assert names() == ["madonna.jpg", "mindy.jpg"]
    assert cli("forget", (people / "mindy.jpg").as_uri()).code == 0
    assert names() == ["madonna.jpg"]
    assert cli("search", people / "elton.jpg").code == 0


def test_forget_dry_run_names_the_photos_and_keeps_them(
    cli: Cli, people: Path, names: Names
) -> None:
    cli("index", people)
    ran = cli("forget", "--dry-run", people)
    assert ran.out.splitlines() == [
        *(f"{people}/{name}.jpg" for name in ("elton", "madonna", "mindy")),
        "Would be forgotten: 3 photos with 3 faces.",
    ]
    printed = cli("forget", "--dry-run", "--json", people).json
    assert (printed["photos"], printed["faces"], printed["forgotten"], len(printed["ids"])) == (
        3,
        3,
        0,
        3,
    )
    assert len(names()) == 3


def test_forget_folder_that_is_not_there_any_more(
    cli: Cli, people: Path, tmp_path: Path, names: Names
) -> None:
    cli("index", people)
    people.rename(tmp_path / "gone")
    (tmp_path / "people2").mkdir()
    shutil.copy(tmp_path / "gone" / "elton.jpg", tmp_path / "people2" / "x.jpg")
    cli("index", tmp_path / "people2")
    assert cli("forget", people).code == 0
    assert names() == ["x.jpg"]


def test_forget_folder_forgets_what_its_links_led_to(
    cli: Cli, people: Path, tmp_path: Path, names: Names
) -> None:
    linked = tmp_path / "Pictures"
    linked.mkdir()
    shutil.copy(people / "elton.jpg", linked / "own.jpg")
    (linked / "people").symlink_to(people)
    cli("index", linked)
    assert len(names()) == 4
    cli("forget", linked)
    assert names() == []


def test_forget_collection_leaves_the_others(cli: Cli, people: Path, names: Names) -> None:
    cli("index", people)
    cli("index", "--collection", "party", people / "elton.jpg")
    assert cli("forget", "--collection", "party", "--json").json["forgotten"] == 1
    assert names() == ["madonna.jpg", "mindy.jpg"]


def test_forget_missing_leaves_those_that_are_there(cli: Cli, people: Path, names: Names) -> None:
    cli("index", people)
    (people / "elton.jpg").unlink()
    assert cli("forget", "--missing").code == 0
    assert names() == ["madonna.jpg", "mindy.jpg"]


def test_forget_missing_asks_before_it_forgets_many(
    cli: Cli, people: Path, tmp_path: Path, names: Names
) -> None:
    for number in range(12):
        shutil.copy(people / "elton.jpg", people / f"{number}.jpg")
    cli("index", people)
    people.rename(tmp_path / "unplugged")
    ran = cli("forget", "--missing")
    assert ran.code == 3
    assert "15 of 15 photos are missing" in ran.err
    assert len(names()) == 15
    assert cli("forget", "--missing", "--yes").code == 0
    assert names() == []


def test_forget_what_is_not_stored_says_so(cli: Cli, people: Path, names: Names) -> None:
    cli("index", people)
    ran = cli("forget", people / "nobody.jpg")
    assert ran.code == 1
    assert f"error: {people}/nobody.jpg: nothing is stored from there" in ran.err
    assert cli("forget", people / "nobody.jpg", people / "elton.jpg").code == 3
    assert len(names()) == 2


def test_forget_needs_neither_models_nor_their_recipe(
    cli: Cli, people: Path, tmp_path: Path, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("index", people)
    with apsw.Connection(str(tmp_path / "faces.db")) as connection:
        connection.execute("UPDATE recipe SET embedder = 'of an earlier version'")
        count_all(connection, 128)
    connection.close()
    monkeypatch.setenv("FACESEARCH_MODELS", str(tmp_path / "none"))
    assert cli("forget", people / "elton.jpg").code == 0
    assert len(names()) == 2


def test_forgotten_photo_that_is_indexed_again_comes_back_whatever_the_clock(
    cli: Cli, people: Path, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = sequence_now() + 2**23 * 86_400
    with monkeypatch.context() as patch:
        patch.setattr("facesearch_local.library.sequences.sequence_now", lambda: ahead)
        cli("index", people)
        cli("forget", people)
    assert names() == []
    assert cli("index", "--json", people).json["photos"] == 3
    assert len(names()) == 3
