"""The settings of the local server, from its environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from search_faces.settings import SWITCH, SearchSettings


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """The API's settings, and the folder for uploads, if there is one."""

    search: SearchSettings
    uploads: Path | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "ServeSettings":
        """Raises `SettingsError`, naming the variable."""
        folder = environ.get("FACESEARCH_UPLOADS", "")
        if folder in ("", *SWITCH):
            return cls(SearchSettings.from_env(environ))
        # New photos go into the folder: into no bucket.
        return cls(SearchSettings.from_env({**environ, "FACESEARCH_UPLOADS": "off"}), Path(folder))
