"""The settings of the function that embeds photos again, beside those of the index function."""

from collections.abc import Mapping
from dataclasses import dataclass

from facesearch.errors import SettingsError
from index_faces.settings import IndexSettings


@dataclass(frozen=True, slots=True)
class ReembeddingSettings:
    """`queue_url`: where photos are sent. `concurrency`: how many functions work at once."""

    index: IndexSettings
    queue_url: str
    concurrency: int

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "ReembeddingSettings":
        """Raises `SettingsError`, naming the variable."""
        queue_url = environ.get("FACESEARCH_QUEUE", "")
        if not queue_url:
            raise SettingsError("FACESEARCH_QUEUE is not set: give the URL of the queue")
        text = environ.get("FACESEARCH_CONCURRENCY", "")
        if not text.isascii() or not text.isdecimal():
            raise SettingsError(f"FACESEARCH_CONCURRENCY is '{text}': use a whole number")
        return cls(IndexSettings.from_env(environ), queue_url, int(text))
