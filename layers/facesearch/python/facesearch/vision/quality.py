"""Measure how good a picture of a face is, before it is trusted or indexed."""

import cmath
import math
from dataclasses import dataclass

import numpy as np

from facesearch.faces import BoundingBox, DetectedFace, Landmarks, Point
from facesearch.vision.crops import crop_face
from facesearch.vision.images import DecodedImage

# Of the average face, by Gee and Cipolla, "Determining the gaze of faces in images" (1994).
NOSE_BASE = 0.4
"""Height of the nose's base over the mouth, in distances from mouth to eyes."""
NOSE_LENGTH = 0.6
"""Length of the nose from its base to its tip, in the same unit."""

_GREY = np.array((0.299, 0.587, 0.114), dtype=np.float32)
"""ITU-R BT.601's luma."""


@dataclass(frozen=True, slots=True)
class Pose:
    """A head's pose in degrees. Above 0: yaw to the viewer's right, pitch up, roll clockwise."""

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True, slots=True)
class FaceQuality:
    """`size` is the box's shorter side in pixels, `brightness` the mean grey level, 0 to 1.

    `sharpness` is the variance of the Laplacian of the 160 px crop's grey levels, 0 to 255: the
    focus measure of Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy" (2000).
    It falls with contrast, too, and compares photos of one kind, not of all cameras. A whole image
    has no `pose`.
    """

    size: float
    sharpness: float
    brightness: float
    pose: Pose | None


def face_quality(photo: DecodedImage, face: DetectedFace) -> FaceQuality:
    """Measure a face in `photo`. Its box is in pixels of the upright original."""
    across, down = photo.scale
    box = face.box
    crop = crop_face(
        photo.image,
        BoundingBox(box.left / across, box.top / down, box.width / across, box.height / down),
    )
    grey = crop @ _GREY
    laplacian = (
        grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    )
    return FaceQuality(
        size=min(box.width, box.height),
        sharpness=float(laplacian.var()),
        brightness=float(grey.mean()) / 255,
        pose=head_pose(face.landmarks) if face.has_landmarks else None,
    )


def head_pose(marks: Landmarks) -> Pose:
    """Estimate the pose: Gee and Cipolla's facial normal, and roll from eyes and mouth.

    Five points and one average face: expect 10° of error, more in pitch and in profiles.
    """
    left_eye, right_eye, nose, mouth_left, mouth_right = map(
        _place,
        (marks.left_eye, marks.right_eye, marks.nose, marks.mouth_left, marks.mouth_right),
    )
    mouth = (mouth_left + mouth_right) / 2
    axis = (left_eye + right_eye) / 2 - mouth
    normal = nose - (mouth + NOSE_BASE * axis)
    roll = cmath.phase(right_eye - left_eye + mouth_right - mouth_left)
    cosine_squared = _cosine_squared(axis, normal)
    towards_viewer, sideways = math.sqrt(cosine_squared), math.sqrt(1.0 - cosine_squared)
    direction = cmath.rect(1.0, cmath.phase(normal) - roll)
    x, y = direction.real * sideways, direction.imag * sideways
    # Pixels count downwards.
    return Pose(
        yaw=math.degrees(math.atan2(x, towards_viewer)),
        pitch=math.degrees(math.asin(-y)),
        roll=math.degrees(roll),
    )


def _cosine_squared(axis: complex, normal: complex) -> float:
    """The squared cosine of the angle between the facial normal and the line of sight.

    `axis` (mouth to eyes) and `normal` (the nose, from its base) are as seen in the picture.
    """
    if not axis or not normal:
        return 1.0
    ratio = (abs(normal) / abs(axis)) ** 2
    along = ((axis * normal.conjugate()).real / abs(axis) / abs(normal)) ** 2
    model = NOSE_LENGTH**2
    # model·(1 − along)·u² + linear·u − model·along = 0
    square, linear = model * (1.0 - along), ratio - model + 2.0 * along * model
    if square < 1e-9:
        return min(1.0, model * along / linear)
    root = math.sqrt(linear**2 + 4.0 * square * model * along)
    return min(1.0, max(0.0, (root - linear) / (2.0 * square)))


def _place(point: Point) -> complex:
    return complex(point.x, point.y)
