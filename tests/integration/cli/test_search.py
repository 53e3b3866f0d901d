"""`facesearch search` and `compare`: the table, the JSON and the picture."""

import os
import pty
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from facesearch.faces import DetectedFace
from facesearch.fields import fields_of
from facesearch.searching import MAX_PHOTOS, Scope
from facesearch.verdicts import WORDS
from facesearch.vision.detection import MtcnnDetector
from facesearch_local.cli import run
from tests.facenet import confidence
from tests.integration.cli.running import Cli, Start


def test_search_finds_the_person_of_the_query(cli: Cli, train_store: str, sample: Path) -> None:
    query = sample / "val" / "elton_john" / "elton_john_01.jpg"
    ran = cli("search", query, "--store", train_store, "--k", "5")
    assert ran.code == 0
    header, *rows = ran.out.splitlines()
    assert header.split() == ["rank", "photo", "distance", "verdict"]
    assert [row.split()[0] for row in rows] == ["1", "2", "3", "4", "5"]
    assert all(Path(row.split()[1]).is_file() for row in rows)
    assert all(row.split(maxsplit=3)[3] in WORDS.values() for row in rows)
    assert "/train/elton_john/" in rows[0]
    distances = [float(row.split()[2]) for row in rows]
    assert distances == sorted(distances)


def test_look_alikes_stand_below_a_line(cli: Cli, train_store: str, sample: Path) -> None:
    query = sample / "val" / "madonna" / "madonna_01.jpg"
    ran = cli("search", query, "--store", train_store)
    above, below = ran.out.split("-- look-alikes, as near as strangers come", 1)
    assert "look-alike" not in above
    assert "very likely the same person" in above
    assert "very likely" not in below
    found = cli("search", query, "--store", train_store, "--json").json
    assert found["limits"]["basis"] == "measured"
    assert found["limits"]["faces"] == 98
    verdicts = [match["verdict"] for match in found["results"][0]["matches"]]
    assert above.count("very likely the same person") == verdicts.count("very_likely")


def test_photos_of_one_name_can_be_told_apart_and_opened(
    cli: Cli, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for year in ("2023", "2024"):
        (tmp_path / year / "party").mkdir(parents=True)
        shutil.copy(people / "elton.jpg", tmp_path / year / "party" / "me.jpg")
    cli("index", tmp_path / "2023", tmp_path / "2024")
    monkeypatch.chdir(tmp_path)
    rows = cli("search", people / "elton.jpg").out.splitlines()[1:]
    # Both are as near: ids decide, which the folder of the test makes.
    assert {row.split()[1] for row in rows} == {"2023/party/me.jpg", "2024/party/me.jpg"}
    monkeypatch.chdir(people)
    rows = cli("search", people / "elton.jpg").out.splitlines()[1:]
    assert all(Path(row.split()[1]).is_file() for row in rows)


def test_setting_says_what_is_very_likely(
    cli: Cli, train_store: str, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = sample / "val" / "madonna" / "madonna_01.jpg"
    monkeypatch.setenv("FACESEARCH_VERY_LIKELY_DISTANCE", "0.1")
    found = cli("search", query, "--store", train_store, "--json").json
    assert (found["limits"]["very_likely"], found["limits"]["basis"]) == (0.1, "set")
    assert found["results"][0]["matches"][0]["verdict"] == "possible"
    assert cli("compare", query, query).out.startswith("very likely the same person")
    monkeypatch.setenv("FACESEARCH_VERY_LIKELY_DISTANCE", "near")
    ran = cli("search", query, "--store", train_store)
    assert ran.code == 2
    assert "FACESEARCH_VERY_LIKELY_DISTANCE is 'near': use a number from 0 to 2" in ran.err


def test_grid_replaces_no_file_unless_told(cli: Cli, people: Path, tmp_path: Path) -> None:
    cli("index", people)
    grid = tmp_path / "grid.png"
    ran = cli("search", people / "elton.jpg", "--grid", grid)
    assert f"note: the picture is {grid}" in ran.err
    grid.write_bytes(b"mine")
    ran = cli("search", people / "elton.jpg", "--grid", grid)
    assert ran.code == 2
    assert f"{grid} exists: name another file, or add --overwrite" in ran.err
    assert grid.read_bytes() == b"mine"
    assert cli("search", people / "elton.jpg", "--grid", grid, "--overwrite").code == 0
    assert grid.read_bytes() != b"mine"


def test_open_shows_the_picture_or_the_nearest_photo(
    cli: Cli, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("index", people)
    opened: list[str] = []

    def launch(target: str) -> int:
        opened.append(target)
        return 0

    monkeypatch.setattr("click.launch", launch)
    cli("search", people / "elton.jpg", "--open")
    cli("search", people / "elton.jpg", "--grid", tmp_path / "grid.png", "--open")
    assert opened == [str(people / "elton.jpg"), str(tmp_path / "grid.png")]


def test_search_piped_is_aligned_plain_text(cli: Cli, train_store: str, sample: Path) -> None:
    query = sample / "val" / "madonna" / "madonna_01.jpg"
    lines = cli("search", query, "--store", train_store).out.splitlines()
    assert len(lines) == 22
    ends = {re.search(r"\d\.\d{3}(?=  )", line).end() for line in lines if ".jpg" in line}  # type: ignore[union-attr]
    assert len(ends) == 1
    assert "\x1b" not in "".join(lines)


def test_search_json_tells_all_of_a_match(cli: Cli, train_store: str, sample: Path) -> None:
    photo = sample / "train" / "madonna" / "madonna_01.jpg"
    ran = cli("search", photo, "--store", train_store, "--k", "3", "--json")
    found = ran.json
    with Image.open(photo) as image:
        assert (found["photo"]["width"], found["photo"]["height"]) == image.size
    (result,) = found["results"]
    assert len(result["matches"]) == 3
    nearest = result["matches"][0]
    assert nearest["photo_id"] == photo.resolve().as_uri()
    assert nearest["distance"] < 1e-3
    assert nearest["score"] > 0.999
    assert nearest["confidence"] == pytest.approx(confidence(nearest["distance"]), abs=1e-5)
    assert nearest["collection"] == "default"
    assert nearest["box"] == found["faces"][0]["box"]


def test_search_grid_draws_query_and_results(
    cli: Cli, train_store: str, sample: Path, tmp_path: Path
) -> None:
    query = sample / "val" / "elton_john" / "elton_john_01.jpg"
    ran = cli("search", query, "--store", train_store, "--grid", tmp_path / "grid.png")
    assert ran.code == 0
    with Image.open(tmp_path / "grid.png") as grid:
        assert grid.format == "PNG"
        assert grid.width > grid.height > 800


def test_search_grid_looks_for_the_query_s_faces_once(
    train_store: str, models: Path, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[object] = []

    def counted(self: MtcnnDetector, rgb: NDArray[np.uint8]) -> list[DetectedFace]:
        looked.append(rgb)
        return detect(self, rgb)

    detect = MtcnnDetector.detect
    monkeypatch.setattr(MtcnnDetector, "detect", counted)
    monkeypatch.setenv("FACESEARCH_MODELS", str(models))
    query = sample / "val" / "elton_john" / "elton_john_01.jpg"
    grid = tmp_path / "grid.png"
    assert run(["search", str(query), "--store", train_store, "--grid", str(grid)]) == 0
    assert grid.exists()
    assert len(looked) == 1


def test_search_grid_shows_deleted_photos_as_gone(cli: Cli, people: Path, tmp_path: Path) -> None:
    cli("index", people)
    query = shutil.copy(people / "elton.jpg", tmp_path / "query.jpg")
    grids = []
    for name in ("before.png", "after.png"):
        assert cli("search", query, "--grid", tmp_path / name).code == 0
        with Image.open(tmp_path / name) as grid:
            grids.append(np.asarray(grid).astype(int))
        (people / "madonna.jpg").unlink(missing_ok=True)
    before, after = grids
    assert before.shape == after.shape
    changed = np.nonzero((before != after).any(axis=(0, 2)))[0]
    # One tile of four, and nothing else, is another.
    assert 0 < changed.max() - changed.min() < before.shape[1] / 4


def test_search_grid_in_an_unknown_format_is_a_usage_error(
    cli: Cli, people: Path, tmp_path: Path
) -> None:
    cli("index", people)
    ran = cli("search", people / "elton.jpg", "--grid", tmp_path / "grid.xyz")
    assert ran.code == 2
    assert "grid.xyz" in ran.err


def test_search_before_anything_is_indexed_says_so(cli: Cli, people: Path, tmp_path: Path) -> None:
    ran = cli("search", people / "elton.jpg")
    assert ran.code == 1
    assert "index some photos first" in ran.err
    assert not (tmp_path / "faces.db").exists()


def test_search_with_a_missing_photo_names_it(cli: Cli, people: Path) -> None:
    ran = cli("search", people / "nowhere.jpg")
    assert ran.code == 1
    assert ran.err.startswith(f"error: {people / 'nowhere.jpg'}: there is no such file")


def test_search_on_a_terminal_draws_a_table_and_respects_no_color(
    start: Start, cli: Cli, people: Path, tmp_path: Path
) -> None:
    cli("index", people)
    ours, theirs = pty.openpty()
    environ = {**os.environ, "NO_COLOR": "1", "TERM": "xterm", "COLUMNS": "80"}
    process = start(
        "search", people / "elton.jpg", stdout=theirs, stderr=subprocess.PIPE, more_environ=environ
    )
    process.communicate(timeout=60)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert process.returncode == 0
    assert "─" in shown
    assert "elton.jpg" in shown
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", shown), "colours in spite of NO_COLOR"


def test_search_into_a_closed_pipe_ends_without_a_traceback(
    start: Start, cli: Cli, people: Path
) -> None:
    cli("index", people)
    reader, writer = os.pipe()
    os.close(reader)
    process = start("search", people / "elton.jpg", stdout=writer)
    os.close(writer)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert "Exception" not in err


def test_compare_tells_same_from_different(cli: Cli, sample: Path) -> None:
    first, second = (sample / "val" / "mindy_kaling" / f"mindy_kaling_0{n}.jpg" for n in (1, 2))
    other = sample / "val" / "ben_afflek" / "ben_afflek_01.jpg"
    assert cli("compare", first, second).out.startswith("very likely the same person: distance 0.")
    assert cli("compare", first, other).out.startswith("look-alike: distance 1.")


def test_compare_json_of_a_photo_with_itself(cli: Cli, people: Path) -> None:
    ran = cli("compare", "--json", people / "elton.jpg", people / "elton.jpg")
    assert ran.json["same_person"] is True
    assert ran.json["distance"] < 1e-3
    assert ran.json["confidence"] > 0.99
    assert ran.json["one"] == ran.json["other"]
    assert all(threshold["accepted"] for threshold in ran.json["thresholds"])


def group(sample: Path, file: Path) -> Path:
    """A photo of two people, the first the larger."""
    portraits = []
    for person, height in (("madonna", 320), ("elton_john", 260)):
        with Image.open(sample / "val" / person / f"{person}_02.jpg") as image:
            portraits.append(
                image.convert("RGB").resize((height * image.width // image.height, height))
            )
    page = Image.new("RGB", (sum(each.width for each in portraits), 320), "grey")
    page.paste(portraits[0], (0, 0))
    page.paste(portraits[1], (portraits[0].width, 0))
    page.save(file, quality=95)
    return file


def test_search_for_each_face_of_a_photo(
    cli: Cli, train_store: str, sample: Path, tmp_path: Path
) -> None:
    photo = group(sample, tmp_path / "group.jpg")
    options = ("--store", train_store, "--k", "3")
    ran = cli("search", photo, *options, "--face", "all")
    assert ran.code == 0
    assert "the largest was taken" not in ran.err
    found = cli("search", photo, *options, "--face", "all", "--json").json["results"]
    assert ran.out.count("rank") == len(found) >= 2
    people = [{match["photo_id"].split("/")[-2] for match in each["matches"]} for each in found[:2]]
    assert people == [{"madonna"}, {"elton_john"}]
    (second,) = cli("search", photo, *options, "--face", "1", "--json").json["results"]
    assert second == found[1]
    ran = cli("search", photo, *options, "--face", "1", "--grid", tmp_path / "grid.png")
    assert ran.code == 0
    assert ran.out.count("elton_john/") == 3


def test_search_for_a_face_that_is_not_there_names_photo_and_choice(
    cli: Cli, train_store: str, sample: Path
) -> None:
    photo = sample / "val" / "madonna" / "madonna_01.jpg"
    ran = cli("search", photo, "--store", train_store, "--face", "7")
    assert ran.code == 2
    assert f"error: {photo}: face is 7, but the photo has 1" in ran.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--face", "-1"), "use largest, all or a number from 0"),
        (("--face", "biggest"), "use largest, all or a number from 0"),
        (("--max-distance", "-1"), "0<=x<=999999"),
        (("--min-confidence", "101"), "use 0.95, 95 or 95%"),
        (("--grid", "grid.png", "--face", "all"), "choose it by --face"),
        (("another.jpg", "--face", "1"), "--face chooses among the faces of one IMAGE"),
    ],
)
def test_search_options_that_make_no_sense_are_usage_errors(
    cli: Cli, options: tuple[str, ...], message: str
) -> None:
    ran = cli("search", "photo.jpg", *options)
    assert ran.code == 2
    assert message in ran.err


def test_search_with_several_photos_of_one_person(
    cli: Cli, train_store: str, sample: Path, tmp_path: Path
) -> None:
    photos = sorted((sample / "val" / "elton_john").iterdir())[:3]
    ran = cli("search", *photos, "--store", train_store, "--k", "8", "--grid", tmp_path / "g.png")
    assert ran.code == 0
    assert ran.out.count("elton_john/") == 8
    assert (tmp_path / "g.png").stat().st_size > 10_000
    answer = cli("search", *photos, "--store", train_store, "--k", "8", "--json").json
    assert (answer["photo"], answer["faces"]) == (None, [])
    single = cli("search", photos[0], "--store", train_store, "--k", "8", "--json").json
    worst = [each["results"][0]["matches"][-1]["distance"] for each in (answer, single)]
    assert worst[0] < worst[1], "the mean of three is nearer to the person than one of them"


def test_search_shows_only_what_is_near_enough(cli: Cli, train_store: str, sample: Path) -> None:
    photo = sample / "val" / "madonna" / "madonna_01.jpg"
    ran = cli("search", photo, "--store", train_store, "--min-confidence", "0.9", "--json")
    matches = ran.json["results"][0]["matches"]
    assert matches
    assert all(match["confidence"] >= 0.9 for match in matches)
    nothing = cli("search", photo, "--store", train_store, "--max-distance", "0.001")
    assert (nothing.code, nothing.out) == (0, "")
    assert "no face in the store is as near as was asked for" in nothing.err


def test_search_expanded_changes_the_matches_behind_the_sure_ones(
    cli: Cli, train_store: str, sample: Path
) -> None:
    photo = sample / "val" / "jerry_seinfeld" / "jerry_seinfeld_02.jpg"
    options = ("--store", train_store, "--k", "50", "--json")
    plain, expanded = (
        cli("search", photo, *options, *more).json["results"][0]["matches"]
        for more in ((), ("--expand",))
    )
    assert expanded[0] == plain[0]
    assert expanded[-1] != plain[-1]


def test_every_option_of_a_search_is_one_of_the_command_line(cli: Cli, train_store: str) -> None:
    text = cli("search", "--help").out
    for field in fields_of(Scope):
        assert f"--{field.replace('_', '-')}" in text
    (sentence,) = (meta.description for meta in get_args(fields_of(Scope)["expand"])[1:])
    assert sentence in " ".join(text.split())


def test_search_goes_on_where_a_page_ended(cli: Cli, sample: Path, train_store: str) -> None:
    photo = sample / "val" / "madonna" / "madonna_01.jpg"
    search = ("search", photo, "--store", train_store, "--json")
    whole = cli(*search, "--k", "6").json["results"][0]
    page = cli(*search, "--k", "4", "--offset", "2").json["results"][0]
    assert page["matches"] == whole["matches"][2:]
    assert page["next"] == whole["next"] == 6
    nothing = cli(*search, "--metadata", "album=summer")
    assert nothing.json["results"][0]["matches"] == []
    wrong = cli(*search, "--metadata", "album")
    assert (wrong.code, "use NAME=VALUE" in wrong.err) == (2, True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--offset", "50"], "no match in the store is left behind the first 50: lower --offset"),
        (["--metadata", "album=none"], "no face in the store fits what was asked for"),
        (["--min-detection-score", "1"], "no face in the store fits what was asked for"),
    ],
)
def test_search_that_finds_nothing_does_not_say_that_the_store_is_empty(
    cli: Cli, people: Path, options: list[str], said: str
) -> None:
    indexed = cli("index", people)
    assert indexed.code == 0, indexed.err
    ran = cli("search", people / "elton.jpg", *options)
    store = f"The store is {people.parent / 'faces.db'}\n"
    assert (ran.code, ran.out, ran.err) == (0, "", f"{store}note: {said}\n")


def test_search_in_a_collection_that_is_not_there_names_those_that_are(
    cli: Cli, people: Path
) -> None:
    cli("index", people)
    ran = cli("search", people / "elton.jpg", "--collection", "none", "--max-distance", "1")
    assert ran.code == 1
    assert "there is no collection 'none'" in ran.err
    assert "use one of those there are ('default')" in ran.err


def test_search_takes_as_many_photos_as_the_api(cli: Cli, people: Path) -> None:
    cli("index", people)
    photo = people / "elton.jpg"
    assert cli("search", *[photo] * MAX_PHOTOS, "--json").code == 0
    ran = cli("search", *[photo] * (MAX_PHOTOS + 1))
    assert ran.code == 2
    assert "11 photos and faces were given: send at most 10 of one person" in ran.err


def test_search_with_several_photos_and_a_grid_detects_each_once(
    cli: Cli, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("index", people)
    seen = []
    detect = MtcnnDetector.detect

    def counted(self: MtcnnDetector, *arguments: Any) -> Any:
        seen.append(1)
        return detect(self, *arguments)

    monkeypatch.setattr(MtcnnDetector, "detect", counted)
    photo = people / "elton.jpg"
    assert cli("search", photo, photo, "--grid", tmp_path / "grid.png").code == 0
    assert len(seen) == 2


def test_pipes_and_devices_are_refused_by_name(cli: Cli, people: Path) -> None:
    cli("index", people)
    os.mkfifo(people / "pipe.jpg")
    for path in (people / "pipe.jpg", Path("/dev/zero")):
        for arguments in (("search", path), ("compare", people / "elton.jpg", path)):
            ran = cli(*arguments)
            assert ran.code == 2
            assert ran.err == f"error: {path}: it is a pipe or a device: save the photo in a file\n"
        assert str(path) in cli("index", path).err
