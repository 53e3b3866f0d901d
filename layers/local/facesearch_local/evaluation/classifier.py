"""An ImageNet classifier as an embedder of images, as the first report used them."""

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facesearch.errors import InvalidRequest, ModelError
from facesearch.settings import Settings
from facesearch_local.evaluation.network import (
    NetworkInput,
    choose_output,
    open_network,
    read_input,
)
from facesearch_local.evaluation.preprocessing import PREPROCESSING
from facesearch_local.evaluation.system import SystemOptions
from facesearch_models.evaluation.build import NETWORK, load_network_manifest

if TYPE_CHECKING:
    import onnxruntime as ort


class Classifier:
    """A network by its file, which is opened, and looked at, only when there is an image."""

    def __init__(
        self, file: Path, sha256: str, preprocessing: str, output: str, threads: int
    ) -> None:
        """`output` may be empty where the network has only one."""
        self._file = file
        self._sha256 = sha256
        self._preprocess = PREPROCESSING[preprocessing]
        self._output = output
        self._threads = threads
        self.recipe = (
            f"{sha256} {output or 'only output'}, {preprocessing} preprocessing, bilinear/1"
        )

    @classmethod
    def chosen(cls, settings: Settings, options: SystemOptions) -> "Classifier":
        """The one of the options, or else EfficientNet-Lite0. Raises `InvalidRequest`."""
        if options.classifier is not None:
            sha256, preprocessing = _sha256(options), _preprocessing(options)
            return cls(options.classifier, sha256, preprocessing, options.output, settings.threads)
        if options.sha256 or options.preprocessing:
            raise InvalidRequest(
                "--classifier-sha256 and --classifier-preprocessing tell of the file of "
                "--classifier: name it, too"
            )
        sha256 = load_network_manifest().output.sha256
        output = options.output or "features"
        return cls(settings.models / NETWORK, sha256, "lite", output, settings.threads)

    def cut(
        self, image: Image.Image, box: tuple[float, float, float, float] | None = None
    ) -> NDArray[np.uint8]:
        """The image (mode RGB), or what is in the box, stretched to the network's input."""
        return np.asarray(image.resize(self._input.size, Image.Resampling.BILINEAR, box=box))

    def embed(self, cuts: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """A vector of each cut, as it leaves the network: shape (n, d). Raises `ModelError`."""
        batch = self._input.batch
        runs = [self._run(cuts[start : start + batch]) for start in range(0, len(cuts), batch)]
        return np.concatenate(runs)

    def _run(self, cuts: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        pixels = self._preprocess(np.stack(cuts).astype(np.float32))
        if self._input.channels_first:
            pixels = pixels.transpose(0, 3, 1, 2)
        vectors: NDArray[np.float32]
        (vectors,) = self._session.run(
            [self._output_name], {self._input.name: np.ascontiguousarray(pixels)}
        )
        # (n, d), or (n, d, 1, 1), as pooling leaves it.
        expected = len(cuts) * max(vectors.shape[1:], default=0)
        if vectors.shape[:1] != (len(cuts),) or vectors.size != expected:
            raise ModelError(
                f"output '{self._output_name}' of {self._file} has the shape {vectors.shape} for "
                f"{len(cuts)} images: name one that gives each a vector with --classifier-output"
            )
        return vectors.reshape(len(cuts), -1)

    @cached_property
    def _session(self) -> "ort.InferenceSession":
        return open_network(self._file, self._sha256, self._threads)

    @cached_property
    def _input(self) -> NetworkInput:
        return read_input(self._session, self._file)

    @cached_property
    def _output_name(self) -> str:
        return choose_output(self._session, self._file, self._output)


def _sha256(options: SystemOptions) -> str:
    if not re.fullmatch("[0-9a-fA-F]{64}", options.sha256):
        raise InvalidRequest(
            f"--classifier-sha256 is '{options.sha256}': give the 64 hex digits that the file's "
            "publisher states (or what sha256sum prints of a file you trust)"
        )
    return options.sha256.lower()


def _preprocessing(options: SystemOptions) -> str:
    if options.preprocessing not in PREPROCESSING:
        raise InvalidRequest(
            f"--classifier-preprocessing is '{options.preprocessing}': use one of "
            f"{', '.join(PREPROCESSING)} (caffe: VGG16, VGG19, ResNet50 of Keras; tf: MobileNet, "
            "InceptionV3, Xception; torch: torchvision's; lite: EfficientNet-Lite)"
        )
    return options.preprocessing
