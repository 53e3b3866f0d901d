"""The systems that `facesearch evaluate` knows: ways from photos to vectors, by name."""

from collections.abc import Mapping, Sequence

from facesearch.errors import FacesearchError
from facesearch.settings import Settings
from facesearch.vision.pipeline import AnalysedPhoto, FacePipeline
from facesearch_local.evaluation.central_face import most_central
from facesearch_local.evaluation.reported import FaceCrop, FacenetReport, WholeImage
from facesearch_local.evaluation.system import SHIPPED, Embedded, System, SystemEntry, SystemOptions


class Facenet:
    """This project's pipeline: exactly as it is shipped, or with another recipe."""

    other_processes_s = 0.0

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


def _open_facenet(settings: Settings, _: SystemOptions) -> System:
    return Facenet(SHIPPED, FacePipeline.from_settings(settings))


def _open_facenet_report(settings: Settings, _: SystemOptions) -> System:
    return FacenetReport(settings)


SYSTEMS: Mapping[str, SystemEntry] = {
    "whole-image": SystemEntry(WholeImage),
    "face-crop": SystemEntry(FaceCrop),
    "facenet-report": SystemEntry(_open_facenet_report),
    SHIPPED: SystemEntry(_open_facenet),
}
