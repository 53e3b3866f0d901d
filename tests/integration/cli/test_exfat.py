"""Photos on exFAT, as on sticks and memory cards: no case of names, and often not there."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from facesearch.stores import open_store
from tests.integration.cli.running import Cli


@pytest.fixture
def stick(tmp_path: Path) -> Iterator[Path]:
    """An empty exFAT file system; skips where none can be mounted."""
    image, mounted = tmp_path / "stick.img", tmp_path / "stick"
    mounted.mkdir()
    with image.open("wb") as file:
        file.truncate(40 * 2**20)
    device = ""
    try:
        _run("mkfs.exfat", str(image))
        device = _run("losetup", "-f", "--show", str(image)).strip()
        _run("mount.exfat-fuse", device, str(mounted))
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        if device:
            _run("losetup", "-d", device)
        # It takes root, too: not everywhere can be made to have it.
        pytest.skip(f"exFAT cannot be mounted here ({error}): install exfat-fuse and exfatprogs")
    yield mounted
    _run("umount", str(mounted))
    _run("losetup", "-d", device)


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("renamed", ["img_0001.jpg", "other.jpg"])
def test_photo_renamed_in_case_is_one_photo(
    cli: Cli, people: Path, stick: Path, tmp_path: Path, renamed: str
) -> None:
    folder = stick / "Pictures"
    folder.mkdir()
    shutil.copy(people / "elton.jpg", folder / "IMG_0001.JPG")
    cli("index", "--collection", "party", stick)
    (folder / "IMG_0001.JPG").rename(folder / "x")
    (folder / "x").rename(folder / renamed)
    assert cli("index", "--json", stick).json["moved"] == 1
    assert cli("index", "--json", stick / "pictures").json["unchanged"] == 1
    folder.rename(stick / "y")
    (stick / "y").rename(stick / "PICTURES")
    assert cli("index", "--json", stick).json["moved"] == 1
    with open_store(f"sqlite:///{tmp_path}/faces.db", None) as store:
        (listed,) = store.photos()
    assert listed.photo.photo_id == (stick / "PICTURES" / renamed).as_uri()
    assert listed.photo.collection == "party"


def test_photos_of_a_stick_pulled_out_of_a_folder_stay(
    cli: Cli, people: Path, stick: Path, tmp_path: Path
) -> None:
    folder = stick.parent
    shutil.copy(people / "elton.jpg", stick / "elton.jpg")
    assert cli("index", "--json", folder).json["photos"] == 4
    _run("umount", str(stick))
    try:
        ran = cli("index", "--json", folder)
        assert ran.code == 3
        assert (ran.json["removed"], ran.json["not_removed"]) == (0, 1)
        assert ran.json["failed"][0]["name"] == str(stick)
    finally:
        device = _run("losetup", "-j", str(tmp_path / "stick.img")).partition(":")[0]
        _run("mount.exfat-fuse", device, str(stick))
    assert cli("index", "--json", folder).json["unchanged"] == 4
    (stick / "elton.jpg").unlink()
    assert cli("index", "--json", folder).json["removed"] == 1
