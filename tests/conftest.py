"""What every suite shares: the models, the real photos, and what to do when a part is missing."""

import os
import signal
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from facesearch.recipes.finding import built_in
from facesearch.settings import Settings
from facesearch.vision.pipeline import FacePipeline

# A shell that starts a program in the background lets it ignore SIGINT, and so would all that the
# tests start: they could not be interrupted.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

MUST_HAVE_ALL = os.environ.get("FACESEARCH_TEST_ALL") == "1"


def missing(what: str) -> None:
    """Skip the test for want of `what`; fail instead where everything has to be tested."""
    if MUST_HAVE_ALL:
        pytest.fail(f"FACESEARCH_TEST_ALL=1, but {what}")
    pytest.skip(what)


@pytest.fixture(scope="session")
def models() -> Path:
    """The folder of the built models; `make test` builds it first."""
    folder = Settings.from_env(os.environ).models
    if not (folder / "models.json").is_file():
        pytest.fail(f"no models in {folder}: run 'facesearch models build'")
    return folder


@pytest.fixture(scope="session")
def pipeline(models: Path) -> FacePipeline:
    """The default recipe on one thread."""
    return FacePipeline(models, built_in("facenet"), threads=1)


@pytest.fixture(scope="session")
def sample(models: Path) -> Path:
    """The sample photos: `train/<person>/*.jpg` (93) and `val/<person>/*.jpg` (25)."""
    return models / "sample"


@pytest.fixture(scope="session")
def lfw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LFW's folder of people, from LFW_IMAGES: a folder or a .tgz."""
    source = os.environ.get("LFW_IMAGES")
    if not source:
        missing("LFW_IMAGES does not name LFW's images (a folder, or lfw-deepfunneled.tgz)")
        raise AssertionError
    place = Path(source)
    if place.is_file():
        place = tmp_path_factory.getbasetemp().parent / "lfw"
        unpacked = place / "complete"
        if not unpacked.exists():
            with tarfile.open(source) as archive:
                # Python 3.11 has the filter since 3.11.4 only.
                archive.extraction_filter = getattr(tarfile, "data_filter", None)
                archive.extractall(place)  # noqa: S202 (filtered where it can be)
            unpacked.touch()
    people = next(place.glob("**/Aaron_Eckhart"), None)
    if people is None:
        pytest.fail(f"{source} holds no LFW: there is no Aaron_Eckhart in it")
    return people.parent


@pytest.fixture(scope="session")
def lfw_photo(lfw: Path) -> Callable[[str, int], Path]:
    """A photo of LFW by person and number."""
    return lambda person, number: lfw / person / f"{person}_{number:04}.jpg"
