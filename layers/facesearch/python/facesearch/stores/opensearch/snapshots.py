"""Snapshots of a store's index in a repository of the cluster: take, list, restore."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from facesearch.closeable import Closeable
from facesearch.errors import InvalidRequest, RecipeMismatch, StoreError, StoreNotFound
from facesearch.stores.mismatch import named_recipe
from facesearch.stores.opensearch.client import OpenSearchClient, patient
from facesearch.stores.opensearch.copying import count_documents
from facesearch.stores.opensearch.index import (
    NamedIndex,
    StoreIndex,
    index_name,
    index_number,
    recipe_alias,
    store_indexes,
)
from facesearch.stores.opensearch.queries import REMEMBERED
from facesearch.stores.opensearch.settings import OpenSearchSettings

REPOSITORY = "facesearch"
"""The repository's name in the cluster. The stack's policy for operators is about this one."""
POLL_S = 1.0

Progress = Callable[[int, int], None]
"""Called with the bytes that are saved or restored, and all."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot: its name, the index in it, when it began (UTC), and whether it is whole."""

    name: str
    index: str
    began: datetime
    whole: bool


def repository_at(place: str, role_arn: str = "") -> dict[str, Any]:
    """The repository at `s3://bucket/prefix` or `file:///folder`, as OpenSearch declares one.

    On AWS the service writes to the bucket in a role, which `role_arn` names. A folder must be in
    the cluster's `path.repo`, and the same for all of its nodes. Raises `InvalidRequest`.
    """
    parts = urlsplit(place)
    path = unquote(parts.path)
    if parts.scheme == "file" and not parts.netloc and len(path) > 1:
        return {"type": "fs", "settings": {"location": path}}
    if parts.scheme != "s3" or not parts.netloc:
        raise InvalidRequest(
            f"'{place}' is no place for snapshots: use s3://bucket/prefix, or file:///folder"
        )
    settings = {"bucket": parts.netloc, "server_side_encryption": True}
    if path.strip("/"):
        settings["base_path"] = path.strip("/")
    if role_arn:
        settings["role_arn"] = role_arn
    return {"type": "s3", "settings": settings}


class StoreSnapshots(Closeable):
    """The snapshots of one store. Taking one disturbs neither searches nor writes."""

    def __init__(self, settings: OpenSearchSettings) -> None:
        self._settings = settings
        self._client = OpenSearchClient(settings, patient(settings))
        self._index = StoreIndex(self._client, None)

    @classmethod
    def from_url(cls, url: str) -> Self:
        """See `OpenSearchSettings.from_url`."""
        return cls(OpenSearchSettings.from_url(url))

    def use(self, repository: dict[str, Any]) -> None:
        """Tell the cluster of the repository, as `repository_at` makes it. It may know it."""
        if repository["type"] == "s3" and self._settings.region:
            # AWS documents the oldest region's otherwise than all others'.
            oldest = self._settings.region == "us-east-1"
            where = (
                {"endpoint": "s3.amazonaws.com"} if oldest else {"region": self._settings.region}
            )
            settings = {**where, **repository["settings"]}
            repository = {**repository, "settings": settings}
        self._client.request("PUT", f"/_snapshot/{REPOSITORY}", repository, timeout_s=60)

    def take(self, progress: Progress, *, now: datetime | None = None) -> Snapshot:
        """Save the store as of now, and wait for the end. Raises `StoreError` unless it is whole.

        Only what the repository does not have yet is written to it.
        """
        current = self._index.current()
        if current is None:
            raise self._index.not_found()
        moment = (now or datetime.now(UTC)).strftime("%Y%m%dt%H%M%Sz")
        name = f"{self._settings.index}-{moment}"
        wanted = {
            "indices": current.name,
            "include_global_state": False,
            "partial": False,
        }
        path = f"/_snapshot/{REPOSITORY}/{name}"
        self._client.request("PUT", path, wanted, ignore_error="invalid_snapshot_name_exception")
        while (taken := self._named(name)) is None or not taken.whole:
            status = self._client.request("GET", f"{path}/_status")["snapshots"][0]
            size = status["stats"]
            done = size.get("processed", {}).get("size_in_bytes", 0)
            progress(done, size.get("incremental", {}).get("size_in_bytes", 0))
            if status["state"] in ("FAILED", "ABORTED"):
                raise StoreError(f"snapshot '{name}' failed: see the cluster's log, take another")
            time.sleep(POLL_S)
        return taken

    def all(self) -> list[Snapshot]:
        """The store's snapshots, the newest last."""
        answer = self._client.request("GET", f"/_snapshot/{REPOSITORY}/_all")
        found = [self._snapshot(each) for each in answer["snapshots"]]
        own = [each for each in found if each and index_number(self._settings.index, each.index)]
        return sorted(own, key=lambda each: (each.began, each.name))

    def store_exists(self) -> bool:
        return self._index.current() is not None

    def restore(self, name: str, progress: Progress) -> tuple[str, int]:
        """Put a snapshot in the store's place; returns the new index and its number of photos.

        It becomes a new index beside the one in use, if there is one, which is kept. Raises
        `StoreNotFound` for an unknown one, `RecipeMismatch` if the store has another recipe by now.
        """
        snapshot = self._named(name)
        if snapshot is None or not snapshot.whole:
            raise StoreNotFound(f"there is no whole snapshot '{name}': list them")
        current = self._index.current()
        store = self._settings.index
        numbers = [index_number(store, each.name) for each in store_indexes(self._client)]
        target = index_name(store, max([*numbers, index_number(store, snapshot.index)]) + 1)
        self._client.request(
            "POST",
            f"/_snapshot/{REPOSITORY}/{name}/_restore",
            {
                "indices": snapshot.index,
                "include_global_state": False,
                "include_aliases": False,
                "rename_pattern": re.escape(snapshot.index),
                "rename_replacement": target,
            },
        )
        self._wait_for(target, progress)
        restored = self._described(target)
        if current and current.description.recipe != restored.description.recipe:
            self._client.request("DELETE", f"/{target}")
            raise RecipeMismatch(
                f"snapshot '{name}' holds embeddings of "
                f"{named_recipe(restored.description.recipe)}, and store '{self._settings.name}' "
                f"those of {named_recipe(current.description.recipe)}: nothing was changed"
            )
        self._put_in_place(restored)
        count_documents(self._client, restored)  # which refreshes it
        counted = self._client.request("POST", f"/{target}/_count", {"query": REMEMBERED})
        return target, int(counted["count"])

    def close(self) -> None:
        self._client.close()

    def _named(self, name: str) -> Snapshot | None:
        path = f"/_snapshot/{REPOSITORY}/{name}"
        answer = self._client.request("GET", path, ignore_error="snapshot_missing_exception")
        return self._snapshot(answer["snapshots"][0]) if answer else None

    def _snapshot(self, content: dict[str, Any]) -> Snapshot | None:
        if len(content["indices"]) != 1:
            return None
        began = datetime.fromtimestamp(content["start_time_in_millis"] / 1000, UTC)
        whole = content["state"] == "SUCCESS"
        return Snapshot(content["snapshot"], content["indices"][0], began, whole)

    def _wait_for(self, target: str, progress: Progress) -> None:
        """Wait until each shard of the index is there again."""
        while True:
            answer = self._client.request("GET", f"/{target}/_recovery")
            shards = [each for each in answer.get(target, {}).get("shards", []) if each["primary"]]
            sizes = [each["index"]["size"] for each in shards]
            progress(
                sum(size["recovered_in_bytes"] for size in sizes),
                sum(size["total_in_bytes"] for size in sizes),
            )
            if shards and all(each["stage"] == "DONE" for each in shards):
                return
            time.sleep(POLL_S)

    def _described(self, target: str) -> NamedIndex:
        answer = self._client.request("GET", f"/{target}/_mapping")
        return NamedIndex.of(target, answer[target]["mappings"], self._settings.name)

    def _put_in_place(self, restored: NamedIndex) -> None:
        """Move the aliases in one request."""
        store = self._settings.index
        of_recipe = recipe_alias(store, restored.description.recipe)
        taken = [each.name for each in store_indexes(self._client) if each.name != restored.name]
        actions = [
            {"remove": {"index": index, "alias": alias, "must_exist": False}}
            for index in taken
            for alias in (store, of_recipe)
        ]
        actions += [
            {"add": {"index": restored.name, "alias": alias}} for alias in (store, of_recipe)
        ]
        self._client.request("POST", "/_aliases", {"actions": actions})
