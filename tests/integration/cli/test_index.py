"""`facesearch index`: what it stores, what it notices, and what it says."""

import json
import os
import pty
import shutil
import time
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from facesearch.planning import one_file
from facesearch.stores import open_store
from facesearch_local.cli import index
from tests.integration.cli.running import Cli, Start


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


def test_index_names_the_kinds_that_it_does_not_read_once(cli: Cli, people: Path) -> None:
    for name in ("a.mp4", "b.MP4", "c.nef"):
        (people / name).touch()
    ran = cli("index", people)
    assert ran.code == 0
    assert ran.out.splitlines()[1:] == ["Not read, as their kinds are not: 2 .mp4, 1 .nef."]
    assert cli("index", "--json", people).json["not_read"] == {".mp4": 2, ".nef": 1}


def test_index_tells_what_it_passes_over_and_which_pattern_matched_nothing(
    cli: Cli, people: Path
) -> None:
    os.mkfifo(people / "pipe.jpg")
    (people / "gone.jpg").symlink_to(people / "nowhere.jpg")
    ran = cli("index", people, "--exclude", "rwa/*")
    assert ran.code == 0
    assert len(ran.err.splitlines()) == 3
    for told in ("pipe.jpg: passed over", "gone.jpg: passed over", "--exclude rwa/*: matched"):
        assert told in ran.err


def test_index_tells_which_photo_ends_early(cli: Cli, people: Path) -> None:
    photo = sorted(people.rglob("*.jpg"))[0]
    photo.write_bytes(photo.read_bytes()[:-2])
    ran = cli("index", people)
    assert (ran.code, len(ran.err.splitlines())) == (0, 1)
    assert f"{photo.resolve()}: the file ends early" in ran.err
    (note,) = cli("index", "--json", "--force", people).json["notes"]
    assert note["name"] == str(photo.resolve())


def test_index_json_holds_the_summary(cli: Cli, people: Path) -> None:
    ran = cli("index", "--json", people)
    summary = ran.json
    assert summary.pop("seconds") > 0
    assert summary == {
        "photos": 3,
        "faces": 3,
        "without_face": 0,
        "unchanged": 0,
        "moved": 0,
        "removed": 0,
        "not_removed": 0,
        "superseded": 0,
        "left_out": 0,
        "not_read": {},
        "notes": [],
        "failed": [],
    }


@pytest.mark.parametrize(
    ("option", "variable", "value"),
    [
        ("--min-face-size", "FACESEARCH_MIN_FACE_SIZE", "9999"),
        ("--min-sharpness", "FACESEARCH_MIN_SHARPNESS", "1e9"),
        ("--min-detection-score", "FACESEARCH_MIN_DETECTION_SCORE", "1"),
    ],
)
def test_index_counts_faces_left_out_by_option_and_by_variable_where_the_option_wins(
    cli: Cli, people: Path, monkeypatch: pytest.MonkeyPatch, option: str, variable: str, value: str
) -> None:
    ran = cli("index", "--json", option, value, people)
    assert (ran.json["faces"], ran.json["without_face"], ran.json["left_out"]) == (0, 3, 3)
    monkeypatch.setenv(variable, value)
    assert cli("index", "--json", "--force", people).json["left_out"] == 3
    assert cli("index", "--json", "--force", option, "0", people).json["left_out"] == 0


@pytest.mark.parametrize(
    "option", [("--min-face-size", "-1"), ("--min-detection-score", "2"), ("--max-faces", "0")]
)
def test_index_with_a_wrong_limit_names_the_option(
    cli: Cli, people: Path, option: tuple[str, str]
) -> None:
    ran = cli("index", *option, people)
    assert ran.code == 2
    assert option[0] in ran.err


def test_index_again_does_not_look_at_unchanged_photos(
    cli: Cli, people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("index", people)
    os.utime(people / "elton.jpg")
    monkeypatch.setattr("facesearch_local.cli.worker.FacePipeline", None)
    ran = cli("index", "--json", people)
    assert ran.code == 0
    assert (ran.json["photos"], ran.json["unchanged"]) == (0, 3)


def test_index_sees_a_change_that_keeps_size_and_time(cli: Cli, people: Path) -> None:
    cli("index", people)
    photo = people / "elton.jpg"
    before = photo.stat()
    photo.write_bytes(b"x" * before.st_size)
    os.utime(photo, ns=(before.st_atime_ns, before.st_mtime_ns))
    ran = cli("index", "--json", people)
    assert ran.code == 3
    assert [failed["code"] for failed in ran.json["failed"]] == ["not_an_image"]


def test_index_force_looks_at_every_photo(cli: Cli, people: Path) -> None:
    cli("index", people)
    ran = cli("index", "--json", "--force", people)
    assert (ran.json["photos"], ran.json["unchanged"]) == (3, 0)


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


@pytest.mark.parametrize("emptied", [True, False])
def test_index_of_an_unmounted_folder_forgets_nothing(
    cli: Cli, people: Path, tmp_path: Path, emptied: bool
) -> None:
    cli("index", people)
    people.rename(tmp_path / "unplugged")
    if emptied:
        people.mkdir()
    for _ in range(2):
        ran = cli("index", "--remove-missing", people)
        assert ran.code == 3
        assert "3 gone but kept" in ran.out
        assert f"error: {people}: there " in ran.err
        assert "3 stored photos came from it, kept: mount its disk" in ran.err
    assert len(stored_names(tmp_path)) == 3


def test_index_of_a_missing_folder_that_nothing_came_from_does_nothing(
    cli: Cli, people: Path, tmp_path: Path
) -> None:
    cli("index", people)
    ran = cli("index", tmp_path / "nowhere")
    assert ran.code == 1
    assert f"error: {tmp_path / 'nowhere'}: there is no such file or folder" in ran.err
    assert len(stored_names(tmp_path)) == 3


@pytest.fixture
def twelve(people: Path) -> Path:
    """The folder with twelve photos, all of one person."""
    for number in range(12):
        shutil.copy(people / "elton.jpg", people / f"{number}.jpg")
    for name in ("elton", "madonna", "mindy"):
        (people / f"{name}.jpg").unlink()
    return people


def take_away_all_but_one(folder: Path) -> None:
    for photo in sorted(folder.iterdir())[1:]:
        photo.unlink()


def test_index_forgets_many_only_when_told(
    cli: Cli, twelve: Path, sample: Path, tmp_path: Path
) -> None:
    cli("index", twelve)
    take_away_all_but_one(twelve)
    shutil.copy(sample / "val" / "madonna" / "madonna_01.jpg", twelve / "new.jpg")
    ran = cli("index", twelve)
    assert ran.code == 3
    assert ran.out.startswith("1 photo with 1 face indexed")
    assert "11 gone but kept" in ran.out
    assert "forget them with --remove-missing" in ran.err
    assert len(stored_names(tmp_path)) == 13
    ran = cli("index", "--remove-missing", twelve)
    assert ran.code == 0
    assert "11 removed" in ran.out
    assert len(stored_names(tmp_path)) == 2


@pytest.mark.parametrize(("answer", "code", "left"), [("y", 0, 1), ("n", 3, 12)])
def test_index_asks_at_a_terminal_before_it_forgets_many(
    start: Start, twelve: Path, tmp_path: Path, answer: str, code: int, left: int
) -> None:
    start("index", twelve).communicate()
    take_away_all_but_one(twelve)
    ours, theirs = pty.openpty()
    process = start("index", twelve, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    while b"Forget them?" not in said:
        said += os.read(ours, 1000)
    assert b"11 of 12 photos are gone" in said
    os.write(ours, f"{answer}\n".encode())
    with suppress(OSError):  # the other end is closed
        while os.read(ours, 1000):
            pass
    os.close(ours)
    assert process.wait() == code
    assert len(stored_names(tmp_path)) == left


def test_index_keeps_faces_of_a_renamed_photo(cli: Cli, people: Path, tmp_path: Path) -> None:
    cli("index", "--collection", "party", people)
    (people / "elton.jpg").rename(people / "sir_elton.jpg")
    ran = cli("index", "--json", people)
    assert ran.code == 0
    assert (ran.json["photos"], ran.json["moved"], ran.json["removed"]) == (0, 1, 0)
    matches = cli("search", "--json", "--collection", "party", people / "sir_elton.jpg")
    assert Path(matches.json["results"][0]["matches"][0]["photo_id"]).name == "sir_elton.jpg"
    assert "elton.jpg" not in stored_names(tmp_path)


def test_index_leaves_out_what_is_excluded(cli: Cli, people: Path, tmp_path: Path) -> None:
    (people / "@eaDir").mkdir()
    shutil.copy(people / "elton.jpg", people / "@eaDir" / "thumb.jpg")
    cli("index", "--exclude", "mindy*", people)
    assert set(stored_names(tmp_path)) == {"elton.jpg", "madonna.jpg"}


def test_index_after_a_clock_that_ran_ahead_sees_changes(
    cli: Cli, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns()
    with monkeypatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: now + 10**18)
        cli("index", people)
        (people / "madonna.jpg").rename(tmp_path / "kept.jpg")
        cli("index", people)
    (people / "elton.jpg").write_bytes((people / "mindy.jpg").read_bytes())
    (tmp_path / "kept.jpg").rename(people / "madonna.jpg")
    ran = cli("index", "--json", people)
    assert (ran.json["photos"], ran.json["superseded"]) == (2, 0)
    (people / "mindy.jpg").unlink()
    assert cli("index", "--json", people).json["removed"] == 1


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


def test_index_says_when_opensearch_would_answer_sooner(
    people: Path, tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACESEARCH_MODELS", str(models))
    arguments = ["--store", f"{tmp_path}/many.db", "--workers", "1", "--json"]
    few = CliRunner().invoke(index.command, [*arguments, str(people)])
    assert json.loads(few.stdout)["notes"] == []
    monkeypatch.setattr(one_file, "MANY_FACES", 3)
    many = CliRunner().invoke(index.command, [*arguments, "--force", str(people)])
    (note,) = json.loads(many.stdout)["notes"]
    assert note["name"].endswith("many.db")
    assert "OpenSearch answers sooner" in note["note"]
