"""Reduce a photo to several sizes, so that each face is about 12 pixels wide on one of them.

P-Net detects faces of that width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facesearch.vision.boxes import Boxes, Scores, move_edges

WINDOW = 12
"""The width of a cell of P-Net, in pixels."""
STRIDE = 2
"""Pixels from one cell to the next."""

_PACKED_PIXELS = 65_536
"""A level with more pixels gets its own sheet: packing it would cost memory and save no time."""


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """The photo reduced to one size, and its place on a sheet, in even pixels.

    `scale` is the number of the photo's pixels for one pixel of `image`, across and down.
    """

    image: Image.Image
    scale: tuple[float, float]
    left: int
    top: int

    @property
    def right(self) -> int:
        return self.left + self.image.width

    @property
    def bottom(self) -> int:
        return self.top + self.image.height

    def cells(self) -> tuple[slice, slice]:
        """Rows and columns of P-Net's cells that see nothing but this level."""
        return _cells(self.top, self.bottom), _cells(self.left, self.right)


def _cells(start: int, end: int) -> slice:
    return slice(start // STRIDE, (end - WINDOW) // STRIDE + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """Several levels in one image for P-Net."""

    levels: Sequence[Level]

    def pixels(self) -> NDArray[np.float32]:
        """Shape (1, 3, height, width), 0 to 255, black between the levels."""
        height = max(level.bottom for level in self.levels)
        width = max(level.right for level in self.levels)
        sheet = np.zeros((1, 3, height, width), dtype=np.float32)
        for level in self.levels:
            place = sheet[0, :, level.top : level.bottom, level.left : level.right]
            place[:] = channels_first(level.image)
        return sheet

    def candidates(self, cells: NDArray[np.float32], threshold: float) -> tuple[Boxes, Scores]:
        """Boxes in the photo's pixels and their log-odds, from P-Net's `cells` (5, rows, columns).

        A cell counts if its log-odds reach `threshold` and no neighbour on its level exceeds them.
        """
        height, width = cells.shape[1:]
        # A frame of one cell all around: cells at the edges have neighbours, too.
        odds = np.full((height + 2, width + 2), -np.inf, dtype=np.float32)
        level_of = np.empty(odds.shape, dtype=np.uint8)
        for number, level in enumerate(self.levels):
            seen = level.cells()
            odds[1:-1, 1:-1][seen] = cells[0][seen]
            level_of[1:-1, 1:-1][seen] = number
        peaks = _peaks(odds, threshold)
        rows, columns = np.divmod(peaks, width + 2)
        places = np.array([(*level.scale, level.left, level.top) for level in self.levels])
        across, down, left, top = places[level_of.ravel()[peaks]].T
        lefts, tops = (columns - 1) * STRIDE - left, (rows - 1) * STRIDE - top
        windows = np.stack((lefts, tops, lefts + WINDOW, tops + WINDOW), axis=1)
        boxes = move_edges(windows, cells[1:, rows - 1, columns - 1].T)
        in_photo = boxes * np.stack((across, down, across, down), axis=1)
        return in_photo.astype(np.float32), odds.ravel()[peaks]


def _peaks(odds: NDArray[np.float32], threshold: float) -> NDArray[np.intp]:
    """Flat indices of values that reach `threshold` and are no less than their eight neighbours.

    No value of the outermost rows and columns may reach it.
    """
    flat, width = odds.ravel(), odds.shape[1]
    high = np.flatnonzero(flat >= threshold)
    neighbours = np.array([-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1])
    is_peak: NDArray[np.bool_] = flat[high] >= flat[high[:, None] + neighbours].max(axis=1)
    return high[is_peak]


def channels_first(image: Image.Image) -> NDArray[np.uint8]:
    """Shape (3, height, width), a view."""
    return np.asarray(image).transpose(2, 0, 1)


def face_sizes(smallest: float, largest: float, factor: float) -> list[float]:
    """The size of face for each level: growing by 1/`factor`, none above `largest`."""
    sizes = []
    while smallest <= largest:
        sizes.append(smallest)
        smallest /= factor
    return sizes


def build_sheets(photo: Image.Image, sizes: Sequence[float]) -> Iterator[Sheet]:
    """Levels on which faces of `sizes` (in pixels of `photo`, growing) are 12 pixels across."""
    levels = list(_reduced(photo, sizes))
    large = sum(level.width * level.height > _PACKED_PIXELS for level in levels)
    for level in levels[:large]:
        yield _pack(photo, [level])
    if levels[large:]:
        yield _pack(photo, levels[large:])


def _reduced(photo: Image.Image, sizes: Sequence[float]) -> Iterator[Image.Image]:
    """Make each level from the one before, which is faster than from the photo."""
    image = photo
    for size in sizes:
        scale = WINDOW / size
        shape = max(WINDOW, round(photo.width * scale)), max(WINDOW, round(photo.height * scale))
        image = image.resize(shape, Image.Resampling.BOX)
        yield image


def _pack(photo: Image.Image, images: Sequence[Image.Image]) -> Sheet:
    """Place the second level below the first, the third to its right, the fourth below that, …

    Levels shrink fast enough that few gaps remain.
    """
    levels = []
    left = top = 0
    for number, image in enumerate(images):
        scale = photo.width / image.width, photo.height / image.height
        levels.append(Level(image, scale, left, top))
        if number % 2:
            left += image.width + image.width % STRIDE
        else:
            top += image.height + image.height % STRIDE
    return Sheet(levels)
