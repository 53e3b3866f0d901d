"""`facesearch backup` and `restore`: whole copies of a store in use, put back only if whole."""

import os
import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from facesearch.stores import Counts, open_store
from facesearch.stores.sqlite.backup import back_up, check_copy
from tests.contract.samples import RECIPE, indexed, unit_vectors
from tests.integration.cli.running import Cli


@pytest.fixture
def backup(cli: Cli, people: Path, tmp_path: Path) -> Path:
    """A backup of a store of three photos."""
    cli("index", "--collection", "party", people)
    file = tmp_path / "backup.db"
    assert cli("backup", file).code == 0
    return file


def photos_of(file: Path) -> int:
    with open_store(f"sqlite:///{file}", None) as store:
        return store.counts().photos


def test_backup_is_a_store_for_its_owner_only(
    cli: Cli, backup: Path, people: Path, tmp_path: Path
) -> None:
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    ran = cli("search", "--store", f"sqlite:///{backup}", "--json", people / "elton.jpg")
    assert len(ran.json["results"][0]["matches"]) == 3
    again = cli("backup", "--json", "--force", backup)
    assert again.json == {"photos": 3, "faces": 3, "failed": 0, "file": str(backup)}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.db", "faces.db", "people"]


def test_question_of_restore_tells_what_is_there_and_what_is_in_the_copy(
    cli: Cli, people: Path, tmp_path: Path
) -> None:
    (people / "text.jpg").write_text("no photo")
    cli("index", people / "elton.jpg", people / "text.jpg")
    cli("backup", tmp_path / "copy.db")
    held = "1 photo with 1 face (1 failed besides)"
    asked = cli("restore", tmp_path / "copy.db").err
    assert f" holds {held}. Replace it with {held}? Use --yes to do so\n" in asked


def test_backup_and_restore_into_a_folder_that_is_missing_name_what_they_write(
    cli: Cli, backup: Path, tmp_path: Path
) -> None:
    missing = tmp_path / "missing" / "faces.db"
    for ran in (
        cli("backup", missing),
        cli("restore", "--yes", "--store", f"sqlite:///{missing}", backup),
    ):
        assert ran.code == 1
        assert str(missing) in ran.err
        assert "cannot be written (No such file or directory): choose another place" in ran.err
        assert str(tmp_path / "faces.db") not in ran.err
        assert str(backup) not in ran.err


def test_backup_replaces_no_file_unless_told(cli: Cli, backup: Path) -> None:
    before = backup.read_bytes()
    ran = cli("backup", backup)
    assert ran.code == 1
    assert "is there already: use --force" in ran.err
    assert backup.read_bytes() == before


def test_backup_of_a_store_that_is_written_is_of_one_moment(tmp_path: Path) -> None:
    store = tmp_path / "faces.db"
    done = threading.Event()

    def write() -> None:
        with open_store(f"sqlite:///{store}", RECIPE) as writing:
            for number in range(10_000):
                # Two photos of three faces each in a transaction: never one without the other.
                vectors = unit_vectors(3, seed=number)
                writing.write([indexed(f"{number}-{each}", 1, vectors) for each in "ab"])
                if done.is_set():
                    return

    with open_store(f"sqlite:///{store}", RECIPE) as first:
        first.write([indexed(f"first-{each}", 1, unit_vectors(3, seed=1)) for each in "ab"])
    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = [back_up(store, tmp_path / f"{number}.db") for number in range(10)]
    finally:
        done.set()
        writer.join()
    assert all(each.counts.photos % 2 == 0 for each in seen)
    assert all(each.counts.faces == 3 * each.counts.photos for each in seen)
    assert seen[0].counts.photos < seen[-1].counts.photos


def test_restore_brings_back_what_was_forgotten(
    cli: Cli, backup: Path, people: Path, tmp_path: Path
) -> None:
    store = tmp_path / "faces.db"
    with open_store(f"sqlite:///{store}", None) as reader:
        cli("forget", people)
        assert reader.counts() == Counts(0, 0)
        refused = cli("restore", backup)
        assert refused.code == 1
        assert f"{store} holds 0 photos with 0 faces. Replace it with" in refused.err
        assert "Replace it with 3 photos with 3 faces? Use --yes" in refused.err
        assert reader.counts() == Counts(0, 0)
        assert cli("restore", "--yes", "--json", backup).json["photos"] == 3
        assert reader.counts() == Counts(3, 3)
        assert reader.collections() == {"party": Counts(3, 3)}
    assert cli("index", "--json", people).json["unchanged"] == 3


def test_restore_to_where_no_store_is_needs_no_question(
    cli: Cli, backup: Path, tmp_path: Path
) -> None:
    assert cli("restore", "--store", f"sqlite:///{tmp_path}/new.db", backup).code == 0
    assert photos_of(tmp_path / "new.db") == 3


def test_restore_of_a_damaged_copy_leaves_the_store(cli: Cli, backup: Path, tmp_path: Path) -> None:
    data = bytearray(backup.read_bytes())
    data[8192:16384] = b"\xa5" * 8192
    backup.write_bytes(data)
    ran = cli("restore", "--yes", backup)
    assert ran.code == 1
    assert f"'{backup}' is damaged" in ran.err
    assert "Traceback" not in ran.err
    assert photos_of(tmp_path / "faces.db") == 3


@pytest.mark.parametrize("kept", [0, 100, 5000])
def test_restore_replaces_a_store_that_is_damaged(
    cli: Cli, backup: Path, tmp_path: Path, kept: int
) -> None:
    store = tmp_path / "faces.db"
    store.write_bytes(backup.read_bytes()[:kept])
    assert cli("restore", backup).code == 1
    assert cli("restore", "--yes", backup).code == 0
    assert check_copy(store).counts == Counts(3, 3)


def test_restore_replaces_nothing_that_is_no_store(
    cli: Cli, backup: Path, people: Path, tmp_path: Path
) -> None:
    database, text, pipe = (tmp_path / name for name in ("theirs.db", "notes.txt", "pipe"))
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE precious (text)")  # and no application_id, as most
    connection.close()
    text.write_text("precious")
    os.mkfifo(pipe)
    for other in (people / "elton.jpg", database, text):
        before = other.read_bytes()
        ran = cli("restore", "--yes", "--store", f"sqlite:///{other}", backup)
        assert ran.code == 1
        assert f"'{other}' is " in ran.err
        assert "choose another file" in ran.err
        assert other.read_bytes() == before
    assert cli("restore", "--yes", "--store", f"sqlite:///{pipe}", backup).code == 1
    assert pipe.is_fifo()


def test_restore_leaves_databases_of_other_programs_alone(
    cli: Cli, backup: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("PRAGMA application_id = 7")
        connection.execute("CREATE TABLE precious (text)")
    connection.close()
    ran = cli("restore", "--yes", "--store", f"sqlite:///{other}", backup)
    assert ran.code == 1
    assert "another program" in ran.err
    assert cli("restore", "--yes", other).code == 1
    assert photos_of(tmp_path / "faces.db") == 3


def test_backup_and_restore_of_other_stores_are_usage_errors(cli: Cli, backup: Path) -> None:
    for command in (("backup", "x.db"), ("restore", backup)):
        ran = cli(*command, "--store", "opensearch://user:s3cret@localhost:9200/faces")
        assert ran.code == 2
        assert "facesearch snapshot" in ran.err
        assert "s3cret" not in ran.err


def test_backup_and_restore_count_photos_as_status_does(
    cli: Cli, people: Path, tmp_path: Path
) -> None:
    (people / "text.jpg").write_text("no photo")
    cli("index", people)
    told = cli("status", "--json").json
    counts = {name: told[name] for name in ("photos", "faces", "failed")}
    assert counts == {"photos": 3, "faces": 3, "failed": 1}
    backup = tmp_path / "backup.db"
    assert counts.items() <= cli("backup", "--json", backup).json.items()
    assert counts.items() <= cli("restore", "--yes", "--json", backup).json.items()
    assert (
        "3 photos with 3 faces (1 failed besides) copied to" in cli("backup", "--force", backup).out
    )


@pytest.mark.parametrize("name", ["faces.db", "link.db", "hard.db", "faces.db-wal"])
def test_copy_is_never_the_store_itself(cli: Cli, people: Path, tmp_path: Path, name: str) -> None:
    store = tmp_path / "faces.db"
    cli("index", people)
    (tmp_path / "link.db").symlink_to(store)
    (tmp_path / "hard.db").hardlink_to(store)
    if name.endswith("-wal"):
        (tmp_path / name).touch()
    for arguments in (["backup", "--force"], ["restore", "--yes"]):
        ran = cli(*arguments, tmp_path / name)
        assert ran.code == 2
        assert "itself, or a part of it: name another file" in ran.err
    assert photos_of(store) == 3
    by_link = f"sqlite:///{tmp_path}/link.db"
    assert cli("backup", "--force", "--store", by_link, store).code == 2
    assert store.samefile(tmp_path / "hard.db")


def test_link_to_a_copy_or_a_store_stays_a_link(cli: Cli, backup: Path, tmp_path: Path) -> None:
    link, kept = tmp_path / "latest.db", tmp_path / "kept.db"
    link.symlink_to(kept)
    assert cli("backup", link).code == 0
    assert cli("backup", "--force", link).code == 0
    assert link.is_symlink()
    assert photos_of(kept) == 3
    kept.write_bytes(backup.read_bytes()[:5000])
    assert cli("restore", "--yes", "--store", f"sqlite:///{link}", backup).code == 0
    assert link.is_symlink()
    assert photos_of(kept) == 3


def test_names_that_sqlite_does_not_take_are_refused(
    cli: Cli, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / "caf\udce9.db"
    odd.write_bytes(backup.read_bytes())
    for arguments in (("backup", "--force", odd), ("restore", odd)):
        ran = cli(*arguments)
        assert (ran.code, ran.out) == (2, "")
        assert "is not UTF-8, as SQLite needs it: choose another" in ran.err
    monkeypatch.setenv("FACESEARCH_STORE", f"sqlite:///{odd}")
    for names in (["status"], ["backup", "x.db"], ["restore", "--yes", str(backup)]):
        ran = cli(*names)
        assert (ran.code, ran.out) == (2, "")
        assert "is not UTF-8" in ran.err
    assert odd.read_bytes() == backup.read_bytes()
