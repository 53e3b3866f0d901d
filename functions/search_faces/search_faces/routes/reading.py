"""Routes that list what the service holds: photos, collections, health and version."""

from collections.abc import Iterable, Iterator
from http import HTTPStatus

from facesearch import __version__
from facesearch.errors import StoreNotFound
from facesearch.faces import PhotoListing
from search_faces.contract.answers import (
    Collection,
    CollectionsAnswer,
    HealthAnswer,
    ListedPhoto,
    PhotosAnswer,
    Recipe,
    RecipeId,
    SearchAbilities,
    StoreRecipe,
    VersionAnswer,
)
from search_faces.contract.requests import Nothing, PhotosRequest
from search_faces.routes.words import ADDRESS
from search_faces.routing import Route
from search_faces.service import SearchService

PAGE_BYTES = 5_000_000
"""An answer of Lambda holds 6 MB."""

PHOTO_BYTES, FACE_BYTES, CHARACTER_BYTES = 400, 50, 12
"""The most that JSON needs for a photo aside from its texts, for a face and for a character."""


def photos(request: PhotosRequest, service: SearchService) -> PhotosAnswer:
    """The photos that were indexed, by id, a page at a time."""
    # One more than asked for: whether there is a next page.
    listings = _photos(request, service)
    page = list(_fitting(listings[: request.limit]))
    more = page[-1].photo.photo_id if len(listings) > len(page) else None
    return PhotosAnswer([ListedPhoto.of(each) for each in page], more)


def collections(_request: Nothing, service: SearchService) -> CollectionsAnswer:
    """The collections, and how much each holds."""
    try:
        held = service.store.collections()
    except StoreNotFound:
        held = {}
    return CollectionsAnswer(
        [Collection(name, counts.photos, counts.faces) for name, counts in sorted(held.items())]
    )


def health(_request: Nothing, service: SearchService) -> HealthAnswer:
    """Whether searches can be answered."""
    service.check()
    return HealthAnswer("ok", RecipeId.of(service.pipeline.recipe))


def version(_request: Nothing, service: SearchService) -> VersionAnswer:
    """What runs here, and whether it fits what is indexed."""
    recipe = service.pipeline.recipe
    try:
        stored = service.store.stored_recipe()
    except StoreNotFound:
        stored = None
    identity = RecipeId.of(recipe)
    return VersionAnswer(
        version=__version__,
        commit=service.commit or None,
        recipe=Recipe(
            identity.name, identity.fingerprint, recipe.detector, recipe.crop, recipe.embedder
        ),
        store=StoreRecipe(
            RecipeId.of(recipe if stored == recipe else stored) if stored else None,
            stored == recipe if stored else None,
        ),
        search=SearchAbilities(bool(service.bucket), service.uploads is not None),
    )


def _photos(request: PhotosRequest, service: SearchService) -> list[PhotoListing]:
    try:
        return list(
            service.store.photos(
                prefix=request.prefix, after=request.after, limit=request.limit + 1
            )
        )
    except StoreNotFound:
        return []


def _fitting(listings: Iterable[PhotoListing]) -> Iterator[PhotoListing]:
    """The first photos, as many as fit into one answer. One always does."""
    size = 0
    for listing in listings:
        photo = listing.photo
        texts = (photo.photo_id, photo.collection, *photo.metadata, *photo.metadata.values())
        size += PHOTO_BYTES + FACE_BYTES * listing.faces
        size += CHARACTER_BYTES * sum(map(len, texts))
        if size > PAGE_BYTES:
            return
        yield listing


PHOTOS = Route(
    method="GET",
    path="/v1/photos",
    respond=photos,
    request=PhotosRequest,
    answer=PhotosAnswer,
    compress=True,
    tag="Photos",
    description="Photos without a face are listed, too, and those that could not be used, with "
    "the `problem`. Photos come and go through the bucket: it is the one source of truth.",
    problems=(*ADDRESS, "recipe_mismatch", "store_unavailable"),
)
COLLECTIONS = Route(
    method="GET",
    path="/v1/collections",
    respond=collections,
    request=Nothing,
    answer=CollectionsAnswer,
    tag="Photos",
    problems=(*ADDRESS, "recipe_mismatch", "store_unavailable"),
)
HEALTH = Route(
    method="GET",
    path="/v1/health",
    respond=health,
    request=Nothing,
    answer=HealthAnswer,
    open=True,
    failure=HTTPStatus.SERVICE_UNAVAILABLE,
    tag="Service",
    description="For load balancers and monitors: whatever keeps searches from being answered "
    "is a 503 with its code. It asks little of the store: what that holds tells "
    "`/v1/collections`.",
    problems=(*ADDRESS, "recipe_mismatch", "store_not_found", "store_unavailable"),
)
VERSION = Route(
    method="GET",
    path="/v1/version",
    respond=version,
    request=Nothing,
    answer=VersionAnswer,
    open=True,
    tag="Service",
    description="When `store.fits` is false, searches are refused with 409: the operator "
    "has to index again.",
    problems=(*ADDRESS, "store_unavailable"),
)
