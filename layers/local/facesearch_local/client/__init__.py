"""A client of the search API, for programs. It needs no models and no store."""

from facesearch_local.client.asynchronous import AsyncFaceSearchClient
from facesearch_local.client.client import FaceSearchClient
from facesearch_local.client.transport import ApiError
from search_faces.contract.requests import CompareSide, MatchOptions, SearchOptions

__all__ = [
    "ApiError",
    "AsyncFaceSearchClient",
    "CompareSide",
    "FaceSearchClient",
    "MatchOptions",
    "SearchOptions",
]
