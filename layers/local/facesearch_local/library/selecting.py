"""Select stored photos by their place, for commands that act on some of them."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from facesearch.faces import PhotoListing, photo_key
from facesearch.photos.folder import SCHEME, FileRevision, photo_path
from facesearch.stores import FaceStore
from facesearch_local.library.listings import Listings

_S3 = "s3://"


@dataclass(frozen=True, slots=True)
class Place:
    """A photo, a folder or a part of a bucket: the name given, and the ids it may have."""

    name: str
    ids: tuple[str, ...]

    @classmethod
    def named(cls, name: str) -> "Place":
        """The place of a path, which need not exist, or of a photo's id."""
        if name.startswith((_S3, SCHEME)):
            return cls(name, (name.rstrip("/"),))
        # What is not there any more was stored by its own name or by that of a link's target.
        real = os.path.realpath(name)
        paths = {os.path.abspath(name), real, Listings().true_name(real)}  # noqa: PTH100
        return cls(name, tuple(sorted(Path(path).as_uri().rstrip("/") for path in paths)))

    def holds(self, listed: PhotoListing) -> bool:
        """Whether the photo is this place, is in it, or was found through a link in it."""
        photo_id = listed.photo.photo_id
        if any(photo_id == each or photo_id.startswith(f"{each}/") for each in self.ids):
            return True
        revision = FileRevision.parse(listed.photo.revision)
        roots = {photo_key(f"{each}/") for each in self.ids}
        return revision is not None and revision.root in roots


@dataclass(slots=True)
class Selection:
    """Conditions on photos: at one of the places, and all others that are set."""

    places: Sequence[Place] = ()
    collection: str | None = None
    missing: bool = False
    considered: int = 0
    """Photos at the places, whatever the other conditions."""
    unknown: list[Place] = field(default_factory=list)
    """Places from which nothing is stored."""

    def photos(self, store: FaceStore) -> Iterator[PhotoListing]:
        """Raises a `StoreError`."""
        listings = Listings()
        known: set[str] = set()
        for prefix in self._prefixes():
            for listed in store.photos(prefix=prefix):
                places = [place.name for place in self.places if place.holds(listed)]
                if self.places and not places:
                    continue
                known.update(places)
                self.considered += 1
                if self.collection not in (None, listed.photo.collection):
                    continue
                photo_id = listed.photo.photo_id
                if self.missing and (
                    not photo_id.startswith(SCHEME) or listings.has_file(photo_path(photo_id))
                ):
                    continue
                yield listed
        self.unknown = [place for place in self.places if place.name not in known]

    def _prefixes(self) -> list[str]:
        """Prefixes of ids to list, without overlaps."""
        if not self.places:
            return [SCHEME if self.missing else ""]
        asked = {
            SCHEME if each.startswith(SCHEME) else each
            for place in self.places
            for each in place.ids
        }
        return [
            each
            for each in sorted(asked)
            if not any(each != other and each.startswith(other) for other in asked)
        ]
