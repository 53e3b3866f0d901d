"""`facesearch search` and `compare`: the table, the JSON and the picture."""

import os
import pty
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facesearch.confidence import confidence
from tests.integration.cli.running import Cli, Start


def test_search_finds_the_person_of_the_query(cli: Cli, train_store: str, sample: Path) -> None:
    query = sample / "val" / "elton_john" / "elton_john_01.jpg"
    ran = cli("search", query, "--store", train_store, "--k", "5")
    assert ran.code == 0
    header, *rows = ran.out.splitlines()
    assert header.split() == ["rank", "name", "distance", "confidence"]
    assert [row.split()[0] for row in rows] == ["1", "2", "3", "4", "5"]
    assert all(re.fullmatch(r"elton_john/elton_john_\d\d\.jpg", row.split()[1]) for row in rows)
    distances = [float(row.split()[2]) for row in rows]
    assert distances == sorted(distances)


def test_search_piped_is_aligned_plain_text(cli: Cli, train_store: str, sample: Path) -> None:
    query = sample / "val" / "madonna" / "madonna_01.jpg"
    lines = cli("search", query, "--store", train_store).out.splitlines()
    assert len(lines) == 21
    assert len({len(line) for line in lines}) == 1
    assert "\x1b" not in "".join(lines)


def test_search_json_tells_all_of_a_match(cli: Cli, train_store: str, sample: Path) -> None:
    photo = sample / "train" / "madonna" / "madonna_01.jpg"
    ran = cli("search", photo, "--store", train_store, "--k", "3", "--json")
    found = ran.json
    with Image.open(photo) as image:
        assert (found["photo"]["width"], found["photo"]["height"]) == image.size
    assert len(found["matches"]) == 3
    nearest = found["matches"][0]
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
    assert cli("compare", first, second).out.startswith("same person: distance 0.")
    assert cli("compare", first, other).out.startswith("different people: distance 1.")


def test_compare_json_of_a_photo_with_itself(cli: Cli, people: Path) -> None:
    ran = cli("compare", "--json", people / "elton.jpg", people / "elton.jpg")
    assert ran.json["same_person"] is True
    assert ran.json["distance"] < 1e-3
    assert ran.json["confidence"] > 0.99
