"""What ImageNet networks expect of pixels, by the names that Keras gives these ways, and Lite's."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Preprocess = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From RGB, 0 to 255, shape (n, height, width, 3), to what the network reads, channels last."""

_CAFFE_MEAN = np.array([103.939, 116.779, 123.68], np.float32)
"""Of ImageNet's pixels; blue, green, red."""

_TORCH_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_TORCH_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


def caffe(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """VGG16, VGG19 and ResNet50 of Keras."""
    return rgb[..., ::-1] - _CAFFE_MEAN


def tf(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """MobileNet, InceptionV3 and Xception of Keras."""
    return rgb / np.float32(127.5) - 1


def torch(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """The networks of torchvision, and DenseNet of Keras."""
    return (rgb / np.float32(255) - _TORCH_MEAN) / _TORCH_DEVIATION


def lite(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """EfficientNet-Lite: MEAN_RGB and STDDEV_RGB of the original's efficientnet_lite_builder.py."""
    return (rgb - np.float32(127)) / np.float32(128)


PREPROCESSING: Mapping[str, Preprocess] = {
    "caffe": caffe,
    "tf": tf,
    "torch": torch,
    "lite": lite,
}
