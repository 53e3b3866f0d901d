"""Matches of faces that are nowhere, for what looks at their embeddings and distances only."""

from facesearch.faces import (
    BoundingBox,
    DetectedFace,
    EmbeddedFace,
    Embedding,
    Landmarks,
    Match,
    Photo,
    Point,
    StoredFace,
)

FACE = DetectedFace(BoundingBox(0, 0, 1, 1), Landmarks(*[Point(0, 0)] * 5), 1.0)


def made_match(number: int, embedding: Embedding, distance: float) -> Match:
    """Of a face, and a photo, whose id is the number."""
    stored = StoredFace(f"{number}", 0, EmbeddedFace(FACE, embedding), Photo(f"{number}", 0))
    return Match(stored, distance)
