"""`facesearch index`: what it stores, what it notices, and what it says."""

import os
from pathlib import Path

import pytest

from facesearch.stores import open_store
from tests.integration.cli.running import Cli


def stored_names(tmp_path: Path) -> dict[str, str]:
    """Problem by file name of every stored photo."""
    with open_store(f"sqlite:///{tmp_path}/faces.db", None) as store:
        photos = [listing.photo for listing in store.photos()]
        return {photo.photo_id.rpartition("/")[2]: photo.problem for photo in photos}


def test_index_of_the_sample_stores_every_photo(train_store: str) -> None:
    with open_store(train_store, None) as store:
        counts = store.counts()
    assert counts.photos == 93
    assert counts.faces >= 92


def test_index_counts_photos_and_faces(cli: Cli, people: Path) -> None:
    ran = cli("index", people)
    assert ran.code == 0
    assert ran.out.startswith("3 photos with 3 faces indexed in ")
    assert ran.err == ""


def test_index_json_holds_the_summary(cli: Cli, people: Path) -> None:
    ran = cli("index", "--json", people)
    summary = ran.json
    assert summary.pop("seconds") > 0
    assert summary == {
        "photos": 3,
        "faces": 3,
        "without_face": 0,
        "unchanged": 0,
        "removed": 0,
        "superseded": 0,
        "failed": [],
    }


def test_index_again_does_not_read_unchanged_photos(cli: Cli, people: Path) -> None:
    cli("index", people)
    photo = people / "elton.jpg"
    before = photo.stat()
    photo.write_bytes(b"x" * before.st_size)
    os.utime(photo, ns=(before.st_atime_ns, before.st_mtime_ns))
    ran = cli("index", "--json", people)
    assert ran.code == 0
    assert (ran.json["photos"], ran.json["unchanged"]) == (0, 3)


def test_index_again_notices_changed_and_new_photos(cli: Cli, people: Path, tmp_path: Path) -> None:
    cli("index", people)
    (people / "new.jpg").write_bytes((people / "elton.jpg").read_bytes())
    (people / "madonna.jpg").write_bytes((people / "elton.jpg").read_bytes())
    ran = cli("index", "--json", people)
    assert (ran.json["photos"], ran.json["unchanged"], ran.json["removed"]) == (2, 2, 0)
    matches = cli("search", "--json", people / "elton.jpg").json["results"][0]["matches"]
    nearest = {Path(match["photo_id"]).name for match in matches if match["distance"] < 0.01}
    assert nearest == {"elton.jpg", "madonna.jpg", "new.jpg"}


def test_index_again_forgets_deleted_photos(cli: Cli, people: Path, tmp_path: Path) -> None:
    cli("index", people)
    (people / "elton.jpg").unlink()
    ran = cli("index", people)
    assert ran.code == 0
    assert "1 removed" in ran.out
    assert set(stored_names(tmp_path)) == {"madonna.jpg", "mindy.jpg"}


def test_index_forgets_deleted_photos_of_an_emptied_folder(
    cli: Cli, people: Path, tmp_path: Path
) -> None:
    cli("index", people)
    for photo in people.iterdir():
        photo.unlink()
    ran = cli("index", people)
    assert ran.code == 3
    assert "3 removed" in ran.out
    assert not stored_names(tmp_path)


def test_index_of_a_missing_folder_forgets_nothing(cli: Cli, people: Path, tmp_path: Path) -> None:
    cli("index", people)
    people.rename(tmp_path / "unplugged")
    ran = cli("index", people)
    assert ran.code == 1
    assert f"error: {people}: there is no such file or folder: check the path" in ran.err
    assert len(stored_names(tmp_path)) == 3


def test_index_puts_photos_into_the_collection(cli: Cli, people: Path) -> None:
    cli("index", "--collection", "party", people)
    query = people / "elton.jpg"
    assert (
        len(cli("search", "--json", "--collection", "party", query).json["results"][0]["matches"])
        == 3
    )
    elsewhere = cli("search", "--json", "--collection", "work", query)
    assert elsewhere.code == 1
    assert "collection 'work'" in elsewhere.err


def test_index_of_one_named_file_leaves_the_rest_alone(
    cli: Cli, people: Path, tmp_path: Path
) -> None:
    cli("index", people / "elton.jpg")
    assert set(stored_names(tmp_path)) == {"elton.jpg"}
    ran = cli("index", "--json", people / "elton.jpg")
    assert (ran.json["photos"], ran.json["unchanged"]) == (0, 1)


@pytest.mark.parametrize("workers", ["0", "-1", "many"])
def test_index_with_impossible_workers_is_a_usage_error(
    cli: Cli, people: Path, workers: str
) -> None:
    ran = cli("index", "--workers", workers, people)
    assert ran.code == 2
    assert ran.err.startswith("error: Invalid value for '--workers'")
    assert ran.err.count("\n") == 1


def test_index_without_models_says_how_to_build_them(
    cli: Cli, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACESEARCH_MODELS", str(tmp_path / "none"))
    ran = cli("index", people)
    assert ran.code == 1
    assert "facesearch models build" in ran.err
    assert "Traceback" not in ran.err


def test_index_quiet_and_json_say_nothing_on_stderr(cli: Cli, people: Path) -> None:
    assert cli("index", "--quiet", people).err == ""
    assert cli("index", "--json", people).err == ""
