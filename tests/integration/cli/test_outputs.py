"""What commands write never takes the place of a pipe, a socket or a device."""

import os
import stat
from pathlib import Path

import pytest

from tests.integration.cli.running import Cli


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("copy.db", ["backup", "--force"]),
        ("copy.db", ["backup"]),
        ("faces.parquet", ["export"]),
        ("faces.csv", ["export"]),
        ("faces.npz", ["export"]),
        ("grid.png", ["search", "{people}/elton.jpg", "--grid"]),
        ("state", ["backfill", "s3://photos", "--state"]),
        ("report.md", ["evaluate", "{people}", "--output"]),
    ],
)
@pytest.mark.parametrize("linked", [False, True])
def test_output_to_what_is_no_file_is_refused_by_name(
    cli: Cli, people: Path, tmp_path: Path, name: str, arguments: list[str], linked: bool
) -> None:
    for each in ("one", "two"):
        (people / each).mkdir()
        for number in range(2):
            (people / each / f"{number}.jpg").write_bytes((people / "elton.jpg").read_bytes())
    cli("index", people / "elton.jpg")
    out = tmp_path / "out"
    out.mkdir()
    target = pipe = out / name
    if linked:
        pipe = out / "pipe"
        target.symlink_to(pipe)
    os.mkfifo(pipe)
    before = {each.name: each.lstat().st_ino for each in out.iterdir()}
    ran = cli(*(each.format(people=people) for each in arguments), target)
    assert (ran.code, ran.out) == (1, "")
    assert "cannot be written (it is a device or a pipe, not a file)" in ran.err
    assert str(out) in ran.err
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    assert {each.name: each.lstat().st_ino for each in out.iterdir()} == before


def test_store_that_is_no_file_is_refused(cli: Cli, people: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for arguments in (["status"], ["index", people], ["search", people / "elton.jpg"]):
        ran = cli(*arguments, "--store", f"sqlite:///{pipe}")
        assert ran.code == 1
        assert f"'{pipe}' is a device or a pipe: name a file" in ran.err
    assert pipe.is_fifo()
