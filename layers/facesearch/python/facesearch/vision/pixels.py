"""Turn crops into what a network reads."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facesearch.recipes.description import Network, ScaledPixels


def network_input(crops: Sequence[NDArray[np.uint8]], network: Network) -> NDArray[np.float32]:
    """RGB crops (height, width, 3) as the network reads them: (n, 3, height, width) or channels
    last, float32, contiguous."""
    rgb = np.stack(crops)
    ordered = rgb[..., ::-1] if network.colours == "BGR" else rgb
    pixels = (
        scale(ordered, network.pixels)
        if isinstance(network.pixels, ScaledPixels)
        else standardise(ordered)
    )
    if network.layout == "NCHW":
        pixels = pixels.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(pixels)


def scale(crops: NDArray[np.uint8], by: ScaledPixels) -> NDArray[np.float32]:
    """(pixel − mean) / deviation for each channel, shape (n, height, width, 3)."""
    mean, deviation = np.array((by.mean, by.deviation), dtype=np.float32)
    pixels: NDArray[np.float32] = (crops.astype(np.float32) - mean) / deviation
    return pixels


def standardise(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Each crop minus its mean, over its standard deviation: shape (n, height, width, 3).

    FaceNet was trained on this (TensorFlow's `per_image_standardization`, whose floor on the
    deviation, 1/√N of N values, keeps flat crops finite).
    """
    pixels = crops.astype(np.float32, order="C")
    values = pixels.reshape(len(crops), -1)
    values -= values.mean(axis=1, keepdims=True)
    deviation = np.sqrt(np.vecdot(values, values) / values.shape[1])
    values /= np.maximum(deviation, 1.0 / math.sqrt(values.shape[1]))[:, None]
    return pixels
