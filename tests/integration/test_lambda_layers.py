"""The layers alone, in the Lambda runtime image, do what the same code does here."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facesearch.vision.images import decode_image
from facesearch.vision.pipeline import AnalysedPhoto, FacePipeline
from tests.benchmarks.bench_cold_start import measure
from tests.conftest import missing
from tests.integration.imports import reachable_imports
from tests.integration.lambda_image import (
    FUNCTIONS,
    assemble_function,
    assemble_layers,
    run_in_image,
    why_not,
)

pytestmark = pytest.mark.slow

PACKAGES = ("index_faces", "search_faces")
# The store in a file has packages of its own, which functions lack.
ONLY_LOCAL = frozenset(
    {"facesearch.stores.sqlite.rebuild", "facesearch.stores.sqlite.store", "platformdirs"}
)
DEPLOYED = list(FUNCTIONS.glob("*/**/*.py"))
MOST_BYTES = 130_000_000
MOST_START_MS = 800
PROBE = Path(__file__).with_name("lambda_probe.py")
HEIC = Path(__file__).parents[1] / "unit/data/quadrants.heic"


@dataclass(frozen=True, slots=True)
class Found:
    """What the probe prints: mean colours of each file, embeddings of photo.jpg."""

    means: dict[str, list[float]]
    embeddings: list[list[float]]


@pytest.fixture(scope="module")
def opt(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All layers together, as in /opt."""
    folder = tmp_path_factory.mktemp("opt")
    assemble_layers(models, folder)
    return folder


@pytest.fixture(scope="module")
def photos(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One photo as photo.jpg and in the other formats; the HEIC is another's."""
    folder = tmp_path_factory.mktemp("photos")
    shutil.copyfile(sample / "val/elton_john/elton_john_01.jpg", folder / "photo.jpg")
    shutil.copyfile(HEIC, folder / "quadrants.heic")
    with Image.open(folder / "photo.jpg") as photo:
        for kind in ("webp", "avif", "png", "gif", "tiff", "bmp"):
            photo.save(folder / f"photo.{kind}")
    return folder


@pytest.fixture(scope="module")
def image() -> None:
    if (reason := why_not()) is not None:
        missing(reason)


@pytest.fixture(scope="module")
def found(image: None, opt: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """From the image, where there are the layers, the functions and nothing else of ours."""
    task = tmp_path_factory.mktemp("task")
    for package in PACKAGES:
        assemble_function(package, task)
    imports = reachable_imports(DEPLOYED, "facesearch", ONLY_LOCAL)
    folders = {task: "/var/task", photos: "/photos", PROBE.parent: "/probe"}
    printed = run_in_image(opt, folders, "/probe/lambda_probe.py", "/photos", *sorted(imports))
    return Found(**json.loads(printed))


def test_every_import_of_the_functions_works_from_the_layers(found: Found) -> None:
    # The probe would have failed; this makes sure that it was asked.
    assert found.means
    imports = reachable_imports(DEPLOYED, "facesearch", ONLY_LOCAL)
    modules = {wanted.partition(":")[0] for wanted in imports}
    assert {"onnxruntime", "opensearchpy", "boto3", "aws_lambda_powertools"} <= modules
    assert {"facesearch.vision.pipeline", "facesearch.stores.opensearch.store"} <= modules


def test_embedding_in_the_image_equals_the_local_one(
    found: Found, photos: Path, pipeline: FacePipeline
) -> None:
    (local,) = pipeline.analyse([(photos / "photo.jpg").read_bytes()])
    assert isinstance(local, AnalysedPhoto)
    assert len(found.embeddings) == len(local.faces) >= 1
    for embedding, face in zip(found.embeddings, local.faces, strict=True):
        assert np.array(embedding) @ face.embedding > 0.9999


def test_every_format_is_decoded_in_the_image_as_here(found: Found, photos: Path) -> None:
    assert set(found.means) == {path.name for path in photos.iterdir()}
    for name, mean in found.means.items():
        local = decode_image((photos / name).read_bytes()).rgb().mean(axis=(0, 1))
        np.testing.assert_allclose(mean, local, atol=1.0)


@pytest.mark.parametrize("package", PACKAGES)
def test_function_with_its_layers_is_small(opt: Path, package: str) -> None:
    files = [*opt.rglob("*"), *(FUNCTIONS / package).rglob("*")]
    total = sum(file.stat().st_size for file in files if file.is_file())
    print(f"{package} with its layers: {total / 1e6:.1f} MB")
    assert total <= MOST_BYTES


@pytest.mark.parametrize("package", PACKAGES)
def test_cold_start_to_the_first_face_takes_little_processor_time(
    image: None, opt: Path, photos: Path, package: str
) -> None:
    # Of one processor, on a machine with nothing else to do, that is the time by the clock.
    measured = measure(package, opt, photos / "photo.jpg", runs=3)
    assert min(run["face"][1] for run in measured) <= MOST_START_MS


@pytest.mark.parametrize("start", ["snap-start", "provisioned-concurrency"])
def test_search_started_ahead_has_its_models_open(
    image: None, opt: Path, photos: Path, start: str
) -> None:
    (run,) = measure("search_faces", opt, photos / "photo.jpg", runs=1, start=start)
    # Opening them takes some 90 ms.
    assert run["models"][1] - run["service"][1] < 5


def test_photo_that_takes_all_memory_ends_its_own_process_and_not_the_function(
    image: None, opt: Path, tmp_path: Path
) -> None:
    assemble_function("index_faces", tmp_path)
    printed = run_in_image(
        opt,
        {tmp_path: "/var/task", PROBE.parent / "memory_probe": "/probe"},
        "/probe/probe.py",
        memory_mb=700,
        environment={
            "PYTHONPATH": "/probe:/opt/python:/var/runtime:/var/task",
            "AWS_REGION": "eu-west-1",
            "FACESEARCH_BUCKET": "photos",
            "FACESEARCH_MODELS": "/opt/models",
            "FACESEARCH_STORE": "opensearch://127.0.0.1:9200/faces",
        },
    )
    assert json.loads(printed) == ["invalid_request", "process_ended", "invalid_request"]
