"""The cut of the face that decides the accuracy: aligned to five landmarks, 160×160 pixels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facesearch.faces import BoundingBox, DetectedFace, Landmarks

CROP_SIDE = 160
MARGIN = 0.2
"""Shares of the box's width and height that `crop_face` adds, half on each side."""

_LANDMARKS = np.array([0.274 + 0.387j, 0.726 + 0.387j, 0.5 + 0.584j, 0.3 + 0.756j, 0.7 + 0.756j])
"""Where MTCNN's boxes have the five landmarks on average, in shares of their width and height."""

_ASPECT = 1.35
"""Of MTCNN's average box: its height over its width."""


@dataclass(frozen=True, slots=True)
class View:
    """One way to cut a face out: what is added to the sides of the box, as shares of them.

    `aligned` means the average face's box, turned and placed by the landmarks, which is better;
    else it is the detector's own.
    """

    across: float
    down: float
    mirrored: bool = False
    aligned: bool = True

    @property
    def recipe(self) -> str:
        box = "aligned to 5 landmarks" if self.aligned else "box"
        return f"{box} +{self.across:.0%}x{self.down:.0%}{' mirrored' if self.mirrored else ''}"

    def cut(self, image: Image.Image, face: DetectedFace) -> NDArray[np.uint8]:
        """The face (in pixels of `image`, mode RGB), shape (160, 160, 3)."""
        # A detector that puts all landmarks on one point tells no direction.
        aligned = self.aligned and len(set(face.landmarks.points)) > 1
        pixels = (
            align_face(image, face.landmarks, self.across, self.down)
            if aligned
            else crop_face(image, face.box, self.across, self.down)
        )
        return pixels[:, ::-1] if self.mirrored else pixels


VIEWS = (View(0.3, 0.1), View(0.2, 0.0, mirrored=True))
"""What a face is embedded from, best first; the mean of two is better, at twice the cost."""


def crop_recipe(views: Sequence[View]) -> str:
    """All that changes the numbers, in words."""
    each = " + ".join(view.recipe for view in views)
    return f"{each}, {CROP_SIDE}px bilinear standardised/1"


def align_face(
    image: Image.Image, landmarks: Landmarks, across: float, down: float
) -> NDArray[np.uint8]:
    """The face with these landmarks (pixels of `image`, mode RGB), shape (160, 160, 3).

    Turned, moved and scaled so that the landmarks come to lie, with the least squared error, where
    the average face has them; then stretched to the square, as the network was trained. What lies
    outside the image is black.
    """
    landmark_points = np.array([complex(point.x, point.y) for point in landmarks.points])
    width, height = 1 + across, _ASPECT * (1 + down)
    wanted = _LANDMARKS.real - 0.5 + 1j * _ASPECT * (_LANDMARKS.imag - 0.5)
    centred = landmark_points - landmark_points.mean()
    # The similarity z → turn · z + …, as complex numbers, from the photo to the average face.
    turn = np.vdot(centred, wanted - wanted.mean()) / np.vdot(centred, centred).real
    back = 1 / turn
    corner = landmark_points.mean() + back * (complex(-width, -height) / 2 - wanted.mean())
    right, below = back * width / CROP_SIDE, back * 1j * height / CROP_SIDE
    image, corner, right, below = _reduced(image, corner, right, below)
    aligned = image.transform(
        (CROP_SIDE, CROP_SIDE),
        Image.Transform.AFFINE,
        (right.real, below.real, corner.real, right.imag, below.imag, corner.imag),
        Image.Resampling.BILINEAR,
    )
    return np.asarray(aligned)


def _reduced(
    image: Image.Image, corner: complex, right: complex, down: complex
) -> tuple[Image.Image, complex, complex, complex]:
    """The same crop from a smaller image when its pixels lie more than one of the image apart.

    `corner` is the crop's; `right` and `down` are its steps from pixel to pixel, in the image.
    """
    step = min(abs(right), abs(down))
    corners = corner + CROP_SIDE * np.array([0, right, down, right + down])
    left, top = max(0.0, corners.real.min()), max(0.0, corners.imag.min())
    width = min(image.width, corners.real.max()) - left
    height = min(image.height, corners.imag.max()) - top
    if step <= 1 or width <= 0 or height <= 0:
        return image, corner, right, down
    size = math.ceil(width / step), math.ceil(height / step)
    box = (left, top, left + width, top + height)
    across, along = size[0] / width, size[1] / height

    def moved(place: complex) -> complex:
        return complex(place.real * across, place.imag * along)

    small = image.resize(size, Image.Resampling.BILINEAR, box=box)
    return small, moved(corner - complex(left, top)), moved(right), moved(down)


def crop_face(
    image: Image.Image, box: BoundingBox, across: float = MARGIN, down: float = MARGIN
) -> NDArray[np.uint8]:
    """The face at `box` (pixels of `image`, mode RGB), shape (160, 160, 3).

    The grown box is clipped to the image and stretched to the square, aspect lost on purpose:
    squaring it first costs accuracy.
    """
    beside, above = box.width * across / 2, box.height * down / 2
    region = (
        max(0.0, box.left - beside),
        max(0.0, box.top - above),
        min(float(image.width), box.left + box.width + beside),
        min(float(image.height), box.top + box.height + above),
    )
    resized = image.resize((CROP_SIDE, CROP_SIDE), Image.Resampling.BILINEAR, box=region)
    return np.asarray(resized)


def standardise(crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Each crop minus its mean, over its standard deviation: shape (n, 160, 160, 3).

    FaceNet was trained on this (TensorFlow's `per_image_standardization`, whose floor on the
    deviation, 1/√N of N values, keeps flat crops finite).
    """
    pixels = np.stack(crops).astype(np.float32)
    values = pixels.reshape(len(crops), -1)
    values -= values.mean(axis=1, keepdims=True)
    deviation = np.sqrt(np.vecdot(values, values) / values.shape[1])
    values /= np.maximum(deviation, 1.0 / math.sqrt(values.shape[1]))[:, None]
    return pixels
