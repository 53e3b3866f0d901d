"""CenterFace, built for real, as the other detector that a recipe may name."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import skimage
from PIL import Image

from facesearch.faces import DetectedFace
from facesearch.recipes.finding import built_in
from facesearch.vision.centerface import CenterFaceDetector
from facesearch.vision.detection import MtcnnDetector
from facesearch.vision.models import CENTERFACE, ModelFolder
from facesearch.vision.pipeline import AnalysedPhoto, FacePipeline
from facesearch_models.errors import BuildError
from facesearch_models.further.build import build_network
from layers.dependencies.models_layer import build_models
from tests.conftest import missing
from tests.evaluation.detection import pictures_without_people
from tests.recorded_steps import RecordedSteps

RECIPE = "facenet-centerface"


@pytest.fixture(scope="module")
def network(models: Path) -> Path:
    try:
        return build_network(models, CENTERFACE, report=RecordedSteps())
    except BuildError as error:
        missing(str(error))
        raise AssertionError from error


@pytest.fixture(scope="module")
def detector(network: Path) -> CenterFaceDetector:
    return CenterFaceDetector(ort.InferenceSession(network, providers=["CPUExecutionProvider"]))


@pytest.fixture(scope="module")
def mtcnn(models: Path) -> MtcnnDetector:
    folder = ModelFolder(models)
    return MtcnnDetector(*(folder.open(name, threads=1) for name in ("pnet", "rnet", "onet")))


def photos(models: Path, folder: str) -> list[Image.Image]:
    paths = sorted((models / "sample" / folder).glob("*/*.jpg"))
    return [Image.open(path).convert("RGB") for path in paths]


def overlap(one: DetectedFace, other: DetectedFace) -> float:
    a, b = one.box, other.box
    across = min(a.left + a.width, b.left + b.width) - max(a.left, b.left)
    down = min(a.top + a.height, b.top + b.height) - max(a.top, b.top)
    shared = max(0.0, across) * max(0.0, down)
    return shared / (a.width * a.height + b.width * b.height - shared)


def test_finds_the_faces_that_mtcnn_finds(
    models: Path, detector: CenterFaceDetector, mtcnn: MtcnnDetector
) -> None:
    apart = []
    for photo in photos(models, "val"):
        largest, other = detector.detect(photo)[0], mtcnn.detect(photo)[0]
        assert overlap(largest, other) > 0.5
        side = max(other.box.width, other.box.height)
        for mine, its in zip(largest.landmarks.points, other.landmarks.points, strict=True):
            apart.append(np.hypot(mine.x - its.x, mine.y - its.y) / side)
    assert np.median(apart) < 0.05


def test_finds_nobody_where_nobody_is(detector: CenterFaceDetector) -> None:
    wrong = [
        name
        for name, pixels in pictures_without_people()
        if detector.detect(Image.fromarray(pixels))
    ]
    assert wrong == []


def test_finds_one_face_once_in_photos_of_any_shape(detector: CenterFaceDetector) -> None:
    with Image.open(Path(skimage.__file__).parent / "data" / "astronaut.png") as opened:
        portrait = opened.convert("RGB")
    for size in ((512, 512), (201, 333), (1000, 400), (2048, 2048)):
        (face,) = detector.detect(portrait.resize(size))
        middle = face.box.left + face.box.width / 2, face.box.top + face.box.height / 2
        assert middle == pytest.approx((0.44 * size[0], 0.24 * size[1]), rel=0.15)
    assert detector.detect(portrait.resize((1, 3000))) == []


def test_layer_holds_it_and_not_the_default_detector(
    models: Path, network: Path, tmp_path: Path
) -> None:
    build_models(models, tmp_path / "layer", built_in(RECIPE))
    held = {path.name for path in (tmp_path / "layer").rglob("*.onnx")}
    assert held == {network.name, "facenet-int8.onnx"}


def test_recipe_tells_people_apart(models: Path, network: Path) -> None:
    assert network.is_file()
    pipeline = FacePipeline(models, built_in(RECIPE), threads=1)
    paths = sorted((models / "sample" / "train").glob("*/*.jpg"))
    vectors, people = [], []
    for path, analysed in zip(
        paths, pipeline.analyse([path.read_bytes() for path in paths]), strict=True
    ):
        assert isinstance(analysed, AnalysedPhoto)
        vectors.append(analysed.faces[0].embedding)
        people.append(path.parent.name)
    apart = np.linalg.norm(np.stack(vectors)[:, None] - np.stack(vectors)[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert all(
        people[nearest] == person for person, nearest in zip(people, apart.argmin(1), strict=True)
    )
