"""Cut faces out of photos: aligned to five landmarks, 160×160 pixels.

The crop decides the accuracy more than anything else.
"""

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
"""The aspect of MTCNN's average box: its height over its width."""


@dataclass(frozen=True, slots=True)
class FaceView:
    """One way to cut a face out. `across` and `down` are margins, as shares of the box's sides.

    With `aligned`, the box is the average face's, placed and turned by the landmarks, which is
    better. Without, it is the detector's.
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


VIEWS = (FaceView(0.3, 0.1), FaceView(0.2, 0.0, mirrored=True))
"""The crops of a face, best first. The mean of two embeddings is better, at twice the cost."""


def crop_recipe(views: Sequence[FaceView]) -> str:
    """The name of this step of the recipe: it holds all that changes the numbers."""
    each = " + ".join(view.recipe for view in views)
    return f"{each}, {CROP_SIDE}px bilinear standardised/1"


def align_face(
    image: Image.Image, landmarks: Landmarks, across: float, down: float
) -> NDArray[np.uint8]:
    """The face with these landmarks (pixels of `image`, mode RGB), shape (160, 160, 3).

    The face is turned, moved and scaled so that its landmarks lie where the average face has them,
    with the least squared error. Then it is stretched to the square, as the network was trained.
    Pixels outside the image are black.
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
    """Reduce the image when the crop's pixels are larger than the image's.

    `corner` is the crop's corner in the image; `right` and `down` are its steps from pixel to
    pixel. All are returned for the reduced image.
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
