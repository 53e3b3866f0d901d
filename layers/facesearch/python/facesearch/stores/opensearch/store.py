"""The store in an OpenSearch k-NN index, for many users and many faces.

Searches are approximate (HNSW): they may miss a face. Distances and order are exact.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from math import ceil
from typing import Any, Self

import numpy as np

from facesearch.closeable import Closeable
from facesearch.errors import StoreError, StoreNotFound
from facesearch.faces import (
    Embedding,
    IndexedPhoto,
    LeftOut,
    Match,
    PhotoListing,
    Recipe,
    Removal,
    StoredFace,
    photo_key,
)
from facesearch.hidden import (
    Region,
    Regions,
    decide,
    search_shown,
    with_hidden,
    with_hidden_faces,
)
from facesearch.planning.hnsw import crowded, hnsw_for
from facesearch.stores.checks import check_change, check_query
from facesearch.stores.opensearch.bulk import BulkWriter
from facesearch.stores.opensearch.client import OpenSearchClient, patient
from facesearch.stores.opensearch.documents import (
    ONLY_OF_FACES,
    hidden_document,
    hidden_id,
    indexed_photo_of,
    listing_of,
    regions_of,
    stored_faces_of,
)
from facesearch.stores.opensearch.errors import WritesBlocked
from facesearch.stores.opensearch.index import StoreIndex
from facesearch.stores.opensearch.queries import (
    MOST_APPROXIMATE,
    MOST_CANDIDATES,
    QueryBody,
    any_hidden,
    by_photo_id,
    count_all,
    count_by_collection,
    count_documents,
    count_lacking_faces,
    counts_of,
    exact_search,
    face_filters,
    nearest_search,
    scope_filters,
)
from facesearch.stores.opensearch.settings import OpenSearchSettings
from facesearch.stores.opensearch.status import status_of_index
from facesearch.stores.protocol import Counts, StoreStatus

PHOTOS_A_PAGE = 1000
PHOTOS_WITH_FACES_A_PAGE = 100
COLLECTIONS_A_PAGE = 1000

RECOUNT_S = 600.0
"""How long a search goes by the number of photos that there were."""

HIDING_S = 10.0
"""How long hiding a face waits for the end of a reindex: a gateway waits for 29 s."""

MOST_TIED = 1000
"""Photos to read when more are equally near than were asked for."""

SPARE = 4
"""So many times the photos are read where some of them will drop out."""

SCORE_STEP = 2.0**-22
"""The engine's scores are float32 of at most 1: a smaller difference may be lost."""

_Hit = Mapping[str, Any]


class OpenSearchStore(Closeable):
    """The `FaceStore` in an OpenSearch index. Several threads and processes may use it.

    A write is durable, and `photo` and `face` see it at once. Searches, `photos`, `faces` and
    counts see it within the index's refresh interval (see `OpenSearchSettings`). `photos` and
    `faces` read a page at a time; each page shows the store at that moment.
    """

    def __init__(
        self, settings: OpenSearchSettings, recipe: Recipe | None, *, creates: bool = True
    ) -> None:
        """`creates`: the first write makes the index, else it raises `StoreNotFound`."""
        self._settings = settings
        self._recipe = recipe
        self._client = OpenSearchClient(settings)
        self._index = StoreIndex(self._client, recipe, creates=creates)
        self._writer = BulkWriter(
            self._client, self._index.alias, self._index.ensure, self._index.takes_left_out
        )
        self._checked = False
        self._ef_search, self._counted = hnsw_for(0).ef_search, -RECOUNT_S

    @classmethod
    def from_url(cls, url: str, recipe: Recipe | None) -> Self:
        """See `OpenSearchSettings.from_url`."""
        return cls(OpenSearchSettings.from_url(url), recipe)

    @property
    def recipe(self) -> Recipe | None:
        return self._recipe

    def write(self, changes: Sequence[IndexedPhoto | Removal]) -> list[bool | StoreError]:
        if self._recipe is None:
            raise ValueError("a store opened without a recipe cannot be written")
        for change in changes:
            check_change(change, self._recipe)
        if not changes:
            return []
        self._check_once(self._index.ensure)
        return self._writer.write(changes)

    def search(
        self,
        embedding: Embedding,
        k: int,
        *,
        collection: str | None = None,
        metadata: Mapping[str, str] | None = None,
        min_detection_score: float = 0.0,
    ) -> list[Match]:
        if self._recipe is None:
            raise ValueError("a store opened without a recipe cannot be searched")
        check_query(embedding, k, self._recipe)
        filters = scope_filters(collection, metadata or {})
        on_faces = face_filters(min_detection_score)
        if on_faces:
            self._index.check_filters()

        hidden = True

        def nearest(wanted: int) -> list[Match]:
            nonlocal hidden
            matches, hidden = self._nearest(
                embedding, wanted, filters, on_faces, min_detection_score
            )
            return matches

        def hidden_in(photo_ids: Collection[str]) -> Mapping[str, Regions]:
            return self.hidden_regions(photo_ids) if hidden else {}

        return search_shown(nearest, hidden_in, k)

    def _nearest(
        self,
        embedding: Embedding,
        k: int,
        filters: Sequence[QueryBody],
        on_faces: Sequence[QueryBody],
        min_detection_score: float,
    ) -> tuple[list[Match], bool]:
        """The k nearest faces, hidden ones too, and whether any face may be hidden."""
        passed: list[Match] = []
        hidden = True
        # The engine knows conditions on photos and on faces, but not both at once.
        is_split = bool(filters and on_faces)
        for size, candidates in self._sizes(k, is_split=is_split):
            conditions = (filters, []) if is_split else (filters, on_faces)
            query = nearest_search(embedding, *conditions, photos=size, candidates=candidates)
            answer = self._ask(query)
            hits, hidden = answer["hits"]["hits"], any_hidden(answer)
            faces = _by_distance(hits, embedding)
            passed = _passing(faces, min_detection_score)
            ranked = faces if is_split else passed
            if len(hits) < size or _is_before(hits[-1], ranked, passed, k):
                return passed[:k], hidden
        if k <= MOST_APPROXIMATE and not is_split:
            return passed[:k], hidden
        photos = self._pages(exact_search(embedding, filters, on_faces), min(k, PHOTOS_A_PAGE))
        faces = _by_distance(islice(photos, k), embedding)
        return _passing(faces, min_detection_score)[:k], True

    def _sizes(self, k: int, *, is_split: bool) -> Iterator[tuple[int, int]]:
        """How many photos to ask for, and of how many candidates, until they hold k faces."""
        # Compressed vectors put photos in nearly the right order. One more than needed shows a tie.
        size = (1 if self._settings.shape.compression == "1x" else 2) * k + 1
        if is_split:
            # Of photos that are not held to a score, some faces drop out.
            if SPARE * size <= MOST_TIED:
                yield SPARE * size, self._candidates()
        elif k <= MOST_APPROXIMATE:
            yield size, self._candidates()
            yield max(size, MOST_TIED), MOST_CANDIDATES

    def hide(self, photo_id: str, region: Region, *, hidden: bool = True) -> None:
        self._check_once(self._index.check)
        while True:
            document = self._documents({hidden_id(photo_id): photo_id}).get(photo_id)
            before = regions_of(document) if document else ()
            sequence = document["sequence"] + 1 if document else 1
            after = decide(before, region, hidden=hidden)
            if not document and not after:
                return
            if self._write_hidden(photo_id, sequence, after):
                return

    def hidden_regions(self, photo_ids: Collection[str]) -> Mapping[str, Regions]:
        found = self._documents({hidden_id(each): each for each in photo_ids})
        regions = {each: regions_of(document) for each, document in found.items()}
        return {each: some for each, some in regions.items() if some}

    def face(self, face_id: str) -> StoredFace | None:
        key, _, _ = face_id.rpartition("-")
        content = self._document(key)
        faces = stored_faces_of(content) if content else []
        found = next((face for face in faces if face.face_id == face_id), None)
        return found and self._marked([found])[0]

    def photo(self, photo_id: str) -> IndexedPhoto | None:
        content = self._document(photo_key(photo_id))
        if content is None:
            return None
        regions = self.hidden_regions([photo_id]).get(photo_id, ())
        return with_hidden_faces(indexed_photo_of(content), regions)

    def photos(
        self, *, prefix: str = "", after: str = "", limit: int | None = None
    ) -> Iterator[PhotoListing]:
        query = by_photo_id(prefix, after, excluded=ONLY_OF_FACES)
        page = PHOTOS_A_PAGE if limit is None else min(PHOTOS_A_PAGE, limit)
        hits = self._pages(query, page) if page > 0 else iter(())
        for hit in islice(hits, limit):
            listed = listing_of(hit["_source"])
            if not listed.photo.photo_id.startswith(prefix):
                return
            yield listed

    def sequences(self, photo_ids: Sequence[str]) -> dict[str, int]:
        found = self._documents({photo_key(photo_id): photo_id for photo_id in photo_ids})
        return {photo_id: document["sequence"] for photo_id, document in found.items()}

    def faces(self) -> Iterator[StoredFace]:
        query = by_photo_id("", "", excluded=[])
        hits = self._pages(query, PHOTOS_WITH_FACES_A_PAGE)
        while page := list(islice(hits, PHOTOS_WITH_FACES_A_PAGE)):
            yield from self._marked(
                [face for hit in page for face in stored_faces_of(hit["_source"])]
            )

    def collections(self) -> dict[str, Counts]:
        counts: dict[str, Counts] = {}
        after: Mapping[str, str] | None = None
        while True:
            query = count_by_collection(COLLECTIONS_A_PAGE, after)
            page = self._ask(query)["aggregations"]["collections"]
            for bucket in page["buckets"]:
                collection = bucket["key"]["collection"]
                counts[collection] = Counts(bucket["doc_count"], bucket["faces"]["doc_count"])
            after = page.get("after_key")
            if after is None:
                return counts

    def counts(self) -> Counts:
        return counts_of(self._ask(count_all()))

    def stored_recipe(self) -> Recipe | None:
        current = self._index.current()
        return current.description.recipe if current else None

    def status(self) -> StoreStatus:
        current = self._index.current()
        if current is None:
            raise self._index.not_found()
        status = status_of_index(self._client, self._settings.index, current, self.counts())
        answer = self._ask(count_lacking_faces())
        counted, shards = answer["aggregations"], answer["_shards"]["total"]
        lacking = counted["photos"]["buckets"]
        return replace(
            status,
            notes=(*status.notes, *crowded(status.counts.faces, shards)),
            without_face=lacking["without_face"]["doc_count"],
            failed=lacking["failed"]["doc_count"],
            left_out=LeftOut(
                int(counted["by_quality"]["value"]), int(counted["by_max_faces"]["value"])
            ),
        )

    def close(self) -> None:
        self._client.close()

    def _write_hidden(self, photo_id: str, sequence: int, regions: Regions) -> bool:
        """Write the hidden places of a photo. False: somebody else did meanwhile."""
        blocked: WritesBlocked | None = None
        total_s = min(self._settings.retry_s, HIDING_S)
        for _ in replace(patient(self._settings), total_s=total_s).tries():
            try:
                written = self._client.request(
                    "PUT",
                    f"/{self._index.alias}/_doc/{hidden_id(photo_id)}",
                    hidden_document(photo_id, sequence, regions),
                    {
                        "version": str(sequence),
                        "version_type": "external",
                        "require_alias": "true",
                        # Searches see a decision from here on, whatever they see of other writes.
                        "refresh": "true",
                    },
                    ignore_error="version_conflict_engine_exception",
                )
            except WritesBlocked as error:
                blocked = error
                self._index.check()  # what is behind the block may have another recipe
            else:
                return written is not None
        assert blocked is not None  # noqa: S101 (there is a first attempt)
        raise blocked

    def _candidates(self) -> int:
        """How many photos a search considers in a segment."""
        if self._settings.ef_search is not None:
            return self._settings.ef_search
        if time.monotonic() - self._counted > RECOUNT_S:
            answer = self._ask(count_documents())
            photos, shards = answer["hits"]["total"]["value"], answer["_shards"]["total"]
            self._ef_search = hnsw_for(ceil(photos / shards)).ef_search
            self._counted = time.monotonic()
        return self._ef_search

    def _ask(self, query: QueryBody) -> Any:
        # Without the parameter, a shard that fails is just left out of the answer. The client
        # checks for that, too: a signed request's parameters may be lost on the way.
        return self._read("POST", "_search", query, {"allow_partial_search_results": "false"})

    def _pages(self, query: QueryBody, page: int) -> Iterator[_Hit]:
        """All hits of a query whose sort leaves no ties."""
        after: dict[str, Any] = {}
        while True:
            hits = self._ask({**query, **after, "size": page})["hits"]["hits"]
            yield from hits
            if len(hits) < page:
                return
            after = {"search_after": hits[-1]["sort"]}

    def _marked(self, faces: Sequence[StoredFace]) -> list[StoredFace]:
        """The faces, with those marked that are hidden."""
        regions = self.hidden_regions({face.photo.photo_id for face in faces})
        return [with_hidden(face, regions.get(face.photo.photo_id, ())) for face in faces]

    def _documents(self, photo_ids: Mapping[str, str]) -> dict[str, Mapping[str, Any]]:
        """The sequences and hidden places that documents have now, by their photos.

        `photo_ids` are by the ids of the documents.
        """
        if not photo_ids:
            return {}
        documents = [{"_id": key, "_source": ["sequence", "metadata.hidden"]} for key in photo_ids]
        answer = self._read("POST", "_mget", {"docs": documents}, {})
        if any("error" in each for each in answer["docs"]):
            # A missing index is no error of the whole request here, but one of each document.
            self._index.check()
            raise self._index.missing_alias()
        return {
            photo_ids[document["_id"]]: document["_source"]
            for document in answer["docs"]
            if document["found"]
        }

    def _document(self, key: str) -> Mapping[str, Any] | None:
        """A photo's document as of now; None if it does not exist or was forgotten."""
        # A key that is none goes in as one that nothing has, so that the store is still checked.
        safe = key if len(key) == 32 and key.isalnum() and key.isascii() else photo_key("")
        answer = self._read("GET", f"_doc/{safe}", None, {})
        if not answer["found"] or safe != key or answer["_source"]["forgotten"]:
            return None
        content: Mapping[str, Any] = answer["_source"]
        return content

    def _read(
        self, method: str, operation: str, body: QueryBody | None, params: Mapping[str, str]
    ) -> Any:
        if self._recipe is None:
            # With a recipe, the alias itself vouches for what is behind it.
            self._check_once(self._index.check)
        path = f"/{self._index.alias}/{operation}"
        try:
            return self._client.request(method, path, body, params)
        except StoreNotFound:
            self._index.check()
        # It has come into being since.
        try:
            return self._client.request(method, path, body, params)
        except StoreNotFound as error:
            raise self._index.missing_alias() from error

    def _check_once(self, check: Callable[[], None]) -> None:
        if not self._checked:
            check()
            self._checked = True


def _by_distance(photos: Iterable[_Hit], query: Embedding) -> list[Match]:
    """The faces in the photos, by exact distance, then by id.

    The distances are computed from the vectors: OpenSearch's score is a float32, which gives
    distances near 0 only to 0.0003.
    """
    stored = [face for hit in photos for face in stored_faces_of(hit["_source"])]
    if not stored:
        return []
    differences = np.stack([each.face.embedding for each in stored]) - query
    distances = np.linalg.norm(differences, axis=1)
    matches = [
        Match(each, float(distance)) for each, distance in zip(stored, distances, strict=True)
    ]
    return sorted(matches, key=lambda match: (match.distance, match.stored.face_id))


def _passing(faces: Iterable[Match], min_detection_score: float) -> list[Match]:
    return [
        each for each in faces if each.stored.face.detected.detection_score >= min_detection_score
    ]


def _is_before(last: _Hit, ranked: Sequence[Match], passed: Sequence[Match], k: int) -> bool:
    """Whether k faces passed that are nearer than the last photo of the answer by its rank.

    If not, faces of photos beyond the answer may be as near, or nearer.
    """
    if len(passed) < k:
        return False
    nearest = next(face for face in ranked if face.stored.face_id.startswith(last["_id"]))
    return passed[k - 1].score - nearest.score > SCORE_STEP
