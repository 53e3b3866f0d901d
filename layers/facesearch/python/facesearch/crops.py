"""The crop that decides the accuracy: the box's own aspect, a margin, 160×160 pixels."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facesearch.faces import BoundingBox

CROP_SIDE = 160
MARGIN = 0.2
"""Share of the box's width and height that is added, half on each side."""

CROP_RECIPE = f"box+{MARGIN:.0%} {CROP_SIDE}px bilinear standardised/1"


def crop_face(image: Image.Image, box: BoundingBox) -> NDArray[np.uint8]:
    """The face at `box` (pixels of `image`, mode RGB), shape (160, 160, 3).

    The grown box is clipped to the image and stretched to the square, aspect lost on purpose:
    squaring it first costs accuracy.
    """
    across, down = box.width * MARGIN / 2, box.height * MARGIN / 2
    region = (
        max(0.0, box.left - across),
        max(0.0, box.top - down),
        min(float(image.width), box.left + box.width + across),
        min(float(image.height), box.top + box.height + down),
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
    mean = values.mean(axis=1)
    deviation = np.maximum(values.std(axis=1), 1.0 / math.sqrt(values.shape[1]))
    shape = (-1, 1, 1, 1)
    standardised: NDArray[np.float32] = (pixels - mean.reshape(shape)) / deviation.reshape(shape)
    return standardised
