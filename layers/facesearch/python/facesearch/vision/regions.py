"""What of a photo is embedded: the faces that a detector finds, or all of it."""

from typing import Protocol

from PIL import Image

from facesearch.faces import BoundingBox, DetectedFace, Landmarks, Point


class RegionDetector(Protocol):
    """Finds what is embedded."""

    def detect(self, photo: Image.Image) -> list[DetectedFace]:
        """The regions in a photo (mode RGB), largest first."""


class WholeImage:
    """The one region is the photo itself; its landmarks are all in its middle."""

    def detect(self, photo: Image.Image) -> list[DetectedFace]:
        width, height = photo.size
        middle = Point(width / 2, height / 2)
        box = BoundingBox(0.0, 0.0, float(width), float(height))
        return [DetectedFace(box, Landmarks(*[middle] * 5), 1.0)]
