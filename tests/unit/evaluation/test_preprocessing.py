"""Pixels as each kind of network reads them, computed by hand."""

import numpy as np
import pytest

from facesearch_local.evaluation.preprocessing import PREPROCESSING


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        # Blue, green, red, each less its mean.
        ("caffe", [51 - 103.939, 102 - 116.779, 255 - 123.68]),
        ("tf", [1.0, 102 / 127.5 - 1, -0.6]),
        ("torch", [(1 - 0.485) / 0.229, (0.4 - 0.456) / 0.224, (0.2 - 0.406) / 0.225]),
        ("lite", [1.0, -25 / 128, -76 / 128]),
    ],
)
def test_pixel_becomes_what_the_network_was_trained_on(name: str, wanted: list[float]) -> None:
    rgb = np.full((1, 2, 2, 3), [255, 102, 51], np.float32)
    read = PREPROCESSING[name](rgb)
    assert read.dtype == np.float32
    assert read.shape == rgb.shape
    np.testing.assert_allclose(read, np.broadcast_to(wanted, rgb.shape), rtol=1e-5)
    assert rgb.max() == 255, "the pixels handed in are left as they were"
