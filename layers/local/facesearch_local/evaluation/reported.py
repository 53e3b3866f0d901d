"""The systems of the two reports: whole images, cut-out faces, and FaceNet as it was used there."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facesearch.errors import ImageError
from facesearch.settings import Settings
from facesearch.vision.crops import CROP_SIDE
from facesearch.vision.detection import MtcnnDetector, detector_recipe
from facesearch.vision.images import decode_image
from facesearch.vision.models import ModelFolder
from facesearch_local.evaluation.central_face import most_central
from facesearch_local.evaluation.classifier import Classifier
from facesearch_local.evaluation.network import BATCH
from facesearch_local.evaluation.system import Embedded, SystemOptions

if TYPE_CHECKING:
    import onnxruntime as ort

Cut = NDArray[np.uint8]
"""An image of a network's input size, RGB, shape (height, width, 3)."""

Region = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels."""


class WholeImage:
    """The first report: an ImageNet network on the whole photo."""

    name = "whole-image"
    other_processes_s = 0.0

    def __init__(self, settings: Settings, options: SystemOptions) -> None:
        self._classifier = Classifier.chosen(settings, options)
        self.recipe = f"whole image; {self._classifier.recipe}"

    def embed(self, photos: Sequence[bytes]) -> list[Embedded]:
        return _embed(photos, self._classifier.cut, self._classifier.embed)


class FaceCrop:
    """The second report's first step: the same network on the detected face."""

    name = "face-crop"
    other_processes_s = 0.0

    def __init__(self, settings: Settings, options: SystemOptions) -> None:
        self._classifier = Classifier.chosen(settings, options)
        self._face = _MainFace(settings)
        self.recipe = f"{self._face.recipe}; {self._classifier.recipe}"

    def embed(self, photos: Sequence[bytes]) -> list[Embedded]:
        return _embed(photos, self._cut, self._classifier.embed)

    def _cut(self, image: Image.Image) -> Cut | None:
        box = self._face.box(image)
        return None if box is None else self._classifier.cut(image, box)


class FacenetReport:
    """The second report's FaceNet: pixels / 255 and vectors that are not normalised."""

    name = "facenet-report"
    other_processes_s = 0.0

    def __init__(self, settings: Settings) -> None:
        self._folder = ModelFolder(settings.models)
        self._threads = settings.threads
        self._face = _MainFace(settings)
        self.recipe = f"{self._face.recipe}; {CROP_SIDE}px bilinear, /255; facenet-fp32, raw/1"

    def embed(self, photos: Sequence[bytes]) -> list[Embedded]:
        return _embed(photos, self._cut, self._run)

    def _cut(self, image: Image.Image) -> Cut | None:
        box = self._face.box(image)
        if box is None:
            return None
        return np.asarray(image.resize((CROP_SIDE, CROP_SIDE), Image.Resampling.BILINEAR, box=box))

    def _run(self, cuts: Sequence[Cut]) -> NDArray[np.float32]:
        runs = []
        for start in range(0, len(cuts), BATCH):
            faces = np.stack(cuts[start : start + BATCH]).astype(np.float32) / 255
            runs += self._session.run(["embeddings"], {"faces": faces})
        return np.concatenate(runs)

    @cached_property
    def _session(self) -> "ort.InferenceSession":
        return self._folder.open("facenet-fp32", self._threads)


class _MainFace:
    """MTCNN's box of the face nearest the middle: plain, with no margin."""

    recipe = f"{detector_recipe()}; box of the central face"

    def __init__(self, settings: Settings) -> None:
        self._folder = ModelFolder(settings.models)
        self._threads = settings.threads

    def box(self, image: Image.Image) -> Region | None:
        """None where there is no face."""
        boxes = [face.box for face in self._detector.detect(image)]
        if not boxes:
            return None
        box = boxes[most_central(boxes, image.width, image.height)]
        return box.left, box.top, box.left + box.width, box.top + box.height

    @cached_property
    def _detector(self) -> MtcnnDetector:
        names = ("pnet", "rnet", "onet")
        return MtcnnDetector(*(self._folder.open(name, self._threads) for name in names))


def _embed(
    photos: Sequence[bytes],
    cut: Callable[[Image.Image], Cut | None],
    run: Callable[[Sequence[Cut]], NDArray[np.float32]],
) -> list[Embedded]:
    """Each photo's cut through a network, all at once."""
    found: list[Cut | ImageError | None] = []
    for photo in photos:
        try:
            found.append(cut(decode_image(photo).image))
        except ImageError as error:
            found.append(error)
    cuts = [each for each in found if isinstance(each, np.ndarray)]
    vectors = iter(run(cuts) if cuts else ())
    return [next(vectors) if isinstance(each, np.ndarray) else each for each in found]
