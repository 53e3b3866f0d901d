"""Every curl that the README shows, run against a server."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import missing

README = Path(__file__).parents[2] / "README.md"
LOCAL = "http://127.0.0.1:8000"
"""The address that examples for `facesearch serve` name."""

EXAMPLES = """
curl --data-binary @portrait.jpg -H 'Content-Type: image/jpeg' 'http://127.0.0.1:8000/v1/search?k=5'
curl -F photo=@one.jpg -F photo=@two.jpg -F k=5 http://127.0.0.1:8000/v1/search
curl -F photo=@group.jpg 'http://127.0.0.1:8000/v1/search?face=all&include=boxes,thumbnails'
curl --json '{"face_id": "FACE_ID", "min_confidence": 0.9}' http://127.0.0.1:8000/v1/search
curl 'http://127.0.0.1:8000/v1/faces/FACE_ID/matches?k=100&offset=0&metadata.number=1'
curl 'http://127.0.0.1:8000/v1/faces/FACE_ID?include=thumbnails'
curl -o face.jpg http://127.0.0.1:8000/v1/faces/FACE_ID/thumbnail
curl -F photo=@group.jpg http://127.0.0.1:8000/v1/detect
curl -F one=@one.jpg -F other=@two.jpg http://127.0.0.1:8000/v1/compare
curl 'http://127.0.0.1:8000/v1/photos?limit=10'
curl http://127.0.0.1:8000/v1/collections
curl http://127.0.0.1:8000/v1/health
curl http://127.0.0.1:8000/v1/version
curl http://127.0.0.1:8000/openapi.json
""".strip().splitlines()


def of_readme() -> Iterator[str]:
    """Commands in its console blocks, whole, that ask a server on this machine."""
    for block in re.findall(r"```console\n(.*?)```", README.read_text("utf-8"), re.DOTALL):
        for command in block.replace("\\\n", " ").splitlines():
            if command.startswith("$ curl") and LOCAL in command:
                yield command.removeprefix("$ ")


@pytest.fixture(scope="module")
def folder(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the examples' photos are."""
    if shutil.which("curl") is None:
        missing("there is no curl")
    folder = tmp_path_factory.mktemp("curl")
    people = sample / "val" / "elton_john"
    for name in ("portrait.jpg", "friend.jpg", "one.jpg", "group.jpg"):
        shutil.copyfile(people / "elton_john_01.jpg", folder / name)
    shutil.copyfile(sorted(people.iterdir())[1], folder / "two.jpg")
    return folder


def run(command: str, folder: Path) -> str:
    # A user's own settings of curl are none of ours.
    done = subprocess.run(
        ["curl", "-q", "--silent", "--show-error", "--fail-with-body", *shlex.split(command)[1:]],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def face_id(served: str, folder: Path) -> str:
    found = re.search(
        r'"face_id":\s*"([^"]+)"', run(f"curl -F photo=@one.jpg {served}/v1/search", folder)
    )
    assert found
    return found[1]


@pytest.mark.parametrize("command", [*EXAMPLES, *of_readme()])
def test_example_is_answered(command: str, served: str, folder: Path, face_id: str) -> None:
    # "…" stands for an id where a README has no room for one.
    filled = re.sub("FACE_ID|…", face_id, command)
    printed = run(filled.replace(LOCAL, served), folder)
    assert printed or list(folder.glob("face.jpg"))
