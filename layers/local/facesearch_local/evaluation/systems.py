"""The systems that are compared: ways from photos to vectors, by name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import FacesearchError, InvalidRequest
from facesearch.settings import Settings
from facesearch.vision.pipeline import AnalysedPhoto, FacePipeline
from facesearch_local.evaluation.middle import most_central
from facesearch_local.evaluation.variants import VARIANTS, Variant

Embedded = NDArray[np.float32] | FacesearchError | None
"""A vector, why there is none, or None where no face was found."""


class System(Protocol):
    """A way from photos to vectors, with every parameter that changes its numbers.

    `recipe` is the text of all steps and parameters: the cache's key. `elsewhere_s` is the CPU time
    in seconds that other processes spent for it so far.
    """

    name: str
    recipe: str
    elsewhere_s: float

    def embed(self, photos: Sequence[bytes]) -> list[Embedded]:
        """A vector of each photo's main face (nearest the middle)."""


@dataclass(frozen=True, slots=True)
class SystemOptions:
    """The classifier of `whole-image` and `face-crop`, when it is not the one built here.

    `peer_python` is the Python that has the packages of the peers; None is this one.
    """

    classifier: Path | None = None
    sha256: str = ""
    preprocessing: str = ""
    output: str = ""
    peer_python: Path | None = None


class Facenet:
    """This project's pipeline: exactly as it is shipped, or a variant of it."""

    elsewhere_s = 0.0

    def __init__(self, name: str, pipeline: FacePipeline) -> None:
        self.name = name
        self._pipeline = pipeline
        recipe = self._pipeline.recipe
        self.recipe = f"{recipe.detector}; {recipe.crop}; {recipe.embedder}; central face"

    def embed(self, photos: Sequence[bytes]) -> list[Embedded]:
        return [_main_vector(photo) for photo in self._pipeline.analyse(photos)]


def _main_vector(photo: AnalysedPhoto | FacesearchError) -> Embedded:
    if isinstance(photo, FacesearchError):
        return photo
    if not photo.faces:
        return None
    boxes = [face.detected.box for face in photo.faces]
    return photo.faces[most_central(boxes, photo.width, photo.height)].embedding


def _variant(name: str, variant: Variant, settings: Settings, _: SystemOptions) -> System:
    models, threads = settings.models, settings.threads
    views, detection = variant.views, variant.detection
    return Facenet(name, FacePipeline(models, variant.embedder, threads, views, detection))


def _whole_image(settings: Settings, options: SystemOptions) -> System:
    from facesearch_local.evaluation.reported import WholeImage

    return WholeImage(settings, options)


def _face_crop(settings: Settings, options: SystemOptions) -> System:
    from facesearch_local.evaluation.reported import FaceCrop

    return FaceCrop(settings, options)


def _facenet_report(settings: Settings, _: SystemOptions) -> System:
    from facesearch_local.evaluation.reported import FacenetReport

    return FacenetReport(settings)


def _peer(name: str, _: Settings, options: SystemOptions) -> System:
    from facesearch_local.evaluation.peers import PeerSystem

    return PeerSystem(name, options)


PEERS = ("facenet-pytorch", "dlib", "deepface")

SYSTEMS: Mapping[str, Callable[[Settings, SystemOptions], System]] = {
    "whole-image": _whole_image,
    "face-crop": _face_crop,
    "facenet-report": _facenet_report,
    "facenet": lambda settings, _: Facenet("facenet", FacePipeline.from_settings(settings)),
    **{name: partial(_variant, name, each) for name, each in VARIANTS.items()},
    **{f"peer:{name}": partial(_peer, name) for name in PEERS},
}


def open_system(name: str, settings: Settings, options: SystemOptions) -> System:
    """Raises `InvalidRequest` for a name that is unknown."""
    if name not in SYSTEMS:
        raise InvalidRequest(f"there is no system '{name}': use one of {', '.join(SYSTEMS)}")
    return SYSTEMS[name](settings, options)
