"""`facesearch evaluate` on the sample's photos: figures, report, cache, bad input, interruption."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from facesearch.vision.models import CENTERFACE, SHA256
from facesearch_local.cli import fetching
from tests.integration.cli.running import Cli, Start

KEYS = {
    "photos": None,
    "people": None,
    "people_with_several": None,
    "pairs": None,
    "seed": None,
    "systems": {
        *("system", "recipe", "dimensions", "ms_a_photo", "photos", "detected"),
        *("identification", "verification", "distances", "reliability", "calibration"),
        *("open_set", "several_photos"),
    },
    "not_run": None,
    "by_group": None,
    "failed": None,
    "made_with": None,
    "seconds": None,
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared by these tests: the sample's photos are embedded once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def few(sample: Path, tmp_path: Path) -> Path:
    """Copies of three photos of two people each, and one of a third."""
    folder = tmp_path / "few"
    for person, count in (("elton_john", 3), ("madonna", 3), ("mindy_kaling", 1)):
        (folder / person).mkdir(parents=True)
        for photo in sorted((sample / "val" / person).iterdir())[:count]:
            shutil.copy(photo, folder / person)
    return folder


def test_json_has_the_figures_under_stable_keys(cli: Cli, sample: Path, cache: Path) -> None:
    ran = cli("evaluate", sample / "train", "--recipe", "facenet", "--cache", cache, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert set(ran.json) == set(KEYS)
    (facenet,) = ran.json["systems"]
    assert set(facenet) == KEYS["systems"]
    assert (ran.json["photos"], ran.json["people"]) == (93, 5)
    assert facenet["system"] == "facenet"
    assert facenet["detected"] == 1
    assert facenet["identification"]["queries"] == 93
    assert facenet["identification"]["rank_1"] >= 0.98
    assert facenet["verification"]["accuracy"] >= 0.95
    assert facenet["distances"]["same_mean"] < 1 < facenet["distances"]["different_mean"]
    # Everybody has several photos: nobody plays the impostor.
    assert facenet["open_set"] is None
    assert [each["photos"] for each in facenet["several_photos"]] == [1, 2, 3, 5]
    assert facenet["ms_a_photo"] > 1


def test_folders_that_are_no_people_are_told(
    cli: Cli, sample: Path, cache: Path, tmp_path: Path
) -> None:
    people = sorted((sample / "train").iterdir())
    for number, photo in enumerate(sorted((sample / "train").glob("*/*.jpg"))):
        album = tmp_path / "albums" / f"201{number % 5}"
        album.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, album)
    told = "if the folders are not people, the figures mean nothing"
    assert len(people) == 5
    assert told in cli("evaluate", tmp_path / "albums", "--cache", cache, "--quiet").err
    assert told not in cli("evaluate", sample / "train", "--cache", cache, "--quiet").err


def test_second_run_needs_no_model_and_says_the_same(
    cli: Cli, sample: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("evaluate", sample / "train", "--recipe", "facenet", "--cache", cache, "--json")
    first = cli(*command).json
    monkeypatch.setenv("FACESEARCH_MODELS", str(tmp_path / "nothing"))
    assert cli(*command).json["systems"] == first["systems"]


def test_report_shows_pictures_that_are_there_and_how_it_was_made(
    cli: Cli, sample: Path, cache: Path, tmp_path: Path
) -> None:
    report = tmp_path / "out" / "MINE.md"
    groups = tmp_path / "groups.csv"
    groups.write_text("person,group\nelton_john,men\njerry_seinfeld,men\nmadonna,women\n")
    ran = cli(
        *("evaluate", sample / "train", "--recipe", "facenet", "--cache", cache),
        *("--output", report, "--groups", groups),
    )
    assert ran.code == 0
    assert "98.92" in ran.out
    text = report.read_text()
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert {"mine/roc.png", "mine/cmc.png", "mine/distances.png", "mine/precision_recall.png"} <= {
        *pictures
    }
    for picture in pictures:
        with Image.open(report.parent / picture) as image:
            assert min(image.size) >= 100
    assert sorted(pictures) == sorted(
        f"mine/{file.name}" for file in (tmp_path / "out/mine").iterdir()
    )
    for said in ("| men | 2 |", "| women | 1 |", "What these figures cannot show", "ONNX Runtime"):
        assert said in text


def test_damaged_photo_is_named_and_counts_as_missed(cli: Cli, few: Path, cache: Path) -> None:
    damaged = few / "madonna" / "damaged.jpg"
    damaged.write_bytes((few / "madonna" / "madonna_01.jpg").read_bytes()[:2000])
    command = ("evaluate", few, "--recipe", "facenet", "--cache", cache, "--json")
    ran = cli(*command)
    assert ran.code == 3
    (failed,) = ran.json["failed"]
    assert failed["name"] == str(damaged)
    assert failed["code"] == "damaged_image"
    (facenet,) = ran.json["systems"]
    assert facenet["detected"] == pytest.approx(7 / 8)
    assert facenet["identification"]["queries"] == 7
    # Once it is whole again, it is looked at again.
    shutil.copy(few / "madonna" / "madonna_02.jpg", damaged)
    assert cli(*command).json["systems"][0]["detected"] == 1


def test_too_few_photos_for_pairs_still_give_identification(
    cli: Cli, few: Path, cache: Path
) -> None:
    ran = cli("evaluate", few, "--recipe", "facenet", "--cache", cache, "--json")
    assert ran.code == 0
    (facenet,) = ran.json["systems"]
    assert (ran.json["pairs"], facenet["verification"], facenet["distances"]) == (None,) * 3
    assert facenet["identification"]["rank_1"] == 1
    assert facenet["open_set"]["impostors"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere cannot be read"),
        (["few/madonna"], "fewer than two people"),
        (["few", "--recipe", "facesnet"], "there is no recipe 'facesnet': use "),
        (["few", "--pairs", "pairs.txt"], "pairs.txt, line 2: there is no photo eve/eve_0001"),
        (["few", "--groups", "groups.csv"], "groups.csv, line 1: the columns are not"),
        (["few", "--limit-people", "1"], "--limit-people"),
    ],
)
def test_bad_input_is_named(
    cli: Cli, few: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(few.parent)
    Path("pairs.txt").write_text("2\t1\neve\t1\t2\n")
    Path("groups.csv").write_text("who,what\n")
    ran = cli("evaluate", "--recipe", "facenet", *arguments)
    assert ran.code == 2
    assert message in ran.err
    assert ran.out == ""


def test_report_that_cannot_be_written_is_told_before_the_work(
    cli: Cli, few: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    ran = cli("evaluate", few, "--recipe", "facenet", "--output", tmp_path / "file" / "report")
    assert ran.code == 1
    assert "cannot be written" in ran.err


def test_missing_models_stop_the_system_not_the_command(
    cli: Cli, few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACESEARCH_MODELS", str(tmp_path / "nothing"))
    ran = cli("evaluate", few, "--recipe", "facenet", "--cache", tmp_path / "cache")
    assert ran.code == 1
    assert "facenet did not run: model" in ran.err
    assert "facesearch models build" in ran.err


def test_damaged_cache_is_named(cli: Cli, few: Path, cache: Path, tmp_path: Path) -> None:
    command = ("evaluate", few, "--recipe", "facenet", "--cache", tmp_path / "cache")
    assert cli(*command).code == 0
    (file,) = (tmp_path / "cache").iterdir()
    file.write_bytes(b"not a database, not at all" * 100)
    ran = cli(*command)
    assert ran.code == 1
    assert f"the cache {file} cannot be used" in ran.err


@pytest.mark.slow
def test_interrupted_run_is_resumed(start: Start, cli: Cli, sample: Path, tmp_path: Path) -> None:
    folder, cache = tmp_path / "many", tmp_path / "cache"
    for copy in range(4):
        for person in (sample / "train").iterdir():
            shutil.copytree(person, folder / f"{person.name}{copy}")
    command = ("evaluate", folder, "--recipe", "facenet", "--cache", cache, "--json")
    process = start(*command, "--workers", "2", start_new_session=True)
    deadline = time.monotonic() + 60
    while kept(cache) == 0:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "run the same command" in err
    assert "Traceback" not in err
    assert 0 < kept(cache) < 372
    ran = cli(*command)
    assert ran.code == 0
    assert ran.json["systems"][0]["photos"] == 372
    assert kept(cache) == 372


def kept(cache: Path) -> int:
    """Photos in the cache by now."""
    for file in cache.glob("*.sqlite"):
        database = sqlite3.connect(file, timeout=30)
        try:
            return int(database.execute("SELECT count(*) FROM photos").fetchone()[0])
        except sqlite3.OperationalError:
            return 0  # not set up yet
        finally:
            database.close()
    return 0


@pytest.mark.parametrize("package", ["sklearn", "scipy"])
def test_without_its_extra_it_says_how_to_install_it(package: str, few: Path) -> None:
    hidden = f"import sys; sys.modules[{package!r}] = None; from facesearch_local.cli import main; "
    for arguments, code in ((["evaluate", few], 2), (["evaluate", "--help"], 0)):
        ended = subprocess.run(
            [sys.executable, "-c", f"{hidden}main()", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == code, ended.stderr
        assert ("-r requirements-evaluate.txt" in ended.stderr) == (code == 2)
    assert "Traceback" not in ended.stderr


def test_networks_of_every_recipe_that_is_evaluated_are_fetched(
    cli: Cli, few: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "models"
    asked: list[str] = []
    folder.mkdir()
    for name in SHA256:
        (folder / f"{name}.onnx").symlink_to(models / f"{name}.onnx")
    monkeypatch.setenv("FACESEARCH_MODELS", str(folder))
    monkeypatch.setattr(fetching, "default_models", lambda: folder)
    monkeypatch.setattr(fetching, "build_network", lambda _, name, **__: asked.append(name))
    cli(
        "evaluate",
        few,
        "--recipe",
        "facenet",
        "--recipe",
        "facenet-centerface",
        "--cache",
        tmp_path,
    )
    assert asked == [CENTERFACE]
