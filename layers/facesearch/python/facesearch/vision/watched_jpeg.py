"""A JPEG that tells whether its data fits its size: Pillow keeps its decoder's warnings quiet."""

import io
import re

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from facesearch.vision import jpeg

SPARE_BYTES = 8
"""Data that is left at the end when the picture is whole, or that it takes beyond the end, tells
of damage before. The decoder looks ahead by some bits."""

UNREACHED = 1, 2, 3, 4
"""The first samples of pixels that the decoder has not reached. No row of a photo is all of it."""

_RESTART = re.compile(rb"\xff([\xd0-\xd7])")


class WatchedJpeg(JpegImageFile):
    """A baseline JPEG in one scan, with an end marker.

    After `load`, `is_odd` tells whether its data ended long before its last pixel or after it, or a
    restart marker is missing: then something before the end is damaged.
    """

    def __init__(self, data: bytes) -> None:
        scan, end = jpeg.bounds_of_scan(data)
        # Zeros before the end marker: a whole picture takes next to none of them.
        super().__init__(io.BytesIO(data[:end] + bytes(SPARE_BYTES) + data[end:]))
        self._near_end = max(scan, len(data[:end].rstrip(b"\xff\0")) - SPARE_BYTES)
        self._beyond_end = end + SPARE_BYTES
        self._had_end_early = True
        self._lacks_data = False
        self._misses_restart = _misses_restart(data[scan:end])

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
        if place == self._near_end:
            self._had_end_early = self._is_reached()
        elif place == self._beyond_end:
            self._lacks_data = not self._is_reached()
        for stop in (self._near_end, self._beyond_end):
            if place < stop:
                read_bytes = min(read_bytes, stop - place)
                break
        return super().load_read(read_bytes)

    def _is_reached(self) -> bool:
        """Whether the decoder has reached the last row."""
        size = self.im.size
        last = Image.Image._new(self, self.im).crop((0, size[1] - 1, *size))
        return bool((np.asarray(last) != UNREACHED[: len(last.getbands())]).any())


def _misses_restart(scan: bytes) -> bool:
    """Whether the restart markers of a scan are not in their order (ITU-T T.81, B.2.1)."""
    numbers = b"".join(_RESTART.findall(scan))
    wanted = bytes(range(0xD0, 0xD8)) * (len(numbers) // 8 + 1)
    return numbers != wanted[: len(numbers)]
