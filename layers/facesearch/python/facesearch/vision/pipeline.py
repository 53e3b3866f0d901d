"""Photo bytes to embedded faces: decode, detect, crop, embed, for many photos at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facesearch.errors import FacesearchError, ImageError
from facesearch.faces import (
    BoundingBox,
    DetectedFace,
    EmbeddedFace,
    Embedding,
    Landmarks,
    Point,
    Recipe,
)
from facesearch.settings import Settings
from facesearch.stages import Stage, stage
from facesearch.vision.crops import VIEWS, View, crop_recipe
from facesearch.vision.detection import (
    DEFAULT_SETTINGS,
    DetectionSettings,
    MtcnnDetector,
    detector_recipe,
)
from facesearch.vision.embedding import BATCH, FaceNet, mean_embedding
from facesearch.vision.images import DecodedImage, decode_image
from facesearch.vision.models import ModelFolder


@dataclass(frozen=True, slots=True, eq=False)
class AnalysedPhoto:
    """The size of the upright photo in pixels, and its faces, largest first."""

    width: int
    height: int
    faces: tuple[EmbeddedFace, ...]


class FacePipeline:
    """The whole recipe. Sessions open at the first photo and are shared between threads."""

    def __init__(
        self,
        models: Path,
        embedder: str,
        threads: int,
        views: Sequence[View] = VIEWS[:1],
        detection: DetectionSettings = DEFAULT_SETTINGS,
    ) -> None:
        self._folder = ModelFolder(models)
        self._embedder_name = embedder
        self._threads = threads
        self._views = views
        self._detection = detection
        self._opening = Lock()

    @classmethod
    def from_settings(cls, settings: Settings) -> "FacePipeline":
        return cls(settings.models, settings.embedder, settings.threads, VIEWS[: settings.views])

    @property
    def recipe(self) -> Recipe:
        detector = detector_recipe(self._detection)
        return Recipe(detector, crop_recipe(self._views), f"{self._embedder_name}/1")

    @cached_property
    def _detector(self) -> MtcnnDetector:
        pnet, rnet, onet = (
            self._folder.open(name, self._threads) for name in ("pnet", "rnet", "onet")
        )
        return MtcnnDetector(pnet, rnet, onet, self._detection)

    @cached_property
    def _embedder(self) -> FaceNet:
        return FaceNet(self._folder.open(self._embedder_name, self._threads))

    def warm(self) -> None:
        """Open the sessions. Raises `ModelError` when a model is missing or damaged."""
        with self._opening:
            _ = self._detector, self._embedder

    def analyse(
        self, photos: Iterable[bytes | FacesearchError]
    ) -> list[AnalysedPhoto | FacesearchError]:
        """Each photo's faces, in the order given; an error stands in for a photo that has one.

        `photos` is consumed one by one, and a photo's pixels are dropped before the next is
        decoded; the faces of all are embedded in common batches. Errors handed in (a photo that
        could not be read) are handed back in their place.
        """
        self.warm()
        batch = _FaceBatch(self._embedder, self._views)
        looked = [self._look(data, batch) for data in photos]
        embeddings = iter(batch.finish())
        return [
            photo if isinstance(photo, FacesearchError) else photo.with_embeddings(embeddings)
            for photo in looked
        ]

    def detect(self, photo: bytes) -> tuple[DecodedImage, list[DetectedFace]]:
        """The photo and its faces, largest first, not embedded. Raises an `ImageError`."""
        self.warm()
        decoded, found = self._find(photo)
        return decoded, [_in_original(face, decoded) for face in found]

    def _look(
        self, data: bytes | FacesearchError, batch: "_FaceBatch"
    ) -> "_DetectedPhoto | FacesearchError":
        if isinstance(data, FacesearchError):
            return data
        try:
            decoded, found = self._find(data)
        except ImageError as error:
            return error
        for face in found:
            batch.add(decoded.image, face)
        return _DetectedPhoto(
            decoded.width, decoded.height, tuple(_in_original(face, decoded) for face in found)
        )

    def _find(self, data: bytes) -> tuple[DecodedImage, list[DetectedFace]]:
        """The photo, and its faces in pixels of the working image."""
        with stage(Stage.DECODE):
            decoded = decode_image(data)
        with stage(Stage.DETECT):
            return decoded, self._detector.detect(decoded.rgb())


@dataclass(frozen=True, slots=True)
class _DetectedPhoto:
    width: int
    height: int
    faces: tuple[DetectedFace, ...]

    def with_embeddings(self, embeddings: Iterable[Embedding]) -> AnalysedPhoto:
        faces = tuple(map(EmbeddedFace, self.faces, embeddings))
        return AnalysedPhoto(self.width, self.height, faces)


class _FaceBatch:
    """Collects crops and embeds them as soon as a model run is full, so that few are held."""

    def __init__(self, embedder: FaceNet, views: Sequence[View]) -> None:
        self._embedder = embedder
        self._views = views
        self._crops: list[NDArray[np.uint8]] = []
        self._embeddings: list[Embedding] = []

    def add(self, image: Image.Image, face: DetectedFace) -> None:
        self._crops.extend(view.cut(image, face) for view in self._views)
        if len(self._crops) >= BATCH:
            self._run()

    def finish(self) -> list[Embedding]:
        self._run()
        return self._embeddings

    def _run(self) -> None:
        with stage(Stage.EMBED):
            embeddings = self._embedder.embed(self._crops)
        views = len(self._views)
        if views > 1:
            each = (embeddings[face : face + views] for face in range(0, len(embeddings), views))
            embeddings = list(map(mean_embedding, each))
        self._embeddings.extend(embeddings)
        self._crops.clear()


def _in_original(face: DetectedFace, decoded: DecodedImage) -> DetectedFace:
    """From pixels of the working image to pixels of the upright original."""
    across, down = decoded.scale

    def moved(point: Point) -> Point:
        return Point(point.x * across, point.y * down)

    box = face.box
    return DetectedFace(
        BoundingBox(box.left * across, box.top * down, box.width * across, box.height * down),
        Landmarks(*map(moved, face.landmarks.points)),
        face.detection_score,
    )
