"""The bodies of search requests to OpenSearch."""

from collections.abc import Mapping, Sequence
from typing import Any

from facesearch.faces import Embedding
from facesearch.stores.opensearch.documents import HIDDEN, NOT_READ, metadata_entry, numbers
from facesearch.stores.protocol import Counts

MOST_APPROXIMATE = 1000
"""The largest k for HNSW. A larger k is answered by an exact scan, a page at a time."""

MOST_CANDIDATES = 10_000
"""The engine's limit."""

REMEMBERED = {"term": {"forgotten": False}}
_OF_HIDDEN = {"prefix": {"key": HIDDEN}}
_BEST_FIRST = [{"_score": "desc"}, {"key": "asc"}]

# Unlike 1/(1+d²), this tells the smallest distances apart in a float32.
_CLOSENESS = "1.0 / (1e-30 + l2Squared(params.query, doc['faces.embedding']))"

QueryBody = dict[str, Any]


def scope_filters(collection: str | None, metadata: Mapping[str, str]) -> list[QueryBody]:
    """Conditions on photos."""
    filters: list[QueryBody] = []
    if collection is not None:
        filters.append({"term": {"collection": collection}})
    filters += [
        {"term": {"metadata_entries": metadata_entry(*entry)}} for entry in metadata.items()
    ]
    return filters


def face_filters(min_detection_score: float) -> list[QueryBody]:
    """Conditions on single faces."""
    if min_detection_score <= 0:
        return []
    return [{"range": {"faces.detection_score": {"gte": min_detection_score}}}]


def nearest_search(
    embedding: Embedding,
    filters: Sequence[QueryBody],
    on_faces: Sequence[QueryBody],
    *,
    photos: int,
    candidates: int,
) -> QueryBody:
    """The photos with the nearest faces, by HNSW. A filter applies while it walks the graph.

    The engine knows filters on photos and on faces, but not both at once (see `exact_search`).
    Each shard considers `candidates` photos. The nearest `photos` of them are returned,
    sorted by their nearest face, then by key. They hold the nearest faces: the k nearest faces lie
    in at most k photos. `any_hidden` tells from the answer whether places are hidden in any photo
    at all.
    """
    knn: QueryBody = {"vector": numbers(embedding), "k": max(candidates, photos)}
    if on_faces:
        # Within anything else, it would choose photos, and rank them by faces that do not pass.
        knn["filter"] = {"nested": {"path": "faces", "query": {"bool": {"filter": [*on_faces]}}}}
    elif filters:
        knn["filter"] = {"bool": {"filter": [*filters]}}
    nearest = {
        "nested": {
            "path": "faces",
            "score_mode": "max",
            "query": {"knn": {"faces.embedding": knn}},
        }
    }
    # Documents of hidden places are counted on the way, which saves most stores a second request.
    return {
        "size": photos,
        "query": {"bool": {"should": [nearest, {"bool": {"filter": _OF_HIDDEN}}]}},
        "post_filter": REMEMBERED,
        "aggs": {"hidden": {"filter": _OF_HIDDEN}},
        "sort": _BEST_FIRST,
        "_source": {"excludes": NOT_READ},
    }


def any_hidden(answer: Mapping[str, Any]) -> bool:
    """Whether places are hidden in any photo, from the answer to `nearest_search`."""
    return bool(answer["aggregations"]["hidden"]["doc_count"])


def exact_search(
    embedding: Embedding, filters: Sequence[QueryBody], on_faces: Sequence[QueryBody] = ()
) -> QueryBody:
    """Photos by their nearest face, then by key, from a scan of all faces that pass `on_faces`."""
    script = {"source": _CLOSENESS, "params": {"query": numbers(embedding)}}
    scored = {"script_score": {"query": {"bool": {"filter": list(on_faces)}}, "script": script}}
    faces = {"nested": {"path": "faces", "score_mode": "max", "query": scored}}
    return {
        "query": {"bool": {"must": [faces], "filter": list(filters)}},
        "sort": _BEST_FIRST,
        "_source": {"excludes": NOT_READ},
    }


def by_photo_id(prefix: str, after: str, excluded: Sequence[str]) -> QueryBody:
    """Photos from id `prefix` on and after id `after`, in the order of code points."""
    start = {"gt": after} if after >= prefix else {"gte": prefix}
    return {
        "query": {"bool": {"filter": [REMEMBERED, {"range": {"photo_id": start}}]}},
        "sort": [{"photo_id": "asc"}],
        "_source": {"excludes": [*NOT_READ, *excluded]},
    }


def count_documents() -> QueryBody:
    """All photos, forgotten ones, too: the engine keeps this number, and counts nothing."""
    return {"size": 0, "track_total_hits": True}


def count_all() -> QueryBody:
    return {
        "size": 0,
        "track_total_hits": True,
        "query": REMEMBERED,
        "aggs": {"faces": {"nested": {"path": "faces"}}},
    }


def counts_of(answer: Mapping[str, Any]) -> Counts:
    """The counts in the answer to `count_all`."""
    faces = answer["aggregations"]["faces"]["doc_count"]
    return Counts(answer["hits"]["total"]["value"], faces)


def count_lacking_faces() -> QueryBody:
    """Count photos that could not be used, others that have no face, and faces left out."""
    usable, faces = (
        {"term": {"problem": ""}},
        {"nested": {"path": "faces", "query": {"match_all": {}}}},
    )
    filters = {
        "failed": {"bool": {"must_not": [usable]}},
        "without_face": {"bool": {"filter": [usable], "must_not": [faces]}},
    }
    return {
        "size": 0,
        "query": REMEMBERED,
        "aggs": {
            "photos": {"filters": {"filters": filters}},
            "by_quality": {"sum": {"field": "left_out.by_quality"}},
            "by_max_faces": {"sum": {"field": "left_out.by_max_faces"}},
        },
    }


def count_by_collection(page: int, after: Mapping[str, str] | None) -> QueryBody:
    pages: QueryBody = {
        "size": page,
        "sources": [{"collection": {"terms": {"field": "collection"}}}],
    }
    if after:
        pages["after"] = after
    return {
        "size": 0,
        "query": REMEMBERED,
        "aggs": {
            "collections": {
                "composite": pages,
                "aggs": {"faces": {"nested": {"path": "faces"}}},
            }
        },
    }
