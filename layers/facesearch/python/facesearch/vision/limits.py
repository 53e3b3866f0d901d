"""What a face must reach to be indexed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

MAX_FACES = 1000
"""The most faces of one photo, the largest ones. More are counted and left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexLimits:
    """Faces below these values are counted and not indexed; the defaults leave none out.

    `min_face_size` and `min_sharpness` are in the units of `FaceQuality`, `max_faces` the largest
    faces of a photo. Limits change no embedding, so they are no part of the recipe.
    """

    min_face_size: float = 0.0
    min_sharpness: float = 0.0
    min_detection_score: float = 0.0
    max_faces: int = MAX_FACES

    @classmethod
    def from_record(cls, record: Mapping[str, float]) -> Self:
        """The limits that `record` gave."""
        limits: dict[str, float] = {**asdict(cls()), **record}
        return cls(
            min_face_size=limits["min_face_size"],
            min_sharpness=limits["min_sharpness"],
            min_detection_score=limits["min_detection_score"],
            max_faces=int(limits["max_faces"]),
        )

    def record(self) -> dict[str, float]:
        """The limits that are not at their defaults, by name: `Photo.limits`."""
        defaults = asdict(type(self)())
        return {name: value for name, value in asdict(self).items() if value != defaults[name]}


NO_LIMITS = IndexLimits()
