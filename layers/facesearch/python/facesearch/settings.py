"""The environment variables that configure every entry point, read once at its start."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from facesearch.errors import SettingsError
from facesearch.files import user_data_folder
from facesearch.machine import usable_cpus
from facesearch.recipes.finding import ChosenRecipe, find_recipe
from facesearch.store_urls import url_of
from facesearch.vision.limits import MAX_FACES, NO_LIMITS, IndexLimits

STORE_FILE = "faces.db"
FACENETS = {
    ("facenet-int8", "1"): "facenet",
    ("facenet-int8", "2"): "facenet-two-views",
    ("facenet-fp32", "1"): "facenet-fp32",
    ("facenet-fp32", "2"): "facenet-fp32-two-views",
}
"""FaceNet's recipes by FACESEARCH_EMBEDDER and FACESEARCH_VIEWS, which chose before there were
others."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the store and the models are, and how much of the machine to use."""

    store_url: str = field(repr=False)
    """It may hold a password."""
    models: Path
    threads: int
    recipe: ChosenRecipe | None = None
    """None: that of the store, or FaceNet."""
    limits: IndexLimits = NO_LIMITS
    """What a face must reach to be indexed."""
    very_likely: float | None = None
    """The distance up to which a match is called very likely; None: by the size of the index."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Raises `SettingsError`, naming the variable."""
        models = models_folder(environ)
        return cls(
            store_url=url_of(environ.get("FACESEARCH_STORE") or str(default_store())),
            models=models,
            threads=_threads(environ.get("FACESEARCH_THREADS") or "0"),
            recipe=_recipe(environ, models),
            limits=IndexLimits(
                min_face_size=_least(environ, "FACESEARCH_MIN_FACE_SIZE"),
                min_sharpness=_least(environ, "FACESEARCH_MIN_SHARPNESS"),
                min_detection_score=_least(environ, "FACESEARCH_MIN_DETECTION_SCORE", 1.0),
                max_faces=_max_faces(environ.get("FACESEARCH_MAX_FACES") or str(MAX_FACES)),
            ),
            very_likely=_distance(environ, "FACESEARCH_VERY_LIKELY_DISTANCE"),
        )


def default_store() -> Path:
    """`faces.db` in the user's data folder.

    Where there is none yet, but one in the current folder, the place of earlier versions, it is
    that one.
    """
    kept, before = user_data_folder() / STORE_FILE, Path(STORE_FILE)
    return before if before.is_file() and not kept.exists() else kept


def models_folder(environ: Mapping[str, str]) -> Path:
    """The folder of the models: FACESEARCH_MODELS, else the default one."""
    named = environ.get("FACESEARCH_MODELS")
    return Path(named) if named else default_models()


def default_models() -> Path:
    """The user's cache folder, where the model build puts its results."""
    # Not in Lambda, where FACESEARCH_MODELS names the layer.
    from platformdirs import user_cache_path  # noqa: PLC0415

    return user_cache_path("facesearch") / "models"


def _threads(text: str) -> int:
    if not text.isdecimal():
        raise SettingsError(
            f"FACESEARCH_THREADS is '{text}': use a number of CPU threads, or 0 for all"
        )
    return int(text) or usable_cpus()


def _recipe(environ: Mapping[str, str], models: Path) -> ChosenRecipe | None:
    if name := environ.get("FACESEARCH_RECIPE"):
        return find_recipe(name, models)
    embedder, views = environ.get("FACESEARCH_EMBEDDER"), environ.get("FACESEARCH_VIEWS")
    for place, (variable, text) in enumerate(
        (("FACESEARCH_EMBEDDER", embedder), ("FACESEARCH_VIEWS", views))
    ):
        values = dict.fromkeys(chosen[place] for chosen in FACENETS)
        if text and text not in values:
            raise SettingsError(f"{variable} is '{text}': use one of {', '.join(values)}")
    if embedder or views:
        return find_recipe(FACENETS[embedder or "facenet-int8", views or "1"], models)
    return None


def _least(environ: Mapping[str, str], name: str, highest: float = math.inf) -> float:
    text = environ.get(name) or "0"
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= highest or math.isinf(value):
        expected = "a number from 0" + ("" if math.isinf(highest) else f" to {highest:g}")
        raise SettingsError(f"{name} is '{text}': use {expected}")
    return value


def _distance(environ: Mapping[str, str], name: str) -> float | None:
    return _least(environ, name, 2.0) if environ.get(name) else None


def _max_faces(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= MAX_FACES):
        raise SettingsError(f"FACESEARCH_MAX_FACES is '{text}': use 1 to {MAX_FACES:,}")
    return int(text)
