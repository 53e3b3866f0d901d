"""Turn photo bytes into embedded faces: decode, detect, crop and embed many photos at once."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facesearch.errors import FacesearchError, ImageError, ImageTooLarge, ReadError
from facesearch.faces import (
    BoundingBox,
    DetectedFace,
    EmbeddedFace,
    Embedding,
    Landmarks,
    LeftOut,
    Point,
    Recipe,
)
from facesearch.recipes.description import RecipeDescription
from facesearch.recipes.finding import DEFAULT_RECIPE, ChosenRecipe, built_in, check_usable
from facesearch.stages import Stage, stage
from facesearch.vision.centerface import CenterFaceDetector
from facesearch.vision.crops import cut_out
from facesearch.vision.detection import DEFAULT_SETTINGS, DetectionSettings, MtcnnDetector
from facesearch.vision.embedding import BATCH, Embedder, mean_embedding
from facesearch.vision.identity import recipe_of
from facesearch.vision.images import DecodedImage, decode_image
from facesearch.vision.limits import NO_LIMITS, IndexLimits
from facesearch.vision.models import (
    BUILD,
    CENTERFACE,
    CENTERFACE_SHA256,
    SHA256,
    ModelFolder,
    open_model,
)
from facesearch.vision.quality import face_quality
from facesearch.vision.regions import RegionDetector, WholeImage


@dataclass(frozen=True, slots=True, eq=False)
class AnalysedPhoto:
    """The size of the upright photo in pixels, and its faces, largest first."""

    width: int
    height: int
    faces: tuple[EmbeddedFace, ...]
    left_out: LeftOut
    limits: IndexLimits
    """Those that left faces out."""
    note: str = ""
    """As `DecodedImage.note`."""


class PipelineSettings(Protocol):
    """The part of `facesearch.settings.Settings` that the pipeline needs."""

    @property
    def models(self) -> Path: ...
    @property
    def recipe(self) -> ChosenRecipe | None: ...
    @property
    def threads(self) -> int: ...
    @property
    def limits(self) -> IndexLimits: ...


class FacePipeline:
    """Does what a recipe says. Models are opened at the first photo; threads may share them."""

    def __init__(
        self,
        models: Path,
        recipe: ChosenRecipe,
        threads: int,
        detection: DetectionSettings = DEFAULT_SETTINGS,
        limits: IndexLimits = NO_LIMITS,
    ) -> None:
        """`limits` hold for the photos that are indexed, not for those that are searched with."""
        self._folder = ModelFolder(models)
        self._chosen = recipe
        self._threads = threads
        self._detection = detection
        self._limits = limits
        self.recipe: Recipe = recipe_of(recipe.description, detection)
        self._opening = Lock()

    @classmethod
    def from_settings(cls, settings: PipelineSettings) -> "FacePipeline":
        """FaceNet where the settings name no recipe."""
        recipe = settings.recipe or built_in(DEFAULT_RECIPE)
        return cls(settings.models, recipe, settings.threads, limits=settings.limits)

    @cached_property
    def _detector(self) -> RegionDetector:
        if self._chosen.description.regions == "whole-image":
            return WholeImage()
        detector = self._chosen.description.detector
        if detector is not None and detector.name == "centerface":
            file = self._folder.path / CENTERFACE
            return CenterFaceDetector(
                open_model(file, CENTERFACE_SHA256, self._threads, _build_for(self._chosen))
            )
        pnet, rnet, onet = (
            self._folder.open(name, self._threads) for name in ("pnet", "rnet", "onet")
        )
        return MtcnnDetector(pnet, rnet, onet, self._detection)

    @cached_property
    def _embedder(self) -> "CutEmbedder":
        check_usable(self._chosen)
        description = self._chosen.description
        network, file = description.network, self._chosen.network_file(self._folder.path)
        session = open_model(file, network.sha256, self._threads, _fix(self._chosen))
        return CutEmbedder(description, Embedder(session, network, file))

    def warm(self) -> None:
        """Open the models. Raises `ModelError` when one is missing or damaged."""
        with self._opening:
            _ = self._detector, self._embedder

    def analyse(
        self,
        photos: Iterable[bytes | FacesearchError],
        limits: IndexLimits = NO_LIMITS,
        max_pixels: float = math.inf,
    ) -> list[AnalysedPhoto | FacesearchError]:
        """Each photo's faces, in the order given: see `PhotoBatch`.

        Raises `ImageTooLarge` when the photos have more than `max_pixels` together.
        """
        batch = self._batch(limits)
        for photo in photos:
            batch.add(photo)
            if batch.pixels > max_pixels:
                raise ImageTooLarge(
                    f"the photos have more than {max_pixels:,} pixels together: send fewer, or "
                    "scale them down"
                )
        return batch.finish()

    def batch_to_index(self) -> "PhotoBatch":
        """An empty batch that leaves out faces outside the limits. Raises `ModelError`."""
        return self._batch(self._limits)

    def _batch(self, limits: IndexLimits) -> "PhotoBatch":
        self.warm()
        return PhotoBatch(self._detector, self._embedder, limits)

    def analyse_one(self, photo: bytes) -> tuple[DecodedImage, AnalysedPhoto]:
        """The photo and its faces. Raises an `ImageError`."""
        self.warm()
        decoded, detected, left_out = _detect_faces(self._detector, photo)
        embeddings = _EmbeddingBatch(self._embedder)
        embeddings.add(decoded.image, detected)
        faces = _embedded([_in_original(face, decoded) for face in detected], embeddings.finish())
        size = decoded.width, decoded.height
        return decoded, AnalysedPhoto(*size, faces, left_out, NO_LIMITS, decoded.note)

    def detect(self, photo: bytes) -> tuple[DecodedImage, list[DetectedFace]]:
        """The photo and its faces, largest first, not embedded. Raises an `ImageError`."""
        self.warm()
        decoded, detected, _ = _detect_faces(self._detector, photo)
        return decoded, [_in_original(face, decoded) for face in detected]


class PhotoBatch:
    """Analyses photos one by one, and embeds the faces of all in common model runs.

    It holds the pixels of one photo only.
    """

    def __init__(
        self,
        detector: RegionDetector,
        embedder: "CutEmbedder",
        limits: IndexLimits,
    ) -> None:
        self._detector = detector
        self._limits = limits
        self._embeddings = _EmbeddingBatch(embedder)
        self._photos: list[_DetectedPhoto | FacesearchError] = []

    def add(self, photo: bytes | FacesearchError, limits: IndexLimits | None = None) -> None:
        """Add a photo, or in its place the error with which it could not be read.

        `limits` hold for this photo instead of the batch's.
        """
        self._photos.append(
            photo
            if isinstance(photo, FacesearchError)
            else self._detect(photo, limits or self._limits)
        )

    @property
    def pixels(self) -> int:
        """The pixels of all photos so far."""
        return sum(
            photo.width * photo.height
            for photo in self._photos
            if not isinstance(photo, FacesearchError)
        )

    def finish(self) -> list[AnalysedPhoto | FacesearchError]:
        """The results in the order of `add`: an analysed photo, or its error."""
        embeddings = self._embeddings.finish()
        return [
            photo
            if isinstance(photo, FacesearchError)
            else AnalysedPhoto(
                photo.width,
                photo.height,
                _embedded(photo.faces, embeddings[photo.places]),
                photo.left_out,
                photo.limits,
                photo.note,
            )
            for photo in self._photos
        ]

    def _detect(
        self, data: bytes, limits: IndexLimits
    ) -> "_DetectedPhoto | ImageError | ReadError":
        try:
            decoded, detected, left_out = _detect_faces(self._detector, data, limits)
        except (ImageError, ReadError) as error:
            return error
        places = self._embeddings.add(decoded.image, detected)
        faces = [_in_original(face, decoded) for face in detected]
        size = decoded.width, decoded.height
        return _DetectedPhoto(*size, faces, places, left_out, limits, decoded.note)


@dataclass(frozen=True, slots=True)
class _DetectedPhoto:
    """A photo's faces before they are embedded; `places` are their indices in the batch."""

    width: int
    height: int
    faces: Sequence[DetectedFace]
    places: slice
    left_out: LeftOut
    limits: IndexLimits
    note: str


class CutEmbedder:
    """Cuts faces out as a recipe says, and embeds the cuts."""

    def __init__(self, description: RecipeDescription, embedder: Embedder) -> None:
        self._description = description
        self._embedder = embedder

    def cut(self, image: Image.Image, face: DetectedFace) -> list[NDArray[np.uint8]]:
        """Each cut of a face, in pixels of `image`."""
        size = self._description.network.size
        return [cut_out(cut, image, face, size) for cut in self._description.cuts]

    def embed(self, crops: Sequence[NDArray[np.uint8]]) -> list[Embedding]:
        """The mean embedding of each face's cuts, which follow each other."""
        embeddings = self._embedder.embed(crops)
        cuts, unit = len(self._description.cuts), self._description.network.unit_length
        if cuts == 1:
            return embeddings
        each = (embeddings[face : face + cuts] for face in range(0, len(embeddings), cuts))
        return [mean_embedding(views, unit_length=unit) for views in each]


class _EmbeddingBatch:
    """Collects crops, and embeds them when they fill a model run, so that it holds few."""

    def __init__(self, embedder: CutEmbedder) -> None:
        self._embedder = embedder
        self._faces = 0
        self._crops: list[NDArray[np.uint8]] = []
        self._embeddings: list[Embedding] = []

    def add(self, image: Image.Image, faces: Sequence[DetectedFace]) -> slice:
        """Add faces. Returns the slice of their embeddings in the result of `finish`."""
        for face in faces:
            self._crops.extend(self._embedder.cut(image, face))
            if len(self._crops) >= BATCH:
                self._run()
        first = self._faces
        self._faces += len(faces)
        return slice(first, self._faces)

    def finish(self) -> list[Embedding]:
        self._run()
        return self._embeddings

    def _run(self) -> None:
        with stage(Stage.EMBED):
            self._embeddings.extend(self._embedder.embed(self._crops))
        self._crops.clear()


def _fix(recipe: ChosenRecipe) -> str:
    """What to do when its network is missing or another file."""
    network = recipe.description.network
    if network.sha256 in SHA256.values():
        return BUILD
    if recipe.file is None:
        return _build_for(recipe)
    return f"recipe {recipe.name} names {network.file} with SHA-256 {network.sha256}, beside it"


def _build_for(recipe: ChosenRecipe) -> str:
    return f"{BUILD[:-1]} --recipe {recipe.name}'"


def _detect_faces(
    detector: RegionDetector, data: bytes, limits: IndexLimits = NO_LIMITS
) -> tuple[DecodedImage, list[DetectedFace], LeftOut]:
    """Decode a photo and detect its faces, in pixels of the working image.

    Also returns how many faces the limits leave out. Raises an `ImageError`, or `ReadError` when
    this machine has no memory left.
    """
    with stage(Stage.DECODE):
        decoded = decode_image(data)
    with stage(Stage.DETECT):
        try:
            faces = detector.detect(decoded.image)
        except MemoryError as error:
            raise ReadError("this machine has no memory left for the photo: try again") from error
    good = [face for face in faces if _within(limits, decoded, face)]
    kept = good[: limits.max_faces]
    return decoded, kept, LeftOut(len(faces) - len(good), len(good) - len(kept))


def _within(limits: IndexLimits, decoded: DecodedImage, face: DetectedFace) -> bool:
    if face.detection_score < limits.min_detection_score:
        return False
    if limits.min_face_size <= 0 and limits.min_sharpness <= 0:
        return True
    quality = face_quality(decoded, _in_original(face, decoded))
    return quality.size >= limits.min_face_size and quality.sharpness >= limits.min_sharpness


def _embedded(
    faces: Sequence[DetectedFace], embeddings: Sequence[Embedding]
) -> tuple[EmbeddedFace, ...]:
    return tuple(EmbeddedFace(*each) for each in zip(faces, embeddings, strict=True))


def _in_original(face: DetectedFace, decoded: DecodedImage) -> DetectedFace:
    """Convert pixels of the working image to pixels of the upright original."""
    across, down = decoded.scale

    def moved(point: Point) -> Point:
        return Point(point.x * across, point.y * down)

    box = face.box
    return DetectedFace(
        BoundingBox(box.left * across, box.top * down, box.width * across, box.height * down),
        Landmarks(*map(moved, face.landmarks.points)),
        face.detection_score,
    )
