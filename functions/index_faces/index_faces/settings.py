"""What the index function is told by its environment."""

from collections.abc import Mapping
from dataclasses import dataclass

from facesearch.collections import CollectionRule
from facesearch.settings import Settings


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """`shared` is what every entry point is told; `collections` is how the bucket tells them."""

    shared: Settings
    collections: CollectionRule

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "IndexSettings":
        """Raises `SettingsError`, naming the variable."""
        return cls(Settings.from_env(environ), CollectionRule.from_env(environ))
