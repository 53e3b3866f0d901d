"""FaceNet gives what it gave before there were recipes: its code of then, run beside today's."""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from facesearch.recipes.finding import built_in
from facesearch.vision.pipeline import AnalysedPhoto, FacePipeline

ROOT = Path(__file__).parents[2]
BEFORE = "6e5db2d"
"""The last commit before recipes."""

PACKAGE = "layers/facesearch/python"

_EMBED = """
import sys
from pathlib import Path
import numpy as np
from facesearch.vision.crops import VIEWS
from facesearch.vision.pipeline import FacePipeline
models, views, target, *photos = sys.argv[1:]
pipeline = FacePipeline(Path(models), "facenet-int8", 1, VIEWS[: int(views)])
# One by one: what shares a model run moves a vector by some thousandths, then as now.
analysed = [pipeline.analyse([Path(photo).read_bytes()])[0] for photo in photos]
faces = [photo.faces[0] for photo in analysed]
np.save(target, [face.embedding for face in faces])
"""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shared package as it was."""
    archived = subprocess.run(
        ["git", "-C", str(ROOT), "archive", BEFORE, PACKAGE], capture_output=True, check=False
    )
    if archived.returncode != 0:
        pytest.skip(f"this copy of the repository has no commit {BEFORE}")
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(fileobj=io.BytesIO(archived.stdout)) as archive:
        # Python 3.11 has the filter since 3.11.4 only.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(folder)  # noqa: S202 (filtered where it can be)
    return folder / PACKAGE


@pytest.mark.parametrize(("name", "views"), [("facenet", 1), ("facenet-two-views", 2)])
def test_ranks_are_the_same_and_distances_within_a_millionth(
    before: Path, models: Path, sample: Path, tmp_path: Path, name: str, views: int
) -> None:
    photos = sorted(sample.glob("*/*/*"))
    target = tmp_path / "before.npy"
    arguments = (str(models), str(views), str(target), *map(str, photos))
    # The same environment: another kernel of BLAS turns a crop by another rounding.
    environ = {**os.environ, "PYTHONPATH": str(before)}
    subprocess.run([sys.executable, "-c", _EMBED, *arguments], env=environ, check=True)
    then: NDArray[np.float32] = np.load(target)
    pipeline = FacePipeline(models, built_in(name), threads=1)
    analysed = [pipeline.analyse([photo.read_bytes()])[0] for photo in photos]
    faces = [photo.faces[0] for photo in analysed if isinstance(photo, AnalysedPhoto)]
    now = np.stack([face.embedding for face in faces])
    assert then.shape == now.shape == (118, 128)
    apart = [np.linalg.norm(each[:, None] - each[None], axis=2) for each in (then, now)]
    np.testing.assert_allclose(apart[1], apart[0], rtol=0, atol=1e-6)
    ranks = [each.argsort(axis=1, kind="stable") for each in apart]
    np.testing.assert_array_equal(ranks[1], ranks[0])
