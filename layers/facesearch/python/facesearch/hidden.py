"""Faces that a person hid: places in photos, kept apart from what indexing writes.

A decision is a rectangle in a photo, in shares of its size. So it holds whatever indexes the photo
again, with whatever recipe, and for a smaller copy of the photo in its place; and no embedding of
a person who wants to be left out is kept. A face is hidden when its box is about that rectangle.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from facesearch.faces import BoundingBox, IndexedPhoto, Match, Photo, StoredFace

SAME_PLACE = 0.5
"""The least intersection over union of two boxes of one face. Detectors differ: MTCNN's and
CenterFace's boxes of the 66 faces in 60 photos of LFW have 0.71 at least."""


@dataclass(frozen=True, slots=True, order=True)
class Region:
    """A rectangle in an upright photo, in shares of the photo's width and height."""

    left: float
    top: float
    width: float
    height: float

    @classmethod
    def of(cls, box: BoundingBox, photo: Photo) -> "Region":
        """The place of a box in its photo."""
        width, height = max(photo.width, 1), max(photo.height, 1)
        return cls(box.left / width, box.top / height, box.width / width, box.height / height)

    def is_at(self, other: "Region") -> bool:
        """Whether both are the place of one face."""
        width = min(self.left + self.width, other.left + other.width) - max(self.left, other.left)
        height = min(self.top + self.height, other.top + other.height) - max(self.top, other.top)
        if width <= 0 or height <= 0:
            return self == other
        both = width * height
        either = self.width * self.height + other.width * other.height - both
        return both >= SAME_PLACE * either


Regions = tuple[Region, ...]
"""The hidden places of one photo."""


def decide(regions: Regions, region: Region, *, hidden: bool) -> Regions:
    """The hidden places of a photo after a decision about the face at `region`.

    A place that hides it already stays as it is: it may hide another face, too.
    """
    others = [each for each in regions if not each.is_at(region)]
    if not hidden:
        return tuple(others)
    if len(others) < len(regions):
        return regions
    return tuple(sorted([*regions, region]))


def with_hidden(stored: StoredFace, regions: Regions) -> StoredFace:
    """The face, marked if it is hidden."""
    hidden = _is_hidden(stored.face.detected.box, stored.photo, regions)
    return replace(stored, hidden=True) if hidden else stored


def with_hidden_faces(indexed: IndexedPhoto, regions: Regions) -> IndexedPhoto:
    """The photo, with the numbers of its hidden faces."""
    numbers = (
        number
        for number, face in enumerate(indexed.faces)
        if _is_hidden(face.detected.box, indexed.photo, regions)
    )
    return replace(indexed, hidden=frozenset(numbers))


def search_shown(
    search: Callable[[int], list[Match]],
    hidden_in: Callable[[Collection[str]], Mapping[str, Regions]],
    k: int,
) -> list[Match]:
    """The k nearest faces that are not hidden.

    `search` gives the k nearest of all; `hidden_in` the hidden places of photos, by their ids.
    """
    wanted = k
    while True:
        matches = search(wanted)
        regions = hidden_in({match.stored.photo.photo_id for match in matches})
        shown = [
            match
            for match in matches
            if not with_hidden(match.stored, regions.get(match.stored.photo.photo_id, ())).hidden
        ]
        if len(shown) >= k or len(matches) < wanted:
            return shown[:k]
        # Twice as many more as were hidden: who hides a person hides faces next to one another.
        wanted = k + 2 * (len(matches) - len(shown))


def _is_hidden(box: BoundingBox, photo: Photo, regions: Regions) -> bool:
    return any(Region.of(box, photo).is_at(region) for region in regions)
