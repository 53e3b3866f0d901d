"""Rebuild a store while others embed its photos: in steps, each of which may be cut short.

A step compares the old index with the new one, in the order of the engine's sequence numbers, and
sends what the new one lacks. The sequence numbers in the description say how far that went: `sent`,
and `copied`, up to which the new index was found to have everything. So a step that is killed is
repeated by the next, and what was lost on its way is sent again. Only one step may run at a time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from facesearch.errors import InvalidRequest, StoreNotFound
from facesearch.stores.opensearch.copying import (
    FORGOTTEN,
    copy_documents,
    count_documents,
    positions,
)
from facesearch.stores.opensearch.index import (
    IndexDescription,
    NamedIndex,
    describe_index,
    store_indexes,
)
from facesearch.stores.opensearch.queries import REMEMBERED, QueryBody
from facesearch.stores.opensearch.rebuild import OpenSearchRebuild
from facesearch.stores.opensearch.store import OpenSearchStore
from facesearch.stores.protocol import FaceStore

MOST_LISTED = 5_000
"""Documents that are compared at a time."""
MOST_WHILE_BLOCKED = 2_000
"""Changes that may be left when writes are blocked: more are sent before."""
POLL_S = 2.0
MOST_IDLE = 10
"""So many polls that find nobody at work end a step: the next one sends again what is lacking."""
SPARE_S = 30.0
"""A step ends so long before its time is up."""


@dataclass(frozen=True, slots=True)
class PhotoToSend:
    """A photo that the new index lacks; `sequence` and `limits` as in `Photo`."""

    photo_id: str
    sequence: int
    limits: Mapping[str, float] = field(default_factory=dict, compare=False)


class Workers(Protocol):
    """Who embed photos again, and write them to `FannedRebuild.target_store`."""

    def send(self, photos: Sequence[PhotoToSend], *, again: bool) -> None:
        """Have the photos embedded. Of those sent `again`, some may be gone from their bucket."""

    def busy(self) -> bool:
        """Whether photos that were sent may still be under way."""


@dataclass(frozen=True, slots=True)
class RebuildState:
    """How far a rebuild is: `photos` of the old index, and `done` of them in the new one.

    `phase` is "idle" (it can begin), "running", or "done" (the store is as wanted).
    """

    phase: str
    photos: int
    done: int
    old: str
    new: str = ""


@dataclass(slots=True)
class _Step:
    """What a step works with. `sent` are the photos that it sent."""

    source: NamedIndex
    target: NamedIndex
    workers: Workers
    left_s: Callable[[], float]
    wait: Callable[[float], None]
    sent: set[PhotoToSend] = field(default_factory=set)
    idle: int = 0

    def goes_on(self) -> bool:
        """Wait for the workers. False when time is up, or nobody has worked for a while."""
        self.idle = 0 if self.workers.busy() else self.idle + 1
        if self.idle > MOST_IDLE or not self.has_time:
            return False
        self.wait(POLL_S)
        return True

    @property
    def done(self) -> IndexDescription:
        return self.target.description

    @property
    def open(self) -> bool:
        """Whether something that was sent is not in the new index."""
        return self.done.copied < self.done.sent

    @property
    def has_time(self) -> bool:
        return self.left_s() > SPARE_S


class FannedRebuild(OpenSearchRebuild):
    """A rebuild whose photos are embedded by others. The order of changes is kept throughout."""

    def begin(self, prefix: str) -> RebuildState:
        """Make the new index, or go on with the one that was begun.

        Raises `InvalidRequest` when the store has photos whose ids do not start with `prefix`, and
        which the workers could therefore not read.
        """
        source = self._source()
        if source.description.recipe != self._recipe:
            others = self._count(source, [REMEMBERED], [{"prefix": {"photo_id": prefix}}])
            if others:
                raise InvalidRequest(
                    f"{others:,} photos of the store are not in {prefix}: run facesearch reindex "
                    "where they can be read"
                )
        self._begun(source)
        return self.state()

    def state(self) -> RebuildState:
        """How far it is, as of some seconds ago. Raises `StoreNotFound` without a store."""
        source, target = self._source(), self._under_way()
        photos = self._count(source, [REMEMBERED])
        if target is not None:
            done = self._count(target, [REMEMBERED])
            return RebuildState("running", photos, min(done, photos), source.name, target.name)
        wanted, current = self._wanted(source), source.description
        if (current.recipe, current.shape) == (wanted.recipe, wanted.shape):
            return RebuildState("done", photos, photos, "", source.name)
        return RebuildState("idle", photos, 0, source.name)

    def step(
        self, workers: Workers, left_s: Callable[[], float], wait: Callable[[float], None]
    ) -> RebuildState:
        """Go on for as long as there is time. In the end, the new index replaces the old one."""
        source, target = self._source(), self._under_way()
        if target is not None:
            # A step that was killed may have left them blocked.
            self._allow_writes_unless_replaced(source)
            self._go_on(_Step(source, target, workers, left_s, wait))
        return self.state()

    def target_store(self) -> FaceStore:
        """The store of the new index, in use or not yet. Raises `StoreNotFound` without one."""
        source, target = self._source(), self._under_way()
        if target is None and source.description.recipe != self._recipe:
            raise StoreNotFound(f"no rebuild of store '{self._settings.name}' was begun")
        index = (target or source).name
        return OpenSearchStore(replace(self._settings, index=index), self._recipe, creates=False)

    def _under_way(self) -> NamedIndex | None:
        wanted = self._wanted(self._source())
        for index in store_indexes(self._client):
            if replace(index.description, copied=-1, sent=-1) == wanted:
                return index
        return None

    def _go_on(self, step: "_Step") -> None:
        self._check_off(step)
        if step.open and not step.workers.busy():
            # Nobody works on them any more, and yet they are not there.
            for window in self._windows(step.source, step.done.copied, step.done.sent):
                if not step.has_time:
                    return
                self._bring(step, window, again=True)
            return
        while step.has_time:
            settled, last = self._refreshed(step.source)
            for window in self._windows(step.source, step.done.sent, settled):
                if not step.has_time:
                    return
                self._bring(step, window)
                self._remember(step, sent=window[1])
            self._check_off(step)
            # Each shard numbers its documents by itself, so some may be numbered above `settled`.
            rest = (step.done.copied, last)
            if step.open:
                if not step.goes_on():
                    return
            elif self._count_lacking(step, rest) > MOST_WHILE_BLOCKED:
                for window in self._windows(step.source, *rest):
                    self._bring(step, window)
                if not step.goes_on():
                    return
            else:
                self._finish(step)
                return

    def _finish(self, step: "_Step") -> None:
        """Block writes, have the rest done, and put the new index in place, if time suffices."""
        source, target = step.source, step.target
        self._client.request("PUT", f"/{source.name}/_block/write")
        try:
            rest = (step.done.copied, self._refreshed(source)[1])
            for window in self._windows(source, *rest):
                self._bring(step, window, again=True)
            while self._count_lacking(step, rest):
                if not step.goes_on():
                    return
            self._check_complete(source, target)
            self._put_in_place(source, target)
        finally:
            self._allow_writes_unless_replaced(source)

    def _refreshed(self, source: NamedIndex) -> tuple[int, int]:
        """The positions, with everything below them found by searches."""
        reached = positions(self._client, source)
        count_documents(self._client, source)
        return reached

    def _check_off(self, step: "_Step") -> None:
        """Note up to where the new index has everything that was sent."""
        for window in self._windows(step.source, step.done.copied, step.done.sent):
            if self._lacking(step, window):
                return
            self._remember(step, copied=window[1])

    def _bring(self, step: "_Step", window: tuple[int, int], *, again: bool = False) -> None:
        """Copy or send what the new index lacks; the same photo `again` only if asked to."""
        lacking = self._lacking(step, window)
        if not lacking:
            return
        source, target = step.source, step.target
        if source.description.recipe == self._recipe:
            copy_documents(self._client, source, target, _within(window))
            return
        if None in lacking:
            forgotten = {"bool": {"filter": [_within(window), FORGOTTEN]}}
            copy_documents(self._client, source, target, forgotten)
        photos = [each for each in lacking if each is not None]
        new = photos if again else [each for each in photos if each not in step.sent]
        if new:
            step.workers.send(new, again=again)
            step.sent.update(new)

    def _count_lacking(self, step: "_Step", window: tuple[int, int]) -> int:
        return sum(len(self._lacking(step, part)) for part in self._windows(step.source, *window))

    def _lacking(self, step: "_Step", window: tuple[int, int]) -> list[PhotoToSend | None]:
        """What the new index has not, or has of an older sequence; None for forgotten photos."""
        source, target = step.source, step.target
        search = {
            "size": 2 * MOST_LISTED,
            "query": _within(window),
            "_source": ["photo_id", "sequence", "forgotten", "left_out.limits"],
        }
        found = self._client.request("POST", f"/{source.name}/_search", search)["hits"]["hits"]
        if not found:
            return []
        asked = {"docs": [{"_id": hit["_id"], "_source": ["sequence"]} for hit in found]}
        answer = self._client.request("POST", f"/{target.name}/_mget", asked)
        there = {
            each["_id"]: each["_source"]["sequence"] for each in answer["docs"] if each["found"]
        }
        return [
            None if hit["_source"]["forgotten"] else _to_send(hit["_source"])
            for hit in found
            if there.get(hit["_id"], -1) < hit["_source"]["sequence"]
        ]

    def _windows(self, source: NamedIndex, start: int, end: int) -> list[tuple[int, int]]:
        # Each shard numbers its documents by itself.
        step = max(MOST_LISTED // source.description.shape.shards, 1)
        return [(first, min(first + step, end)) for first in range(start, end, step)]

    def _remember(self, step: "_Step", *, sent: int = -1, copied: int = -1) -> None:
        known = step.done
        description = replace(known, sent=max(known.sent, sent), copied=max(known.copied, copied))
        if description != known:
            step.target = replace(step.target, description=description)
            describe_index(self._client, step.target)

    def _count(
        self,
        index: NamedIndex,
        conditions: Sequence[QueryBody],
        exceptions: Sequence[QueryBody] = (),
    ) -> int:
        query = {"bool": {"filter": list(conditions), "must_not": list(exceptions)}}
        path = f"/{index.name}/_count"
        counted: int = self._client.request("POST", path, {"query": query})["count"]
        return counted


def _to_send(content: Mapping[str, Any]) -> PhotoToSend:
    limits = content.get("left_out", {}).get("limits", {})
    return PhotoToSend(content["photo_id"], content["sequence"], limits)


def _within(window: tuple[int, int]) -> QueryBody:
    start, end = window
    return {"range": {"_seq_no": {"gt": start, "lte": end}}}
