"""From an API Gateway event to what is asked; everything odd is named."""

from dataclasses import dataclass

from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent

from facesearch.errors import InvalidRequest
from facesearch.searching import MAX_PHOTOS, FaceChoice, Scope
from search_faces.requests.contents import Content, read_content
from search_faces.requests.options import (
    Include,
    Options,
    face_choice,
    include_of,
    merged,
    options_of,
    refuse_rest,
    scope_of,
)
from search_faces.requests.queries import (
    QUERIES,
    BucketQuery,
    FaceQuery,
    PhotoQuery,
    Query,
    only_query,
    queries_of,
)

OPTIONS = (
    *("k", "offset", "max_distance", "min_confidence", "collection", "metadata"),
    *("include", "expand"),
)


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One search: several queries are one person's. `face` is for a single photo."""

    queries: tuple[Query, ...]
    scope: Scope
    face: FaceChoice
    include: Include


def parse_search(event: BaseProxyEvent) -> SearchRequest:
    """Raises `InvalidRequest`, or `NotAnImage` for a body of another content type."""
    content = read_content(event, files=("photo",))
    queries = _queries(content)
    if not queries:
        raise InvalidRequest(
            "nothing to search for was given: send a photo, or JSON with one of "
            f"{', '.join(QUERIES)}"
        )
    if len(queries) > MAX_PHOTOS:
        raise InvalidRequest(
            f"{len(queries)} photos and faces were given: send at most {MAX_PHOTOS} of one person"
        )
    options = _options(event, content)
    chosen = "face" in options
    face = face_choice(options)
    if chosen and (len(queries) > 1 or isinstance(queries[0], FaceQuery)):
        raise InvalidRequest(
            "face chooses among the faces of one photo: leave it out for several photos (the "
            "largest face of each counts) and for stored faces"
        )
    request = SearchRequest(queries, scope_of(options), face, include_of(options))
    refuse_rest(options, (*OPTIONS, "face"))
    return request


def parse_matches(event: BaseProxyEvent) -> tuple[Scope, Include]:
    """What a stored face is searched with. Raises `InvalidRequest`."""
    options = options_of(event)
    scope, include = scope_of(options), include_of(options)
    refuse_rest(options, OPTIONS)
    return scope, include


def parse_include(event: BaseProxyEvent) -> Include:
    """For a request that takes nothing else. Raises `InvalidRequest`."""
    options = options_of(event)
    include = include_of(options)
    refuse_rest(options, ("include",))
    return include


def parse_detect(event: BaseProxyEvent) -> tuple[PhotoQuery | BucketQuery, Include]:
    """Raises `InvalidRequest`, or `NotAnImage` for a body of another content type."""
    content = read_content(event, files=("photo",))
    queries = _queries(content)
    query = only_query(queries, "a photo, or JSON with image or s3_key")
    if isinstance(query, FaceQuery):
        raise InvalidRequest("face_id names a face that was found before: send image or s3_key")
    options = _options(event, content)
    include = include_of(options)
    refuse_rest(options, ("include",))
    return query, include


def parse_compare(event: BaseProxyEvent) -> tuple[Query, Query]:
    """Raises `InvalidRequest`, or `NotAnImage` for a body that can hold no two faces."""
    content = read_content(event, files=("one", "other"), alone=False)
    one, other = _side("one", content), _side("other", content)
    refuse_rest(_options(event, content), ("one", "other"))
    return one, other


def _queries(content: Content) -> tuple[Query, ...]:
    return *map(PhotoQuery, content.files.get("photo", ())), *queries_of(content.fields)


def _side(name: str, content: Content) -> Query:
    files = content.files.get(name, ())
    given = content.fields.pop(name, {})
    if not isinstance(given, dict):
        raise InvalidRequest(f'{name} is not an object: send {{"face_id": "…"}} or the like')
    given = dict(given)
    queries = (*map(PhotoQuery, files), *queries_of(given, f"{name}."))
    refuse_rest(given, QUERIES, f"{name}.")
    return only_query(queries, f"{name} as one of {', '.join(QUERIES)}, or as a file in a form")


def _options(event: BaseProxyEvent, content: Content) -> Options:
    return merged(options_of(event), content.options, content.fields)
