"""The settings of the index function, from its environment."""

from collections.abc import Mapping
from dataclasses import dataclass

from facesearch.collections import CollectionRule
from facesearch.settings import Settings


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """`shared` are those of every entry point; `collections` says how the bucket names them."""

    shared: Settings
    collections: CollectionRule

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "IndexSettings":
        """Raises `SettingsError`, naming the variable."""
        return cls(Settings.from_env(environ), CollectionRule.from_env(environ))
