"""Cut faces out of photos: their boxes, or aligned to five landmarks; or whole photos.

The crop decides the accuracy more than anything else.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facesearch.faces import BoundingBox, DetectedFace, Landmarks
from facesearch.recipes.description import AlignedCut, BoxCut, Cut

Size = tuple[int, int]
"""Width and height in pixels."""

CROP_SIZE = (160, 160)
"""FaceNet's."""

MARGIN = 0.2
"""Shares of the box's width and height that `crop_face` adds, half on each side."""

_LANDMARKS = np.array([0.274 + 0.387j, 0.726 + 0.387j, 0.5 + 0.584j, 0.3 + 0.756j, 0.7 + 0.756j])
"""Where MTCNN's boxes have the five landmarks on average, in shares of their width and height."""

_ASPECT = 1.35
"""The aspect of MTCNN's average box: its height over its width."""


_ARCFACE_SIDE = 112
_ARCFACE = np.array(
    [
        38.2946 + 51.6963j,
        73.5318 + 51.5014j,
        56.0252 + 71.7366j,
        41.5493 + 92.3655j,
        70.7299 + 92.2041j,
    ]
)
"""ArcFace's template, in its own terms: whole numbers are the middles of pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """Where a face's five landmarks are to lie in a frame of this width and height.

    `landmarks` are complex numbers (x + iy), from the frame's middle, in the frame's unit.
    """

    landmarks: NDArray[np.complex128]
    width: float
    height: float


def average_face(across: float, down: float) -> Template:
    """The average face's box, with these margins as shares of its sides."""
    landmarks = _LANDMARKS.real - 0.5 + 1j * _ASPECT * (_LANDMARKS.imag - 0.5)
    return Template(landmarks, 1 + across, _ASPECT * (1 + down))


def _template(cut: AlignedCut, size: Size) -> Template:
    if cut.template == "average-face":
        return average_face(*cut.margin)
    if cut.template == "arcface":
        middle = complex(_ARCFACE_SIDE, _ARCFACE_SIDE) / 2
        landmarks = _ARCFACE + complex(0.5, 0.5) - middle
        return Template(landmarks, _ARCFACE_SIDE, _ARCFACE_SIDE)
    points = np.array([complex(x, y) for x, y in cut.template])
    return Template(points - complex(*size) / 2, *size)


def cut_out(cut: Cut, image: Image.Image, face: DetectedFace, size: Size) -> NDArray[np.uint8]:
    """What `cut` takes of a face (in pixels of `image`, mode RGB), shape (height, width, 3)."""
    if isinstance(cut, AlignedCut):
        # A detector that puts all landmarks on one point tells no direction.
        if len(set(face.landmarks.points)) > 1:
            pixels = align_face(image, face.landmarks, _template(cut, size), size)
        else:
            pixels = crop_face(image, face.box, *cut.margin, size)
    elif isinstance(cut, BoxCut):
        pixels = crop_face(image, face.box, *cut.margin, size)
    else:
        box = None if cut.resize == "stretch" else _middle(image, size)
        pixels = np.asarray(image.resize(size, Image.Resampling.BILINEAR, box=box))
    return pixels[:, ::-1] if cut.mirrored else pixels


def _middle(image: Image.Image, size: Size) -> tuple[float, float, float, float]:
    """The largest box of the aspect of `size` in the middle of the image."""
    scale = min(image.width / size[0], image.height / size[1])
    left, top = (image.width - scale * size[0]) / 2, (image.height - scale * size[1]) / 2
    return left, top, image.width - left, image.height - top


def align_face(
    image: Image.Image, landmarks: Landmarks, template: Template, size: Size = CROP_SIZE
) -> NDArray[np.uint8]:
    """The face with these landmarks (pixels of `image`, mode RGB), shape (height, width, 3).

    The face is turned, moved and scaled so that its landmarks lie where the template has them,
    with the least squared error. Then the template's frame is stretched to `size`. Pixels outside
    the image are black.
    """
    landmark_points = np.array([complex(point.x, point.y) for point in landmarks.points])
    wanted, width, height = template.landmarks, template.width, template.height
    centred = landmark_points - landmark_points.mean()
    # The similarity z → turn · z + …, as complex numbers, from the photo to the template.
    turn = np.vdot(centred, wanted - wanted.mean()) / np.vdot(centred, centred).real
    back = 1 / turn
    corner = landmark_points.mean() + back * (complex(-width, -height) / 2 - wanted.mean())
    right, below = back * width / size[0], back * 1j * height / size[1]
    image, corner, right, below = _reduced(image, corner, right, below, size)
    aligned = image.transform(
        size,
        Image.Transform.AFFINE,
        (right.real, below.real, corner.real, right.imag, below.imag, corner.imag),
        Image.Resampling.BILINEAR,
    )
    return np.asarray(aligned)


def _reduced(
    image: Image.Image, corner: complex, right: complex, down: complex, crop: Size
) -> tuple[Image.Image, complex, complex, complex]:
    """Reduce the image when the pixels of the crop (of size `crop`) are larger than the image's.

    `corner` is the crop's corner in the image; `right` and `down` are its steps from pixel to
    pixel. All are returned for the reduced image.
    """
    step = min(abs(right), abs(down))
    across_all, down_all = crop[0] * right, crop[1] * down
    corners = corner + np.array([0, across_all, down_all, across_all + down_all])
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
    image: Image.Image,
    box: BoundingBox,
    across: float = MARGIN,
    down: float = MARGIN,
    size: Size = CROP_SIZE,
) -> NDArray[np.uint8]:
    """The face at `box` (pixels of `image`, mode RGB), shape (height, width, 3).

    The grown box is clipped to the image and stretched to `size`, aspect lost on purpose:
    squaring it first costs accuracy.
    """
    beside, above = box.width * across / 2, box.height * down / 2
    region = (
        max(0.0, box.left - beside),
        max(0.0, box.top - above),
        min(float(image.width), box.left + box.width + beside),
        min(float(image.height), box.top + box.height + above),
    )
    resized = image.resize(size, Image.Resampling.BILINEAR, box=region)
    return np.asarray(resized)
