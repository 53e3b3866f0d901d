"""`facesearch backup` and `restore`: whole copies of a store in use, put back only if whole."""

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
    assert again.json == {"photos": 3, "faces": 3, "file": str(backup)}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.db", "faces.db", "people"]


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
    assert all(counts.photos % 2 == 0 for counts in seen)
    assert all(counts.faces == 3 * counts.photos for counts in seen)
    assert seen[0].photos < seen[-1].photos


def test_restore_brings_back_what_was_forgotten(
    cli: Cli, backup: Path, people: Path, tmp_path: Path
) -> None:
    store = tmp_path / "faces.db"
    with open_store(f"sqlite:///{store}", None) as reader:
        cli("forget", people)
        assert reader.counts() == Counts(0, 0)
        refused = cli("restore", backup)
        assert refused.code == 1
        assert f"{store} holds 0 photos. Replace it with 3 photos? Use --yes" in refused.err
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
    assert "damaged" in ran.err
    assert "Traceback" not in ran.err
    assert photos_of(tmp_path / "faces.db") == 3


@pytest.mark.parametrize("damage", [b"", b"not a store at all", bytes(5000)])
def test_restore_replaces_a_store_that_is_damaged(
    cli: Cli, backup: Path, tmp_path: Path, damage: bytes
) -> None:
    store = tmp_path / "faces.db"
    store.write_bytes(damage)
    assert cli("restore", backup).code == 1
    assert cli("restore", "--yes", backup).code == 0
    assert check_copy(store) == Counts(3, 3)


def test_restore_leaves_databases_of_other_programs_alone(
    cli: Cli, backup: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("PRAGMA application_id = 7")
        connection.execute("CREATE TABLE precious (text)")
    connection.close()
    for arguments in (("restore", "--yes", "--store", f"sqlite:///{other}", backup),):
        ran = cli(*arguments)
        assert ran.code == 1
        assert "another program" in ran.err
    assert cli("restore", "--yes", other).code == 1
    assert photos_of(tmp_path / "faces.db") == 3


def test_backup_and_restore_of_other_stores_are_usage_errors(cli: Cli, backup: Path) -> None:
    for command in (("backup", "x.db"), ("restore", backup)):
        ran = cli(*command, "--store", "opensearch://user:s3cret@localhost:9200/faces")
        assert ran.code == 2
        assert "snapshots" in ran.err
        assert "s3cret" not in ran.err
