"""What the service is and holds."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from facesearch import __version__
from facesearch.errors import FacesearchError, StoreNotFound
from facesearch.faces import PhotoListing, face_id
from search_faces.answers import problem_answer
from search_faces.log import log_problem
from search_faces.problems import problem_of
from search_faces.requests.listing import PhotosRequest, parse_nothing, parse_photos
from search_faces.service import open_service

if TYPE_CHECKING:
    from search_faces.schemas import (
        CollectionsAnswer,
        HealthAnswer,
        ListedPhoto,
        PhotosAnswer,
        VersionAnswer,
    )

PAGE_BYTES = 5_000_000
"""An answer of Lambda holds 6 MB."""

PHOTO_BYTES, FACE_BYTES, CHARACTER_BYTES = 200, 50, 12
"""The most that JSON needs for a photo aside from its texts, for a face and for a character."""

router = Router()  # type: ignore[no-untyped-call]


@router.get("/photos", compress=True)
def photos() -> "PhotosAnswer":
    """The photos that were indexed, by id, a page at a time."""
    request = parse_photos(router.current_event)
    # One more than asked for: whether there is a next page.
    found = _photos(request)
    page = list(_fitting(found[: request.limit]))
    return {
        "photos": [_listed(each) for each in page],
        "next": page[-1].photo.photo_id if len(found) > len(page) else None,
    }


@router.get("/collections")
def collections() -> "CollectionsAnswer":
    """The collections, and how much each holds."""
    parse_nothing(router.current_event)
    try:
        held = open_service().store.collections()
    except StoreNotFound:
        held = {}
    return {
        "collections": [
            {"name": name, "photos": counts.photos, "faces": counts.faces}
            for name, counts in sorted(held.items())
        ]
    }


@router.get("/health")
def health() -> "HealthAnswer | Response[str]":
    """Whether searches can be answered, and what the store holds."""
    try:
        service = open_service()
        counts = service.check()
    except FacesearchError as error:
        problem = replace(problem_of(error), status=HTTPStatus.SERVICE_UNAVAILABLE)
        log_problem(problem, error)
        return problem_answer(problem)
    return {
        "status": "ok",
        "recipe": service.pipeline.recipe.fingerprint,
        "photos": counts.photos,
        "faces": counts.faces,
    }


@router.get("/version")
def version() -> "VersionAnswer":
    """What runs here, and whether it fits what is indexed."""
    parse_nothing(router.current_event)
    service = open_service()
    recipe = service.pipeline.recipe
    try:
        stored = service.store.stored_recipe()
    except StoreNotFound:
        stored = None
    return {
        "version": __version__,
        "commit": service.commit or None,
        "recipe": {
            "fingerprint": recipe.fingerprint,
            "detector": recipe.detector,
            "crop": recipe.crop,
            "embedder": recipe.embedder,
        },
        "index": {
            "recipe": stored.fingerprint if stored else None,
            "matches": stored == recipe if stored else None,
        },
        "search": {
            "bucket": bool(service.bucket),
            "uploads": service.uploads is not None,
        },
    }


def _photos(request: PhotosRequest) -> list[PhotoListing]:
    store = open_service().store
    limit = request.limit + 1
    try:
        return list(store.photos(prefix=request.prefix, after=request.after, limit=limit))
    except StoreNotFound:
        return []


def _fitting(listings: Iterable[PhotoListing]) -> Iterator[PhotoListing]:
    """Those that fit into one answer; one always does."""
    size = 0
    for listing in listings:
        photo = listing.photo
        texts = (photo.photo_id, photo.collection, *photo.metadata, *photo.metadata.values())
        size += PHOTO_BYTES + FACE_BYTES * listing.faces
        size += CHARACTER_BYTES * sum(map(len, texts))
        if size > PAGE_BYTES:
            return
        yield listing


def _listed(listing: PhotoListing) -> "ListedPhoto":
    photo = listing.photo
    return {
        "photo_id": photo.photo_id,
        "collection": photo.collection,
        "metadata": dict(photo.metadata),
        "width": photo.width,
        "height": photo.height,
        "faces": [face_id(photo.photo_id, number) for number in range(listing.faces)],
        "problem": photo.problem or None,
    }
