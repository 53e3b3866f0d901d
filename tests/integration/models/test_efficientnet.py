"""The evaluation's network, built for real: against a plain forward pass, and on real photos."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

from facesearch.recipes.finding import built_in
from facesearch_models.download import download_archive, read_file
from facesearch_models.errors import BuildError
from facesearch_models.further.build import NETWORK, build_network, load_further
from facesearch_models.further.efficientnet import EPSILON, STAGES
from facesearch_models.further.state_dict import read_state_dict
from layers.dependencies.models_layer import build_models
from tests.conftest import missing
from tests.recorded_steps import RecordedSteps

pytestmark = pytest.mark.slow

Array = npt.NDArray[Any]

SUIT, BOW_TIE, WIG, GOWN, LIPSTICK = 834, 457, 903, 578, 629


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return download_archive(
            load_further()[NETWORK].source, tmp_path_factory.mktemp("pip"), RecordedSteps()
        )
    except BuildError as error:
        missing(str(error))
        raise AssertionError from error


@pytest.fixture
def target(archive: Path, tmp_path: Path) -> Path:
    """A folder of models whose download is done."""
    work = tmp_path / "models" / "evaluation" / f".build-{Path(NETWORK).stem}"
    work.mkdir(parents=True)
    (work / archive.name).hardlink_to(archive)
    return tmp_path / "models"


@pytest.fixture(scope="module")
def network(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> ort.InferenceSession:
    models = tmp_path_factory.mktemp("models")
    work = models / "evaluation" / f".build-{Path(NETWORK).stem}"
    work.mkdir(parents=True)
    (work / archive.name).hardlink_to(archive)
    return ort.InferenceSession(
        build_network(models, NETWORK, report=RecordedSteps()), providers=["CPUExecutionProvider"]
    )


def pixels(photo: Path) -> npt.NDArray[np.float32]:
    image = Image.open(photo).convert("RGB").resize((224, 224), Image.Resampling.BILINEAR)
    return (np.asarray(image, np.float32)[None] - np.float32(127)) / np.float32(128)


def state_of(file: Path) -> tuple[int, int, int]:
    """What writing changes; reading alone may change the time of access."""
    stat = file.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def test_second_build_leaves_everything_as_it_is(target: Path) -> None:
    first, again = RecordedSteps(), RecordedSteps()
    built = build_network(target, NETWORK, report=first)
    before = state_of(built)
    assert first.steps == ["Converting EfficientNet-Lite0 (ImageNet) to ONNX"]
    assert build_network(target, NETWORK, report=again) == built
    assert again.steps == []
    assert state_of(built) == before
    assert {file.name for file in built.parent.iterdir()} == {".lock", built.name}


def test_damaged_network_is_built_anew(target: Path) -> None:
    (target / NETWORK).write_bytes(b"half a network")
    built = build_network(target, NETWORK, report=RecordedSteps())
    ort.InferenceSession(built, providers=["CPUExecutionProvider"])


def test_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "evaluation").write_text("a file")
    with pytest.raises(BuildError, match=r"cannot be written to .*evaluation: File exists"):
        build_network(tmp_path, NETWORK, report=RecordedSteps())


def test_network_goes_to_lambda_with_its_recipe_only(models: Path, tmp_path: Path) -> None:
    build_models(models, tmp_path / "facenet", built_in("facenet"))
    assert not list((tmp_path / "facenet").rglob("*efficientnet*"))


@pytest.mark.parametrize(
    ("photo", "wanted"),
    [
        ("ben_afflek/ben_afflek_03.jpg", SUIT),
        ("jerry_seinfeld/jerry_seinfeld_04.jpg", BOW_TIE),
        ("madonna/madonna_03.jpg", WIG),
        ("mindy_kaling/mindy_kaling_03.jpg", GOWN),
        ("mindy_kaling/mindy_kaling_01.jpg", LIPSTICK),
    ],
)
def test_class_of_a_real_photo_is_what_it_shows(
    network: ort.InferenceSession, sample: Path, photo: str, wanted: int
) -> None:
    (logits,) = network.run(["logits"], {"images": pixels(sample / "val" / photo)})
    assert int(logits.argmax()) == wanted


def test_network_equals_a_plain_forward_pass_of_the_published_weights(
    network: ort.InferenceSession, archive: Path, sample: Path
) -> None:
    """Batch normalisation unfolded, padding by hand, in float64."""
    source = load_further()[NETWORK].source
    (path,) = source.files
    published = read_state_dict(read_file(source, archive, path))
    images = pixels(sample / "val/elton_john/elton_john_01.jpg")
    logits, features = network.run(["logits", "features"], {"images": images})
    plain = PlainForward(published)
    wanted = plain.features(images[0].astype(np.float64).transpose(2, 0, 1))
    assert np.abs(wanted).max() > 1
    np.testing.assert_allclose(features[0], wanted, atol=1e-4)
    last = published["_fc.weight"] @ wanted + published["_fc.bias"]
    np.testing.assert_allclose(logits[0], last, atol=1e-3)


class PlainForward:
    """The layers one after the other, an image (channels, height, width) at a time."""

    def __init__(self, weights: dict[str, npt.NDArray[np.float32]]) -> None:
        self._weights = weights

    def features(self, x: Array) -> Array:
        x = np.clip(self._convolved(x, "_conv_stem", "_bn0", 2), 0, 6)
        number = 0
        for stage in STAGES:
            for repeat in range(stage.blocks):
                came_in, name = x, f"_blocks.{number}."
                if stage.expansion > 1:
                    x = np.clip(self._convolved(x, f"{name}_expand_conv", f"{name}_bn0"), 0, 6)
                stride = 1 if repeat else stage.stride
                x = self._convolved(x, f"{name}_depthwise_conv", f"{name}_bn1", stride)
                x = self._convolved(np.clip(x, 0, 6), f"{name}_project_conv", f"{name}_bn2")
                x = came_in + x if repeat else x
                number += 1
        x = np.clip(self._convolved(x, "_conv_head", "_bn1"), 0, 6)
        pooled: Array = x.mean(axis=(1, 2))
        return pooled

    def _convolved(self, x: Array, name: str, norm: str, stride: int = 1) -> Array:
        kernel = self._weights[f"{name}.weight"].astype(np.float64)
        side = kernel.shape[-1]
        size = x.shape[1]
        padding = max((-(-size // stride) - 1) * stride + side - size, 0)
        before, after = padding // 2, padding - padding // 2
        padded = np.pad(x, ((0, 0), (before, after), (before, after)))
        windows = sliding_window_view(padded, (side, side), axis=(1, 2))[:, ::stride, ::stride]
        if kernel.shape[1] == 1:
            y = np.einsum("chwij,cij->chw", windows, kernel[:, 0])
        else:
            y = np.tensordot(kernel, windows, ([1, 2, 3], [0, 3, 4]))
        gain, shift, mean, variance = (
            self._weights[f"{norm}.{part}"].astype(np.float64)[:, None, None]
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        normalised: Array = (y - mean) / np.sqrt(variance + EPSILON) * gain + shift
        return normalised
