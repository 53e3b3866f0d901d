"""`facesearch watch`: the store follows the folder while it runs, and from one run to the next."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import pytest

from facesearch_local.cli.watch import updates_due
from tests.integration.cli.running import Cli, Start

PATIENCE_S = 40

Watch = Callable[[], "Watcher"]


class Watcher:
    """A running `facesearch watch --json`; `next` is what it tells of the next update."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._lines: Queue[str] = Queue()
        Thread(target=self._read, daemon=True).start()

    def next(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self._lines.get(timeout=PATIENCE_S))
        return told

    def stop(self, number: int) -> int:
        self._process.send_signal(number)
        return self._process.wait(PATIENCE_S)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)


@pytest.fixture
def folder(sample: Path, tmp_path: Path) -> Path:
    """Five photos, and twelve of others."""
    folder = tmp_path / "people"
    shutil.copytree(sample / "val/elton_john", folder / "elton")
    for photo in sorted((sample / "train/madonna").glob("*.jpg"))[:12]:
        (folder / "madonna").mkdir(exist_ok=True)
        shutil.copy(photo, folder / "madonna")
    return folder


@pytest.fixture
def watch(start: Start, folder: Path) -> Watch:
    return lambda: Watcher(start("watch", "--json", "--workers", "1", folder))


def test_watch_follows_new_changed_moved_and_deleted_photos(
    watch: Watch, folder: Path, sample: Path, cli: Cli
) -> None:
    watcher = watch()
    assert watcher.next()["photos"] == 17
    new = next((sample / "val/madonna").glob("*.jpg"))
    shutil.copy(new, folder / "new.jpg")
    assert watcher.next()["photos"] == 1
    (folder / "new.jpg").rename(folder / "elton/renamed.jpg")
    assert watcher.next()["moved"] == 1
    (folder / "elton/renamed.jpg").unlink()
    assert watcher.next()["removed"] == 1
    assert watcher.stop(signal.SIGINT) == 0
    assert cli("status", "--json").json["photos"] == 17


def test_watch_never_forgets_in_mass(watch: Watch, folder: Path, cli: Cli) -> None:
    watcher = watch()
    watcher.next()
    shutil.rmtree(folder / "madonna")
    told = watcher.next()
    assert (told["removed"], told["not_removed"]) == (0, 12)
    next((folder / "elton").glob("*.jpg")).rename(folder / "renamed.jpg")
    assert watcher.next()["moved"] == 1
    assert watcher.stop(signal.SIGTERM) == 0
    assert cli("status", "--json").json["photos"] == 17


def test_watch_waits_until_a_photo_is_written(watch: Watch, folder: Path, sample: Path) -> None:
    watcher = watch()
    watcher.next()
    data = next((sample / "val/madonna").glob("*.jpg")).read_bytes()
    with (folder / "slow.jpg").open("wb") as file:
        for start in range(0, len(data), len(data) // 8):
            file.write(data[start : start + len(data) // 8])
            file.flush()
            time.sleep(0.6)
    told = watcher.next()
    assert (told["photos"], told["failed"], told["notes"]) == (1, [], [])
    assert watcher.stop(signal.SIGINT) == 0


def test_watch_follows_a_link_that_was_made_meanwhile(
    watch: Watch, folder: Path, sample: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    watcher = watch()
    watcher.next()
    first, second = sorted((sample / "val/madonna").glob("*.jpg"))[:2]
    shutil.copy(first, elsewhere)
    (folder / "link").symlink_to(elsewhere)
    assert watcher.next()["photos"] == 1
    time.sleep(12)  # It looks by itself at first, and watches what the link leads to by then.
    shutil.copy(second, elsewhere)
    assert watcher.next()["photos"] == 1
    assert watcher.stop(signal.SIGINT) == 0


def test_watch_that_is_stopped_while_it_indexes_says_so(
    start: Start, folder: Path, cli: Cli, tmp_path: Path
) -> None:
    for number in range(12):
        shutil.copytree(folder, tmp_path / f"people/copies/{number}", ignore=_copies)
    process = start("watch", "--json", "--workers", "1", folder)
    deadline = time.monotonic() + PATIENCE_S
    while cli("status", "--json").code or not cli("status", "--json").json["photos"]:
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "run the same command" in err
    told = json.loads(out)
    assert told["photos"] == cli("status", "--json").json["photos"] < 17 * 13


def _copies(_: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "copies"]


def test_watch_outlives_its_folder_and_sees_what_changed_before_it_started(
    watch: Watch, folder: Path, tmp_path: Path
) -> None:
    watcher = watch()
    watcher.next()
    folder.rename(tmp_path / "unmounted")
    assert watcher.next()["not_removed"] == 17
    (tmp_path / "unmounted").rename(folder)
    next((folder / "elton").glob("*.jpg")).rename(folder / "renamed.jpg")
    assert watcher.next()["moved"] == 1
    watcher.stop(signal.SIGINT)
    next((folder / "elton").glob("*.jpg")).unlink()
    again = watch()
    assert again.next()["removed"] == 1
    assert again.stop(signal.SIGINT) == 0


@pytest.mark.parametrize("goes", [True, False])
def test_a_folder_that_goes_or_comes_during_an_update_is_looked_at_again(
    tmp_path: Path, goes: bool
) -> None:
    folder, away = tmp_path / "people", tmp_path / "unmounted"
    (folder if goes else away).mkdir()
    due = updates_due([folder])
    next(due)
    if goes:
        folder.rename(away)
    else:
        away.rename(folder)
    again: Queue[object] = Queue()
    Thread(target=lambda: again.put(next(due)), daemon=True).start()
    again.get(timeout=PATIENCE_S)
