"""The systems that `facesearch evaluate` knows: recipes, run by the product's own pipeline."""

from collections.abc import Mapping, Sequence
from functools import partial

from facesearch.errors import FacesearchError
from facesearch.recipes.finding import ChosenRecipe, built_in
from facesearch.settings import Settings
from facesearch.vision.pipeline import AnalysedPhoto, FacePipeline
from facesearch_local.evaluation.central_face import most_central
from facesearch_local.evaluation.system import SHIPPED, Embedded, System, SystemEntry


class RecipeSystem:
    """A recipe; of several faces in a photo, the one nearest the middle."""

    other_processes_s = 0.0

    def __init__(self, name: str, pipeline: FacePipeline) -> None:
        self.name = name
        self._pipeline = pipeline
        recipe = self._pipeline.recipe
        self.recipe = f"{recipe.detector}; {recipe.crop}; {recipe.embedder}; central face"

    def embed(self, photos: Sequence[bytes]) -> list[Embedded]:
        return [_main_vector(photo) for photo in self._pipeline.analyse(photos)]


def recipe_entry(recipe: ChosenRecipe) -> SystemEntry:
    """The recipe as a system."""
    return SystemEntry(partial(_open, recipe), calibration=recipe.description.calibration)


def _open(recipe: ChosenRecipe, settings: Settings) -> System:
    return RecipeSystem(recipe.name, FacePipeline(settings.models, recipe, settings.threads))


def _main_vector(photo: AnalysedPhoto | FacesearchError) -> Embedded:
    if isinstance(photo, FacesearchError):
        return photo
    if not photo.faces:
        return None
    boxes = [face.detected.box for face in photo.faces]
    return photo.faces[most_central(boxes, photo.width, photo.height)].embedding


SYSTEMS: Mapping[str, SystemEntry] = {
    name: recipe_entry(built_in(name))
    for name in ("whole-image", "face-crop", "facenet-report", SHIPPED)
}
"""Those of the two reports, and FaceNet as it is now."""
