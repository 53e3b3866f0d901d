"""`facesearch serve` without a word: photos can be added on one's own machine, nowhere else."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from facesearch.photos.folder import photo_path


@contextmanager
def started(
    models: Path, home: Path, environ: Mapping[str, str], *options: str
) -> Iterator[tuple[str, dict[str, str]]]:
    """The server's address, and the headers with its key, if it made one up."""
    cleared = {name: text for name, text in os.environ.items() if not name.startswith("FACESEARCH")}
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "facesearch_local.cli",
            "serve",
            "--port=0",
            "--workers=1",
            *options,
        ],
        env={
            **cleared,
            "FACESEARCH_MODELS": str(models),
            "HOME": str(home),
            "XDG_DATA_HOME": str(home),
            **environ,
        },
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.search(r"listening on http://\S+:(\d+)", line)
        assert found, line + process.stdout.read()
        headers = {}
        if "0.0.0.0" in options:  # noqa: S104
            headers = {"X-Api-Key": process.stdout.readline().rsplit(" ", 1)[1].strip()}
        yield f"http://127.0.0.1:{found[1]}", headers
    finally:
        process.terminate()
        process.communicate(timeout=30)


def takes_photos(address: str, headers: dict[str, str]) -> bool:
    asked = {"filename": "a.jpg", "content_type": "image/jpeg", "size": 1000}
    answer = requests.post(f"{address}/v1/uploads", json=asked, headers=headers, timeout=30)
    assert answer.status_code in (201, 409), answer.text
    return answer.status_code == 201


def test_photos_can_be_added_beside_ones_own_store(
    models: Path, sample: Path, tmp_path: Path
) -> None:
    data = (sample / "val/madonna/madonna_01.jpg").read_bytes()
    with started(models, tmp_path, {}) as (address, _):
        asked = {"filename": "me.jpg", "content_type": "image/jpeg", "size": len(data)}
        form = requests.post(f"{address}/v1/uploads", json=asked, timeout=30).json()
        path = Path(photo_path(form["photo_id"]))
        assert path.is_relative_to(tmp_path / "facesearch" / "photos")
        sent = requests.post(
            f"{address}/{form['url']}", form["fields"], files={"file": data}, timeout=60
        )
        assert sent.status_code == 204
        assert path.read_bytes() == data
        assert (path.parents[1].stat().st_mode & 0o777) == 0o700


@pytest.mark.parametrize("kept_out", ["off", "another store", "other machines"])
def test_nobody_adds_photos_unasked_elsewhere(models: Path, tmp_path: Path, kept_out: str) -> None:
    environ, options = {
        "off": ({"FACESEARCH_UPLOADS": "off"}, []),
        "another store": ({"FACESEARCH_STORE": f"sqlite:///{tmp_path}/other.db"}, []),
        "other machines": ({}, ["--host", "0.0.0.0"]),  # noqa: S104
    }[kept_out]
    with started(models, tmp_path, environ, *options) as (address, headers):
        assert not takes_photos(address, headers)
