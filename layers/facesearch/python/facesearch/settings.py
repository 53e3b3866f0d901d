"""The environment variables that configure every entry point, read once at its start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from facesearch.errors import SettingsError
from facesearch.machine import usable_cpus
from facesearch.vision.models import DEFAULT_EMBEDDER, EMBEDDERS

DEFAULT_STORE = "sqlite:///faces.db"
VIEWS = ("1", "2")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the store and the models are, and how much of the machine to use."""

    store_url: str = field(repr=False)
    """It may hold a password."""
    models: Path
    embedder: str
    threads: int
    views: int
    """Cuts of each face that its embedding is the mean of."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Raises `SettingsError`, naming the variable."""
        embedder = environ.get("FACESEARCH_EMBEDDER") or DEFAULT_EMBEDDER
        if embedder not in EMBEDDERS:
            raise SettingsError(
                f"FACESEARCH_EMBEDDER is '{embedder}': use one of {', '.join(EMBEDDERS)}"
            )
        models = environ.get("FACESEARCH_MODELS")
        return cls(
            store_url=environ.get("FACESEARCH_STORE") or DEFAULT_STORE,
            models=Path(models) if models else default_models(),
            embedder=embedder,
            threads=_threads(environ.get("FACESEARCH_THREADS") or "0"),
            views=_views(environ.get("FACESEARCH_VIEWS") or "1"),
        )


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


def _views(text: str) -> int:
    if text not in VIEWS:
        raise SettingsError(f"FACESEARCH_VIEWS is '{text}': use one of {', '.join(VIEWS)}")
    return int(text)
