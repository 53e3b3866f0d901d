"""The image for a laptop, built from a base image that is there, and `docker compose up`."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from facesearch_local.client import ApiError, FaceSearchClient
from tests.conftest import missing
from tests.integration.base_image import BASE, STAND_IN
from tests.integration.wheelhouse import Unavailable, download_wheels, links

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
KEY = "of the test"
PATIENCE_S = 240.0


def there(*command: str) -> bool:
    """Whether a command can be run, and succeeds."""
    return (
        shutil.which(command[0]) is not None
        and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


@pytest.fixture(scope="module")
def base() -> str:
    """FACESEARCH_BASE_IMAGE, or one of those that have the right Python."""
    if not there("docker", "info"):
        missing("there is no Docker: the image for a laptop is not built")
    asked = os.environ.get("FACESEARCH_BASE_IMAGE")
    for image in (asked,) if asked else (BASE, STAND_IN):
        if there("docker", "image", "inspect", image):
            return image
    missing(f"no {BASE} is here: pull it, or run python -m tests.integration.base_image")
    raise AssertionError


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The pinned packages for the image's Python, as a page of links on loopback."""
    folder = tmp_path_factory.mktemp("wheels")
    try:
        download_wheels(folder)
    except Unavailable as error:
        missing(str(error))
    with links(folder) as address:
        yield address


@pytest.fixture(scope="module")
def image(base: str, wheels: str) -> Iterator[str]:
    tag = f"facesearch-test:{os.getpid()}"
    command = ["docker", "build", "--quiet", "--network=host", f"--tag={tag}"]
    for name, value in {"BASE": base, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels}.items():
        command += ["--build-arg", f"{name}={value}"]
    ended = subprocess.run([*command, ROOT], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    yield tag
    subprocess.run(["docker", "rmi", "--force", tag], capture_output=True, check=False)


def test_image_tells_its_version_and_holds_no_trace_of_the_index(image: str, wheels: str) -> None:
    told = subprocess.run(
        ["docker", "run", "--rm", "--network=none", image, "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.startswith("facesearch ")
    history = subprocess.run(
        ["docker", "history", "--no-trunc", image], capture_output=True, text=True, check=True
    )
    assert wheels not in history.stdout


@pytest.fixture
def compose(image: str, tmp_path: Path) -> Iterator["Compose"]:
    program = next(
        (each for each in (["docker", "compose"], ["docker-compose"]) if there(*each, "version")),
        None,
    )
    if program is None:
        missing("there is no docker compose: compose.yaml is not run")
        raise AssertionError
    content = (ROOT / "compose.yaml").read_text("utf-8")
    (tmp_path / "compose.yaml").write_text(content.replace("image: facesearch", f"image: {image}"))
    (tmp_path / "photos").mkdir(mode=0o755)
    project = Compose(program, tmp_path, free_port())
    yield project
    project("down", "--volumes", "--timeout", "5")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Compose:
    """A project in a folder of its own, with a port and an API key."""

    def __init__(self, program: list[str], folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self._program = [*program, "--project-name", f"facesearch-test-{os.getpid()}"]
        self._environ = {**os.environ, "PORT": str(port), "FACESEARCH_API_KEY": KEY}

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._program, *arguments],
            cwd=self.folder,
            env=self._environ,
            capture_output=True,
            text=True,
            check=False,
        )


def test_compose_serves_the_photos_of_a_folder_and_keeps_them(
    compose: Compose, models: Path, sample: Path
) -> None:
    for photo in sorted((sample / "train/elton_john").iterdir())[:3]:
        add_photo(compose, photo)
    shutil.copytree(models, compose.folder / "built", copy_function=copy_readable)
    for folder in (compose.folder / "built", *(compose.folder / "built").rglob("*/")):
        folder.chmod(0o755)
    built = compose(
        *("run", "--rm", "--volume", f"{compose.folder}/built:/built:ro", "watch"),
        *("models", "build", "--from=/built"),
    )
    assert built.returncode == 0, built.stderr
    up = compose("up", "--detach", "--no-build")
    assert up.returncode == 0, up.stderr
    address = f"http://127.0.0.1:{compose.port}"
    assert photos_in(compose, address, until=3) == 3
    with FaceSearchClient(address, api_key=KEY) as client:
        found = client.search(sample / "val/elton_john/elton_john_01.jpg")
        assert found.results[0].matches[0].photo_id.startswith("file:///photos/elton_john")
    add_photo(compose, sample / "train/madonna/madonna_01.jpg")
    assert photos_in(compose, address, until=4) == 4
    # The volume outlives the containers.
    assert compose("down", "--timeout", "20").returncode == 0
    assert compose("up", "--detach", "--no-build").returncode == 0
    assert photos_in(compose, address, until=4) == 4


def add_photo(compose: Compose, photo: Path) -> None:
    copy_readable(photo, compose.folder / "photos" / photo.name)


def copy_readable(source: str | Path, target: str | Path) -> None:
    """Copy a file so that the image's user may read it."""
    shutil.copyfile(source, target)
    Path(target).chmod(0o644)


def photos_in(compose: Compose, address: str, *, until: int) -> int:
    """How many photos the API tells of; waits for a number of them."""
    deadline, photos = time.monotonic() + PATIENCE_S, -1
    while photos < until:
        if time.monotonic() > deadline:
            pytest.fail(compose("logs").stdout[-3000:])
        time.sleep(1)
        with suppress(ApiError), FaceSearchClient(address, api_key=KEY) as client:
            photos = len(list(client.photos()))
    return photos
