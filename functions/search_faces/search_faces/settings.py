"""The settings of the search API, from its environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from facesearch.collections import CollectionRule
from facesearch.errors import SettingsError
from facesearch.settings import Settings
from search_faces.limits import KeyCollections, parse_key_collections

SWITCH = ("on", "off")


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """`shared` are the settings of every entry point."""

    shared: Settings
    bucket: str = ""
    """The bucket whose photos a search may name; "" for none."""
    collections: CollectionRule = field(default_factory=CollectionRule)
    """How the bucket names collections."""
    uploads: bool = True
    """Whether callers may add photos to the bucket."""
    deletion: bool = False
    """Whether callers may delete photos from the bucket."""
    suffixes: tuple[str, ...] = ()
    """The endings of keys that are indexed; all keys if empty."""
    upload_origin: str = ""
    """Where the page sends new photos, if that is another origin than its own."""
    cors_origins: tuple[str, ...] = ()
    """Other origins whose pages may use the API."""
    commit: str = ""
    """The commit that runs, if known."""
    link_secret: bytes = field(default=b"", repr=False)
    """Signs links to photos of this machine; without, they have none."""
    key_collections: KeyCollections = field(default_factory=dict)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "SearchSettings":
        """Raises `SettingsError`, naming the variable."""
        return cls(
            Settings.from_env(environ),
            bucket=environ.get("FACESEARCH_BUCKET", ""),
            collections=CollectionRule.from_env(environ),
            uploads=_switch(environ, "FACESEARCH_UPLOADS", "on"),
            deletion=_switch(environ, "FACESEARCH_DELETION", "off"),
            suffixes=_words(environ.get("FACESEARCH_SUFFIXES", "")),
            upload_origin=environ.get("FACESEARCH_UPLOAD_ORIGIN", ""),
            cors_origins=_words(environ.get("FACESEARCH_CORS_ORIGINS", "")),
            commit=environ.get("FACESEARCH_COMMIT", ""),
            key_collections=parse_key_collections(environ.get("FACESEARCH_KEY_COLLECTIONS", "")),
        )


def _switch(environ: Mapping[str, str], name: str, default: str) -> bool:
    text = environ.get(name) or default
    if text not in SWITCH:
        raise SettingsError(f"{name} is '{text}': use one of {', '.join(SWITCH)}")
    return text == SWITCH[0]


def _words(text: str) -> tuple[str, ...]:
    """Split a text at its commas."""
    return tuple(each for each in text.split(",") if each)
