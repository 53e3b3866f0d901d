"""Photo bytes to embedded faces: decode, detect, crop, embed, for many photos at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from facesearch.crops import CROP_RECIPE, crop_face
from facesearch.detection import DETECTOR_RECIPE, MtcnnDetector
from facesearch.embedding import BATCH, FaceNet
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
from facesearch.images import DecodedImage, decode_image
from facesearch.models import ModelFolder
from facesearch.settings import Settings
from facesearch.stages import Stage, stage


@dataclass(frozen=True, slots=True, eq=False)
class AnalysedPhoto:
    """The size of the upright photo in pixels, and its faces, largest first."""

    width: int
    height: int
    faces: tuple[EmbeddedFace, ...]


class FacePipeline:
    """The whole recipe. Sessions open at the first photo and are shared between threads."""

    def __init__(self, models: Path, embedder: str, threads: int) -> None:
        self._folder = ModelFolder(models)
        self._embedder_name = embedder
        self._threads = threads
        self._opening = Lock()

    @classmethod
    def from_settings(cls, settings: Settings) -> "FacePipeline":
        return cls(settings.models, settings.embedder, settings.threads)

    @property
    def recipe(self) -> Recipe:
        return Recipe(DETECTOR_RECIPE, CROP_RECIPE, f"{self._embedder_name}/1")

    @cached_property
    def _detector(self) -> MtcnnDetector:
        return MtcnnDetector(
            *(self._folder.open(name, self._threads) for name in ("pnet", "rnet", "onet"))
        )

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
        batch = _FaceBatch(self._embedder)
        looked = [self._look(data, batch) for data in photos]
        embeddings = iter(batch.finish())
        return [
            photo if isinstance(photo, FacesearchError) else photo.with_embeddings(embeddings)
            for photo in looked
        ]

    def _look(
        self, data: bytes | FacesearchError, batch: "_FaceBatch"
    ) -> "_DetectedPhoto | FacesearchError":
        if isinstance(data, FacesearchError):
            return data
        try:
            with stage(Stage.DECODE):
                decoded = decode_image(data)
        except ImageError as error:
            return error
        with stage(Stage.DETECT):
            found = self._detector.detect(decoded.rgb())
        for face in found:
            batch.add(crop_face(decoded.image, face.box))
        return _DetectedPhoto(
            decoded.width, decoded.height, tuple(_in_original(face, decoded) for face in found)
        )


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

    def __init__(self, embedder: FaceNet) -> None:
        self._embedder = embedder
        self._crops: list[NDArray[np.uint8]] = []
        self._embeddings: list[Embedding] = []

    def add(self, crop: NDArray[np.uint8]) -> None:
        self._crops.append(crop)
        if len(self._crops) == BATCH:
            self._run()

    def finish(self) -> list[Embedding]:
        self._run()
        return self._embeddings

    def _run(self) -> None:
        with stage(Stage.EMBED):
            self._embeddings.extend(self._embedder.embed(self._crops))
        self._crops.clear()


def _in_original(face: DetectedFace, decoded: DecodedImage) -> DetectedFace:
    """From pixels of the working image to pixels of the upright original."""
    across, down = decoded.scale

    def moved(point: Point) -> Point:
        return Point(point.x * across, point.y * down)

    box, marks = face.box, face.landmarks
    return DetectedFace(
        BoundingBox(box.left * across, box.top * down, box.width * across, box.height * down),
        Landmarks(
            *map(
                moved,
                (
                    marks.left_eye,
                    marks.right_eye,
                    marks.nose,
                    marks.mouth_left,
                    marks.mouth_right,
                ),
            )
        ),
        face.detection_score,
    )
