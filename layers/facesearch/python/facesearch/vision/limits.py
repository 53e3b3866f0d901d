"""What a face must reach to be indexed."""

from dataclasses import dataclass

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


NO_LIMITS = IndexLimits()
