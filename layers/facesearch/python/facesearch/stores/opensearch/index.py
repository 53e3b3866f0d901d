"""The index behind an OpenSearch store: its names, its mapping and its creation.

A store `faces` is an index `faces-000001` with two aliases. `faces` works for any recipe.
`faces-v1-<fingerprint>` is used only by stores that were opened with that recipe. So no request
can mix recipes, even while a reindex replaces the index: the alias is then missing.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from facesearch.errors import InvalidRequest, StoreDamaged, StoreNotFound
from facesearch.faces import Recipe
from facesearch.stores.mismatch import recipe_mismatch
from facesearch.stores.opensearch.client import OpenSearchClient
from facesearch.stores.opensearch.settings import IndexShape, OpenSearchSettings

FORMAT = 1
META = "facesearch"

_MERGES = {"merge.policy.segments_per_tier": 4, "merge.policy.floor_segment": "64mb"}
"""A search walks the graph of each segment, so few large ones (`tests.benchmarks.bench_scale`)."""

_KEYWORD = {"type": "keyword"}
_KEPT_NUMBER = {"type": "double", "index": False, "doc_values": False}
_KEPT_INTEGER = {"type": "integer", "index": False, "doc_values": False}
_SUMMED_INTEGER = {"type": "integer", "index": False}
_LEFT_OUT = {
    "properties": {
        "by_quality": _SUMMED_INTEGER,
        "by_max_faces": _SUMMED_INTEGER,
        "limits": {"type": "object", "enabled": False},
    }
}

_STEPS = ("detector", "crop", "embedder")
_SPACE = ("dimension", "unit_length")
_OF_EARLIER = Recipe("", "", "")


@dataclass(frozen=True, slots=True)
class IndexDescription:
    """How an index was made, as its mapping's `_meta` records it.

    `filters_faces` is false for indexes of earlier versions, which cannot be searched by detection
    score. `replaces` names the index that this one will replace, else it is empty. `copied` is the
    engine's sequence number up to which that index has been copied, `sent` the one up to which
    its photos were sent to others, who embed them again.
    """

    recipe: Recipe
    shape: IndexShape
    replaces: str = ""
    copied: int = -1
    filters_faces: bool = True
    sent: int = -1

    def as_meta(self) -> dict[str, Any]:
        # Earlier versions know one dimension, and no field for it.
        unlike = [
            name for name in _SPACE if getattr(self.recipe, name) != getattr(_OF_EARLIER, name)
        ]
        recipe = {name: getattr(self.recipe, name) for name in (*_STEPS, *unlike)}
        return {META: {"format": FORMAT, **asdict(self), "recipe": recipe}}

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any], name: str) -> Self:
        """Raises `StoreDamaged` unless this program and version made the index."""
        own = meta.get(META)
        if not isinstance(own, dict):
            raise StoreDamaged(f"'{name}' is an index of another program: choose another name")
        if own.get("format") != FORMAT:
            raise StoreDamaged(
                f"store '{name}' has format {own.get('format')}, this facesearch knows {FORMAT}: "
                "use the facesearch that made it, or index into another store"
            )
        try:
            return cls(
                recipe=Recipe(**own["recipe"]),
                shape=IndexShape(**own["shape"]),
                replaces=own["replaces"],
                copied=own["copied"],
                filters_faces=own.get("filters_faces", False),
                sent=own.get("sent", -1),
            )
        except (KeyError, TypeError) as error:
            raise StoreDamaged(
                f"store '{name}' does not describe itself as it should: restore it from a "
                "snapshot, or delete it and index again"
            ) from error


@dataclass(frozen=True, slots=True)
class NamedIndex:
    """An index's own name, and its description.

    `takes_left_out`: whether it has the field for faces that were left out; those of earlier
    versions do once they are upgraded.
    """

    name: str
    description: IndexDescription
    takes_left_out: bool = True

    @classmethod
    def of(cls, name: str, mappings: Mapping[str, Any], store: str) -> Self:
        """Raises `StoreDamaged` unless this program made the index."""
        description = IndexDescription.from_meta(mappings.get("_meta", {}), store)
        return cls(name, description, "left_out" in mappings.get("properties", {}))


class StoreIndex:
    """The index of one store, opened with one recipe, or without one to read any."""

    def __init__(
        self, client: OpenSearchClient, recipe: Recipe | None, *, creates: bool = True
    ) -> None:
        self._client = client
        self._settings = client.settings
        self._recipe = recipe
        self._creates = creates
        self._takes_left_out = False

    @property
    def alias(self) -> str:
        """Where this store's requests go."""
        name = self._settings.index
        return recipe_alias(name, self._recipe) if self._recipe else name

    def current(self) -> NamedIndex | None:
        """The store's index; None if it does not exist. Raises `StoreDamaged`."""
        try:
            answer = self._client.request("GET", f"/{self._settings.index}/_mapping")
        except StoreNotFound:
            return None
        if not isinstance(answer, dict) or len(answer) != 1:
            raise StoreDamaged(
                f"store '{self._settings.name}' is an alias of several indexes, must be of one: "
                "remove the others from the alias"
            )
        ((name, index),) = answer.items()
        return NamedIndex.of(name, index.get("mappings", {}), self._settings.name)

    def check(self) -> None:
        """Raise unless the store exists and has the recipe."""
        current = self.current()
        if current is None:
            raise self.not_found()
        stored = current.description.recipe
        if self._recipe is not None and self._recipe != stored:
            raise recipe_mismatch(self._settings.name, stored, self._recipe)

    def takes_left_out(self) -> bool:
        """Whether the index has the field `left_out`. It is asked for until it does."""
        if not self._takes_left_out:
            current = self.current()
            self._takes_left_out = current is not None and current.takes_left_out
        return self._takes_left_out

    def check_filters(self) -> None:
        """Raise `InvalidRequest` unless faces can be searched by their score."""
        current = self.current()
        if current is not None and not current.description.filters_faces:
            raise InvalidRequest(
                "min_detection_score needs an index that this version made: leave it out, or have "
                "the index made anew (facesearch upgrade)"
            )

    def missing_alias(self) -> StoreDamaged:
        return StoreDamaged(
            f"store '{self._settings.name}' lacks the alias '{self.alias}': add it to the index "
            f"behind '{self._settings.index}', or restore both from a snapshot"
        )

    def ensure(self) -> None:
        """Create the index if it is missing. Several processes may do so at once."""
        if self._recipe is None:
            raise ValueError("a store opened without a recipe cannot be written")
        if self._creates and self.current() is None:
            description = IndexDescription(self._recipe, self._settings.shape)
            first = index_name(self._settings.index, 1)
            create_index(
                self._client, first, description, aliases=(self._settings.index, self.alias)
            )
            if self.current() is None:
                raise StoreDamaged(
                    f"store '{self._settings.name}' cannot be created: there is an index '{first}' "
                    f"that lacks the alias '{self._settings.index}': add it, or delete the index"
                )
        self.check()

    def not_found(self) -> StoreNotFound:
        return StoreNotFound(
            f"there is no store '{self._settings.name}' yet: index some photos first"
        )


def recipe_alias(name: str, recipe: Recipe) -> str:
    return f"{name}-v{FORMAT}-{recipe.fingerprint}"


def index_name(store: str, number: int) -> str:
    return f"{store}-{number:06d}"


def index_number(store: str, index: str) -> int:
    """The number of one of the store's indexes; 0 for any other index."""
    match = re.fullmatch(re.escape(store) + r"-(\d{6})", index)
    return int(match[1]) if match else 0


def store_indexes(client: OpenSearchClient) -> list[NamedIndex]:
    """All indexes of the store, oldest first: old ones, the one in use, one being built."""
    store = client.settings.index
    params = {"expand_wildcards": "all"}
    answer = client.request("GET", f"/{store}-*/_mapping", params=params)
    return [
        NamedIndex.of(name, answer[name]["mappings"], name)
        for name in sorted(answer)
        if index_number(store, name)
    ]


def describe_index(client: OpenSearchClient, index: NamedIndex) -> None:
    """Replace the index's description."""
    client.request("PUT", f"/{index.name}/_mapping", {"_meta": index.description.as_meta()})


def add_left_out(client: OpenSearchClient, index: NamedIndex) -> None:
    """Give an index of an earlier version the field for faces that were left out."""
    if not index.takes_left_out:
        fields = {"properties": {"left_out": _LEFT_OUT}}
        client.request("PUT", f"/{index.name}/_mapping", fields)


def create_index(
    client: OpenSearchClient, name: str, description: IndexDescription, aliases: tuple[str, ...]
) -> None:
    """Create the index with its aliases. An index that exists is left as it is."""
    client.request(
        "PUT",
        f"/{name}",
        {
            "settings": {"index": index_settings(client.settings, description.shape)},
            "mappings": _mapping(description),
            "aliases": {alias: {} for alias in aliases},
        },
        ignore_error="resource_already_exists_exception",
    )


def index_settings(settings: OpenSearchSettings, shape: IndexShape) -> dict[str, Any]:
    return {"knn": True, "number_of_shards": shape.shards, **adjustable_settings(settings)}


def adjustable_settings(settings: OpenSearchSettings) -> dict[str, Any]:
    """Settings that may be changed while the index is in use."""
    if settings.replicas is None:
        copies: dict[str, Any] = {"auto_expand_replicas": "0-1"}
    else:
        copies = {"auto_expand_replicas": "false", "number_of_replicas": settings.replicas}
    return {"refresh_interval": settings.refresh_interval, **_MERGES, **copies}


def _mapping(description: IndexDescription) -> dict[str, Any]:
    """One document for a photo and its faces, so that they are written and removed together."""
    return {
        "dynamic": "strict",
        "_meta": description.as_meta(),
        "properties": {
            "key": _KEYWORD,
            "photo_id": _KEYWORD,
            "sequence": {"type": "long", "index": False, "doc_values": False},
            "forgotten": {"type": "boolean"},
            "revision": {"type": "keyword", "index": False, "doc_values": False},
            "width": _KEPT_INTEGER,
            "height": _KEPT_INTEGER,
            "collection": _KEYWORD,
            "problem": _KEYWORD,
            "metadata": {"type": "object", "enabled": False},
            "metadata_entries": _KEYWORD,
            "left_out": _LEFT_OUT,
            "faces": {
                "type": "nested",
                "properties": {
                    "box": _KEPT_NUMBER,
                    "landmarks": _KEPT_NUMBER,
                    "detection_score": {"type": "double"},
                    "embedding": _embedding_field(description.shape, description.recipe.dimension),
                },
            },
        },
    }


def _embedding_field(shape: IndexShape, dimension: int) -> dict[str, Any]:
    parameters: dict[str, Any] = {"m": shape.m, "ef_construction": shape.ef_construction}
    if shape.compression == "4x":
        parameters["encoder"] = {"name": "sq"}
    return {
        "type": "knn_vector",
        "dimension": dimension,
        "method": {
            "name": "hnsw",
            "engine": "lucene",
            "space_type": "l2",
            "parameters": parameters,
        },
    }
