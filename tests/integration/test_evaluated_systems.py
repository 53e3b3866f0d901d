"""Every system that the study compares keeps the same contract; the reports' keep their
numbers."""

import os
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facesearch.errors import DamagedImage, ModelError, NotAnImage
from facesearch.settings import Settings
from facesearch_local.cli.progress import show_steps
from facesearch_local.evaluation.system import System
from facesearch_models.errors import BuildError
from facesearch_models.further.build import NETWORK, build_network
from tests.conftest import missing
from tests.evaluation.study.systems import PEERS, study_systems

pytestmark = pytest.mark.slow

PHOTOS = ("elton_john_01", "madonna_03", "elton_john_02", "jerry_seinfeld_04")


@pytest.fixture(scope="module")
def settings(models: Path) -> Settings:
    """Of models among which the evaluation's network is, too."""
    try:
        with show_steps() as report:
            build_network(models, NETWORK, report=report)
    except BuildError as error:
        missing(str(error))
    return Settings.from_env({"FACESEARCH_MODELS": str(models), "FACESEARCH_THREADS": "1"})


# Variants differ in what is cut and how often: the one with all of it stands for them. Of the
# peers, only dlib brings its weights along.
STANDING = ("facenet+four-views", "peer:dlib")
SYSTEMS = study_systems()
TESTED = [name for name in SYSTEMS if not set("+:") & set(name) or name in STANDING]


def open_system(name: str, settings: Settings, peer_python: Path | None = None) -> System:
    return study_systems(peer_python)[name].open(settings)


@pytest.fixture(params=TESTED)
def system(request: pytest.FixtureRequest, settings: Settings) -> System:
    name: str = request.param
    python = os.environ.get("PEER_PYTHON")
    if name.startswith("peer:") and not python:
        missing("PEER_PYTHON names no Python with tests/evaluation/requirements-dlib.txt")
    return open_system(name, settings, Path(python or ""))


@pytest.fixture(scope="module")
def photos(sample: Path) -> list[bytes]:
    return [(sample / "val" / name[:-3] / f"{name}.jpg").read_bytes() for name in PHOTOS]


def no_face() -> bytes:
    file = BytesIO()
    Image.new("RGB", (250, 250), (90, 120, 60)).save(file, "PNG")
    return file.getvalue()


def test_system_answers_each_photo_in_its_place(system: System, photos: list[bytes]) -> None:
    damaged = photos[0][:2000]
    first, empty, broken, second, text = system.embed(
        [photos[0], no_face(), damaged, photos[1], b"text"]
    )
    assert isinstance(first, np.ndarray)
    assert isinstance(second, np.ndarray)
    assert first.dtype == second.dtype == np.float32
    assert first.shape == second.shape
    assert first.ndim == 1
    assert isinstance(broken, DamagedImage)
    assert isinstance(text, NotAnImage)
    # The whole image has a vector, whoever is in it.
    assert isinstance(empty, np.ndarray) if system.name == "whole-image" else empty is None
    (alone,) = system.embed([photos[1]])
    assert isinstance(alone, np.ndarray)
    np.testing.assert_allclose(alone, second, rtol=0, atol=0.02 * float(np.abs(second).max()))


def test_system_says_the_same_twice(system: System, photos: list[bytes]) -> None:
    for one, other in zip(system.embed(photos), system.embed(photos), strict=True):
        np.testing.assert_array_equal(one, other)


def test_recipes_are_told_apart_and_need_no_model() -> None:
    settings = Settings.from_env({"FACESEARCH_MODELS": "/nowhere"})
    names = [name for name in SYSTEMS if not name.startswith("peer:")]
    opened = [open_system(name, settings) for name in names]
    assert [system.name for system in opened] == names
    assert all(system.recipe for system in opened)


@pytest.mark.parametrize("name", PEERS)
def test_peer_that_is_not_installed_says_what_to_do(settings: Settings, name: str) -> None:
    with pytest.raises(ModelError, match=r"is not installed in .*requirements-peers\.txt in a"):
        open_system(f"peer:{name}", settings)


def test_peers_python_that_is_none_is_named(settings: Settings, tmp_path: Path) -> None:
    gone, silent = tmp_path / "python", Path("/bin/true")
    with pytest.raises(ModelError, match=f"{gone} cannot be run: No such file"):
        open_system("peer:dlib", settings, gone)
    with pytest.raises(ModelError, match="/bin/true cannot tell about it"):
        open_system("peer:dlib", settings, silent)


def test_peer_that_dies_stops_itself_with_a_reason(
    settings: Settings, photos: list[bytes], tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text("""#!/bin/sh\ntest "$3" && echo '{"recipe": "mortal"}' || exit 7\n""")
    python.chmod(0o755)
    peer = open_system("peer:dlib", settings, python)
    with pytest.raises(ModelError, match=r"died \(exit code 7\): run '.*dlib' to see why"):
        peer.embed(photos)


@pytest.mark.parametrize(
    ("name", "firsts", "apart"),
    [
        (
            "whole-image",
            [[0.8738, 0.0522, 1.4084, 0.9235], [0.0, 0.002, 1.1525, 0.2034]],
            16.0796,
        ),
        (
            "face-crop",
            [[0.1974, 0.003, 2.5111, 1.7039], [0.7638, 0.0, 1.5637, 2.497]],
            13.7935,
        ),
        (
            "facenet-report",
            [[-0.9421, -0.8296, -1.8685, -0.5475], [-0.9009, 0.991, 0.7417, 0.9362]],
            16.3693,
        ),
    ],
)
def test_vectors_of_real_photos_are_as_pinned(
    settings: Settings, photos: list[bytes], name: str, firsts: list[list[float]], apart: float
) -> None:
    one, other = open_system(name, settings).embed(photos[:2])
    assert isinstance(one, np.ndarray)
    assert isinstance(other, np.ndarray)
    np.testing.assert_allclose([one[:4], other[:4]], firsts, atol=0.02)
    assert np.linalg.norm(one - other) == pytest.approx(apart, rel=0.01)
