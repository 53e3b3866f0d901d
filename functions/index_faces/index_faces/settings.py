"""The settings of the index function, from its environment."""

from collections.abc import Mapping
from dataclasses import dataclass

from facesearch.collections import CollectionRule
from facesearch.errors import SettingsError
from facesearch.settings import Settings


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """`shared` are those of every entry point; `collections` says how the bucket names them.

    Messages about another bucket than `bucket` are refused. `reembedding`: photos are written to
    the index that a rebuild has begun.
    """

    shared: Settings
    bucket: str
    collections: CollectionRule
    reembedding: bool = False

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "IndexSettings":
        """Raises `SettingsError`, naming the variable."""
        shared = Settings.from_env(environ)
        collections = CollectionRule.from_env(environ)
        bucket = environ.get("FACESEARCH_BUCKET", "")
        if not bucket:
            raise SettingsError("FACESEARCH_BUCKET is not set: name the bucket of the photos")
        reembedding = environ.get("FACESEARCH_REEMBEDDING", "off")
        if reembedding not in ("on", "off"):
            raise SettingsError(f"FACESEARCH_REEMBEDDING is '{reembedding}': use on or off")
        return cls(shared, bucket, collections, reembedding == "on")
