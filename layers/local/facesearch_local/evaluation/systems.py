"""The systems that are compared: ways from photos to vectors, by name."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from facesearch.errors import FacesearchError, InvalidRequest
from facesearch.settings import Settings
from facesearch.vision.pipeline import AnalysedPhoto, FacePipeline
from facesearch_local.evaluation.middle import most_central
from facesearch_local.evaluation.peers import PeerSystem
from facesearch_local.evaluation.reported import FaceCrop, FacenetReport, WholeImage
from facesearch_local.evaluation.system import Embedded, System, SystemOptions
from facesearch_local.evaluation.variants import VARIANTS, Variant


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


def _peer(name: str, _: Settings, options: SystemOptions) -> System:
    return PeerSystem(name, options)


PEERS = ("facenet-pytorch", "dlib", "deepface")

SYSTEMS: Mapping[str, Callable[[Settings, SystemOptions], System]] = {
    "whole-image": WholeImage,
    "face-crop": FaceCrop,
    "facenet-report": lambda settings, _: FacenetReport(settings),
    "facenet": lambda settings, _: Facenet("facenet", FacePipeline.from_settings(settings)),
    **{name: partial(_variant, name, each) for name, each in VARIANTS.items()},
    **{f"peer:{name}": partial(_peer, name) for name in PEERS},
}


def open_system(name: str, settings: Settings, options: SystemOptions) -> System:
    """Raises `InvalidRequest` for a name that is unknown."""
    if name not in SYSTEMS:
        raise InvalidRequest(f"there is no system '{name}': use one of {', '.join(SYSTEMS)}")
    return SYSTEMS[name](settings, options)
