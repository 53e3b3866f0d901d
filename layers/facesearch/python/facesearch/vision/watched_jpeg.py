"""A JPEG that tells whether its data fits its size: Pillow keeps its decoder's warnings quiet."""

import io

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from facesearch.vision import jpeg

SPARE_BYTES = 8
"""Data that is left at the end when the picture is whole, or that it takes beyond the end, tells
of damage before. The decoder looks ahead by some bits."""

UNREACHED = 1, 2, 3, 4
"""The first samples of pixels that the decoder has not reached. No row of a photo is all of it."""

_MOST_FILL = 2**16
"""Fill bytes before the end marker that are passed over."""

_PIECE = 2**20


class WatchedJpeg(JpegImageFile):
    """A baseline JPEG in one scan, with an end marker.

    After `load`, `is_odd` tells whether its data ended long before its last pixel or after it, or a
    restart marker is missing: then something before the end is damaged.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        scan, end = jpeg.bounds_of_scan(data)
        filled = data[max(scan, end - _MOST_FILL) : end]
        fill = len(filled) - len(filled.rstrip(b"\xff\0"))
        self._near_end = max(scan, end - fill - SPARE_BYTES)
        self._end = end
        self._is_beyond = False
        self._had_end_early = True
        self._lacks_data = False
        self._misses_restart = _misses_restart(data, scan, end)

    @property
    def is_odd(self) -> bool:
        return self._had_end_early or self._lacks_data or self._misses_restart

    def load_prepare(self) -> None:
        self.im = Image.new(self.mode, self.size, UNREACHED[: len(self.getbands())]).im
        super().load_prepare()

    def load_read(self, read_bytes: int) -> bytes:
        """The next bytes, which end at the places where the picture is looked at."""
        assert self.fp is not None  # noqa: S101
        place = self.fp.tell()
        if place == self._end and not self._is_beyond:
            # Zeros before the end marker: a whole picture takes next to none of them.
            self._is_beyond = True
            return bytes(SPARE_BYTES)
        if place == self._near_end:
            self._had_end_early = self._is_reached()
        elif place == self._end:
            self._lacks_data = not self._is_reached()
        stop = next((each for each in (self._near_end, self._end) if place < each), None)
        return super().load_read(read_bytes if stop is None else min(read_bytes, stop - place))

    def _is_reached(self) -> bool:
        """Whether the decoder has reached the last row."""
        size = self.im.size
        last = Image.Image._new(self, self.im).crop((0, size[1] - 1, *size))
        return bool((np.asarray(last) != UNREACHED[: len(last.getbands())]).any())


def _misses_restart(data: bytes, start: int, end: int) -> bool:
    """Whether the restart markers of a scan are not in their order (ITU-T T.81, B.2.1)."""
    if data.find(b"\xff\xd0", start, end) < 0:
        return False
    following = 0
    for place in range(start, end, _PIECE):
        # One byte of the next piece: a marker has two.
        piece = np.frombuffer(data, np.uint8, min(_PIECE + 1, end - place), place)
        second = piece[1:]
        numbers = second[(piece[:-1] == 0xFF) & (second & 0xF8 == 0xD0)] - 0xD0
        if (numbers != (np.arange(following, following + len(numbers)) & 7)).any():
            return True
        following += len(numbers)
    return False
