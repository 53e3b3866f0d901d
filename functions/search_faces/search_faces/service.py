"""What the API works with: models, store and photos."""

from dataclasses import dataclass, field, replace
from threading import Event

from facesearch.errors import InvalidRequest, NotFound, StoreNotFound
from facesearch.fields import shorten
from facesearch.limiter import Limiter
from facesearch.photos.ids import photo_id
from facesearch.photos.links import PhotoLinks
from facesearch.photos.places import Photos
from facesearch.stores import FaceStore, open_store
from facesearch.stores.limited import LimitedStore
from facesearch.vision.pipeline import FacePipeline
from search_faces.contract.requests import BucketQuery, PhotoQuery
from search_faces.limits import KeyCollections, LimitedUploads
from search_faces.settings import SearchSettings
from search_faces.uploads import Uploads
from search_faces.uploads.bucket import BucketUploads


@dataclass(frozen=True, slots=True)
class SearchService:
    """What routes work with: the pipeline, the store and the photos."""

    pipeline: FacePipeline
    store: FaceStore
    photos: Photos
    bucket: str = ""
    """The bucket whose photos a search may name; "" for none."""
    uploads: Uploads | None = None
    """Takes new photos, if anything does."""
    upload_origin: str = ""
    """Where the page sends new photos, if that is another origin than its own."""
    commit: str = ""
    """The commit that runs, if known."""
    very_likely: float | None = None
    """The distance up to which a match is called very likely; None: by the size of the index."""
    key_collections: KeyCollections = field(default_factory=dict)
    limited: bool = False
    """Whether the caller may see some collections only."""
    limiter: Limiter = field(init=False)
    _limited: dict[str, "SearchService"] = field(init=False, default_factory=dict)
    _seen: Event = field(default_factory=Event)
    """Whether the store has been there."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "limiter", Limiter(self.store, self.very_likely))

    @classmethod
    def from_settings(cls, settings: SearchSettings) -> "SearchService":
        """Make the service. It connects to nothing before the first request."""
        pipeline = FacePipeline.from_settings(settings.shared)
        photos = Photos(PhotoLinks(settings.link_secret) if settings.link_secret else None)
        uploads = None
        if settings.bucket and settings.uploads:
            uploads = BucketUploads(
                photos,
                settings.bucket,
                settings.collections,
                settings.suffixes,
                deletes=settings.deletion,
            )
        return cls(
            pipeline=pipeline,
            store=open_store(settings.shared.store_url, pipeline.recipe),
            photos=photos,
            bucket=settings.bucket,
            uploads=uploads,
            upload_origin=settings.upload_origin,
            commit=settings.commit,
            very_likely=settings.shared.very_likely,
            key_collections=settings.key_collections,
        )

    def for_key(self, key_id: str) -> "SearchService":
        """The service as the caller with this key may use it; "" for one without a key."""
        collections = self.key_collections.get(key_id)
        if collections is None:
            return self
        if key_id not in self._limited:
            store = LimitedStore(self.store, collections)
            uploads = self.uploads and LimitedUploads(self.uploads, collections, store)
            limited = replace(self, store=store, uploads=uploads, limited=True)
            self._limited[key_id] = limited
        return self._limited[key_id]

    def prepare(self) -> None:
        """Make the client of the bucket, which takes longest to make; connect to nothing."""
        if self.bucket:
            _ = self.photos.s3

    def check(self) -> None:
        """Check that searches can be answered, by reading a photo that is not there.

        Anybody may ask for this, as often as they like: it must not look at the whole store.
        Raises `ModelError` or a `StoreError`. A store that does not exist yet is no error; one that
        has been there and is gone is.
        """
        self.pipeline.warm()
        try:
            self.store.photo("")
        except StoreNotFound:
            if self._seen.is_set():
                raise
        else:
            self._seen.set()

    def photo_of(self, query: PhotoQuery | BucketQuery) -> bytes:
        """The bytes of the query photo. Raises `InvalidRequest`, `NotFound` or `ReadError`."""
        if isinstance(query, PhotoQuery):
            return query.photo
        if not self.bucket:
            raise InvalidRequest("this API has no bucket to take photos from: send the photo")
        named = photo_id(self.bucket, query.key)
        if self.limited and self.store.photo(named) is None:
            # One that is not indexed is of no collection.
            raise NotFound(f"there is no photo {shorten(query.key)}: see GET /v1/photos")
        return self.photos.read(named).data
