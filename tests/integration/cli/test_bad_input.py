"""Bad input: the error names the file and the fix, everything else proceeds, nothing is lost."""

import os
import resource
import shutil
import signal
from pathlib import Path

import pytest
from PIL import Image

from facesearch.stores import open_store
from tests.integration.cli.running import Cli, Start, without_override


def store_of(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/faces.db"


def stored_photos(tmp_path: Path) -> int:
    with open_store(store_of(tmp_path), None) as store:
        return store.counts().photos


@pytest.fixture(scope="session")
def bomb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A valid PNG of 30,000 × 30,000 pixels that is small on disk."""
    file = tmp_path_factory.mktemp("bomb") / "bomb.png"
    Image.new("1", (30_000, 30_000)).save(file, compress_level=1)
    return file


@pytest.fixture
def bad_photos(people: Path, bomb: Path) -> dict[str, str]:
    """Puts bad files among the three good ones; the error code of each by name."""
    (people / "empty.jpg").touch()
    (people / "text.jpg").write_text("These are not the pixels you are looking for.\n")
    whole = (people / "elton.jpg").read_bytes()
    (people / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    shutil.copy(bomb, people / "bomb.png")
    return {
        "empty.jpg": "not_an_image",
        "text.jpg": "not_an_image",
        "truncated.jpg": "damaged_image",
        "bomb.png": "image_too_large",
    }


def test_index_bad_photos_are_named_and_good_ones_stored(
    cli: Cli, people: Path, bad_photos: dict[str, str]
) -> None:
    ran = cli("index", "--json", people)
    assert ran.code == 3
    assert ran.json["photos"] == 3
    failed = {Path(each["name"]).name: each["code"] for each in ran.json["failed"]}
    assert failed == bad_photos
    matches = cli("search", "--json", people / "elton.jpg").json["results"][0]["matches"]
    assert {Path(match["photo_id"]).name for match in matches} == {
        "elton.jpg",
        "madonna.jpg",
        "mindy.jpg",
    }


def test_index_again_tries_only_the_bad_photos(
    cli: Cli, people: Path, bad_photos: dict[str, str]
) -> None:
    cli("index", people)
    ran = cli("index", people)
    assert ran.code == 3
    assert "3 unchanged, 4 failed" in ran.out
    lines = ran.err.splitlines()
    assert len(lines) == 4
    assert all(line.startswith(f"error: {people}/") for line in lines)
    shutil.copy(people / "elton.jpg", people / "text.jpg")
    assert cli("index", "--json", people).json["photos"] == 1


@pytest.mark.parametrize("name", ["empty.jpg", "text.jpg", "truncated.jpg", "bomb.png"])
def test_search_with_a_bad_photo_is_one_line_that_names_it(
    cli: Cli, people: Path, bad_photos: dict[str, str], name: str
) -> None:
    ran = cli("search", people / name)
    assert ran.code == 1
    assert ran.out == ""
    assert ran.err.startswith(f"error: {people / name}: ")
    assert ran.err.count("\n") == 1


def test_compare_names_the_photo_that_is_bad(
    cli: Cli, people: Path, bad_photos: dict[str, str]
) -> None:
    ran = cli("compare", people / "elton.jpg", people / "text.jpg")
    assert ran.code == 1
    assert ran.err.startswith(f"error: {people / 'text.jpg'}: ")


@pytest.fixture
def landscape(tmp_path: Path) -> Path:
    file = tmp_path / "landscape.png"
    Image.linear_gradient("L").resize((400, 300)).save(file)
    return file


def test_index_photo_without_a_face_is_recorded_as_such(
    cli: Cli, landscape: Path, tmp_path: Path
) -> None:
    ran = cli("index", landscape)
    assert ran.code == 0
    assert "1 without a face" in ran.out
    assert stored_photos(tmp_path) == 1
    assert "1 unchanged" in cli("index", landscape).out


def test_search_with_no_face_says_so(cli: Cli, landscape: Path, people: Path) -> None:
    cli("index", people)
    ran = cli("search", landscape)
    assert ran.code == 1
    assert ran.err.startswith(f"error: {landscape}: no face was found")


@pytest.fixture
def crowd(sample: Path, tmp_path: Path) -> Path:
    """Thirty photos in one."""
    photos = [*sorted(sample.glob("val/*/*.jpg")), *sorted(sample.glob("train/*/*_01.jpg"))]
    picture = Image.new("RGB", (6 * 200, 5 * 200))
    for place, photo in enumerate(photos[:30]):
        with Image.open(photo) as image:
            across, down = place % 6 * 200, place // 6 * 200
            picture.paste(image.convert("RGB").resize((200, 200)), (across, down))
    file = tmp_path / "crowd.png"
    picture.save(file)
    return file


def test_index_finds_all_thirty_faces_of_a_crowd(cli: Cli, crowd: Path) -> None:
    ran = cli("index", "--json", crowd)
    assert ran.code == 0
    assert ran.json["photos"] == 1
    assert ran.json["faces"] >= 30


def test_search_with_a_crowd_says_how_many_faces_were_left_aside(cli: Cli, crowd: Path) -> None:
    indexed = cli("index", "--json", crowd).json["faces"]
    ran = cli("search", "--k", "1", crowd)
    assert ran.code == 0
    assert f"note: {crowd} has {indexed} faces" in ran.err
    assert f"{indexed - 1} others" in ran.err


def test_unreadable_photo_and_folder_are_named_and_kept(
    cli: Cli, start: Start, people: Path, tmp_path: Path
) -> None:
    locked = people / "locked"
    locked.mkdir()
    shutil.copy(people / "elton.jpg", locked / "inside.jpg")
    assert cli("index", people).code == 0
    (people / "secret.jpg").write_bytes((people / "elton.jpg").read_bytes())
    (people / "secret.jpg").chmod(0)
    locked.chmod(0)
    try:
        options = {"preexec_fn": without_override} if os.geteuid() == 0 else {}
        process = start("index", people, **options)
        out, err = process.communicate(timeout=60)
    finally:
        locked.chmod(0o700)
    assert process.returncode == 3, err
    assert f"error: {people / 'secret.jpg'}: permission denied" in err
    assert f"error: {locked}: permission denied" in err
    assert "removed" not in out
    assert stored_photos(tmp_path) == 4


def test_index_missing_folder_is_named_and_others_proceed(cli: Cli, people: Path) -> None:
    ran = cli("index", people.parent / "nowhere", people)
    assert ran.code == 3
    assert ran.out.startswith("3 photos")
    assert f"error: {people.parent / 'nowhere'}: there is no such file or folder" in ran.err


def test_index_folder_without_photos_says_so(cli: Cli, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    ran = cli("index", empty)
    assert ran.code == 1
    assert f"error: {empty}: there are no photos in this folder" in ran.err


def test_store_of_another_recipe_is_refused_and_kept(
    cli: Cli, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("index", people).code == 0
    monkeypatch.setenv("FACESEARCH_EMBEDDER", "facenet-fp32")
    for arguments in (("index", people), ("search", people / "elton.jpg")):
        ran = cli(*arguments)
        assert ran.code == 1
        assert "recipe" in ran.err
        assert "Traceback" not in ran.err
    assert stored_photos(tmp_path) == 3
    assert cli("export", tmp_path / "faces.csv").code == 0


@pytest.mark.parametrize("command", ["index", "search"])
def test_store_that_is_not_a_database_is_refused_and_kept(
    cli: Cli, people: Path, tmp_path: Path, command: str
) -> None:
    diary = tmp_path / "faces.db"
    diary.write_text("Dear diary, " * 1000)
    ran = cli(command, people / "elton.jpg")
    assert ran.code == 1
    assert str(diary) in ran.err
    assert "Traceback" not in ran.err
    assert diary.read_text().startswith("Dear diary, ")


@pytest.mark.parametrize("k", ["0", "101", "-1", "few"])
def test_search_with_impossible_k_is_a_usage_error(cli: Cli, people: Path, k: str) -> None:
    ran = cli("search", "--k", k, people / "elton.jpg")
    assert ran.code == 2
    assert ran.err.startswith("error: Invalid value for '--k'")
    assert ran.err.count("\n") == 1


def test_store_url_that_is_none_is_a_usage_error(cli: Cli, people: Path) -> None:
    ran = cli("index", "--store", "mysql://joe:secret@host/faces", people)
    assert ran.code == 2
    assert "'mysql://host/faces'" in ran.err


def small_disk(limit: int) -> None:
    """In a child: no file may grow beyond `limit` bytes, which programs meet like a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


@pytest.mark.slow
def test_index_on_a_full_disk_stops_clearly_and_loses_nothing(
    cli: Cli, start: Start, people: Path, sample: Path, tmp_path: Path
) -> None:
    assert cli("index", people).code == 0
    limit = (tmp_path / "faces.db").stat().st_size
    process = start(
        "index", sample / "train", "--workers", "1", preexec_fn=lambda: small_disk(limit)
    )
    _, err = process.communicate(timeout=60)
    assert process.returncode in (1, 3)
    assert "Traceback" not in err
    assert "full" in err or "room" in err
    kept = stored_photos(tmp_path)
    assert kept >= 3
    ran = cli("index", people)
    assert "3 unchanged" in ran.out
    ran = cli("index", "--json", sample / "train")
    assert ran.code == 0
    assert ran.json["photos"] + ran.json["unchanged"] == 93


# SQLite's shared memory takes 32 kB even when it only reads; what is written is larger.
ROOM_TO_READ = 40_000


@pytest.mark.parametrize("name", ["faces.csv", "faces.parquet", "faces.npz"])
def test_export_on_a_full_disk_leaves_the_former_file(
    start: Start, train_store: str, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("the former export")
    process = start(
        "export", tmp_path / name, "--store", train_store,
        preexec_fn=lambda: small_disk(ROOM_TO_READ),
    )  # fmt: skip
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.startswith(f"error: {tmp_path / name} cannot be written")
    assert err.count("\n") == 1
    assert (tmp_path / name).read_text() == "the former export"
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_grid_on_a_full_disk_still_prints_the_table(
    start: Start, train_store: str, sample: Path, tmp_path: Path
) -> None:
    process = start(
        "search", sample / "val" / "madonna" / "madonna_01.jpg", "--store", train_store,
        "--grid", tmp_path / "grid.png",
        preexec_fn=lambda: small_disk(ROOM_TO_READ),
    )  # fmt: skip
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert out.count(".jpg") == 20
    assert f"error: {tmp_path / 'grid.png'} cannot be written" in err
    assert not list(tmp_path.iterdir())
