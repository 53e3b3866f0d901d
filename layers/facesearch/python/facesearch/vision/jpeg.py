"""Read a JPEG's markers before it is decoded (ITU-T T.81, annex B)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from facesearch.errors import DamagedImage, ImageTooLarge, NotAnImage
from facesearch.vision.formats import NOT_READ

START = b"\xff\xd8\xff"
END = b"\xff\xd9"
_BASELINE = (0xC0, 0xC1)
_PROGRESSIVE = 0xC2
_LOSSLESS = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
_LS = 0xF7
_FRAMES = frozenset({*range(0xC0, 0xD0), _LS}) - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA
_SCAN_START = b"\xff\xda"
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
"""A marker that has a segment: not a fill byte, nor one that stands alone."""

MAX_SEGMENTS = 10_000
"""Segments before the picture. Profiles, previews and signatures of 64 kB each fill 640 MB."""
MAX_SCANS = 10_000

_EVERY = 2**16
_COMPLETE_LENGTHS = (
    *((0xE0, b"JFIF", 14), (0xE2, b"ICC_PROFILE\0", 14), (0xEE, b"Adobe", 12)),
    # Pillow parses its many parts, which say nothing of the pixels, and fails at a cut one.
    (0xED, b"Photoshop 3.0\0", _EVERY),
)
"""The least length of segments that the decoder takes to be complete: marker, start, bytes."""


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What a JPEG's header says of its picture.

    `coefficient_bytes` is the memory that the decoder needs for a picture in several scans, else 0.
    `common` means 8 bits, baseline or progressive, Huffman coded: what cameras write. `unread`
    names a kind that no decoder here reads, else it is empty.
    """

    width: int
    height: int
    common: bool
    components: int
    scans: int
    coefficient_bytes: int
    unread: str = ""


@dataclass(frozen=True, slots=True)
class _Segment:
    """A marker with what follows it, and its bounds in the file."""

    marker: int
    body: bytes
    start: int
    end: int


def read_header(data: bytes) -> JpegHeader | None:
    """Read the header; None if it has no frame of a known kind. Raises `ImageTooLarge`."""
    frame: tuple[int, bytes] | None = None
    for segment in _segments(data):
        if segment.marker in _FRAMES and frame is None:
            frame = segment.marker, segment.body
        if segment.marker == _SCAN:
            return _header(data, frame, segment.body) if frame else None
    return None


def without_extras(data: bytes) -> bytes:
    """The same JPEG without what stands between the segments before its picture, and without
    those that are cut in their own header: viewers pass over both.

    Raises `DamagedImage` when it has no picture, `NotAnImage` when it has nothing, and
    `ImageTooLarge`.
    """
    kept = [data[:2]]
    end = 2
    for segment in _segments(data):
        if not _is_cut(segment):
            kept.append(data[segment.start : segment.end])
        end = segment.end
        if segment.marker == _SCAN:
            break
    else:
        if end == 2:
            raise NotAnImage(NOT_READ)
        raise DamagedImage("the image is damaged (it ends before its picture): export it again")
    whole = b"".join(kept)
    return data if len(whole) == end else whole + data[end:]


def _is_cut(segment: _Segment) -> bool:
    return any(
        segment.marker == marker and segment.body.startswith(start) and len(segment.body) < length
        for marker, start, length in _COMPLETE_LENGTHS
    )


def has_end(data: bytes) -> bool:
    """Whether an end marker follows the first scan."""
    return data.find(END, _first_scan(data)) >= 0


def without_end(data: bytes) -> bytes:
    """The JPEG up to its end marker; whole if it has none."""
    end = data.find(END, _first_scan(data))
    return data if end < 0 else data[:end]


def bounds_of_scan(data: bytes) -> tuple[int, int]:
    """Where the data of the first scan begins, and where the end marker after it is.

    Of a JPEG without an end marker, the latter is the file's end.
    """
    scans = (each.end for each in _segments(data) if each.marker == _SCAN)
    start = next(scans, len(data))
    end = data.find(END, start)
    return start, len(data) if end < 0 else end


def _first_scan(data: bytes) -> int:
    """The place of the first scan: not that of a thumbnail."""
    scans = (each.start for each in _segments(data) if each.marker == _SCAN)
    return next(scans, len(data))


def every_scan_begins(data: bytes, components: int) -> bool:
    """Whether at most the end of the picture's last scan is missing.

    It is so when, for each of the 64 coefficients of each component, the scan with its full
    precision has begun (annex G.1.1.1).
    """
    data = without_end(data)
    seen: set[int] = set()
    done: set[tuple[int, int]] = set()
    place = data.find(_SCAN_START, _first_scan(data))
    while place >= 0:
        count = data[place + 4] if place + 4 < len(data) else 0
        end = place + 5 + 2 * count
        if end + 3 <= len(data) and int.from_bytes(data[place + 2 : place + 4]) == 6 + 2 * count:
            of_scan = data[place + 5 : end : 2]
            first, last, precision = data[end], data[end + 1], data[end + 2] & 15
            seen.update(of_scan)
            if precision == 0:
                done |= {(each, band) for each in of_scan for band in range(first, last + 1)}
        place = data.find(_SCAN_START, place + 2)
    wanted = {(each, band) for each in seen for band in range(64)}
    return len(seen) >= components and wanted <= done


def _segments(data: bytes) -> Iterator[_Segment]:
    """The segments from the file's start on. Raises `ImageTooLarge` when they are too many."""
    place = 2
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.search(data, place)
        if found is None or found.start() + 4 > len(data):
            return
        start = found.start()
        length = int.from_bytes(data[start + 2 : start + 4])
        place = start + 2 + max(2, length)
        yield _Segment(data[start + 1], data[start + 4 : start + 2 + length], start, place)
    raise ImageTooLarge(
        f"the JPEG has more than {MAX_SEGMENTS:,} segments before its picture: export it again"
    )


def _header(data: bytes, frame: tuple[int, bytes], scan: bytes) -> JpegHeader | None:
    marker, body = frame
    if len(body) < 6 or not scan or len(body) < 6 + 3 * body[5]:
        return None
    height, width = int.from_bytes(body[1:3]), int.from_bytes(body[3:5])
    components = body[5]
    sampling = body[7 : 6 + 3 * components : 3]
    across, down = [each >> 4 for each in sampling], [each & 15 for each in sampling]
    if not (width and height and components and all(across) and all(down)):
        return None
    several = marker == _PROGRESSIVE or scan[0] < components
    # Markers in thumbnails count, too: it is an upper bound.
    scans = data.count(_SCAN_START) if several else 1
    if scans > MAX_SCANS:
        raise ImageTooLarge(f"the JPEG has {scans:,} scans: export it again, with fewer")
    blocks = sum(one * other for one, other in zip(across, down, strict=True))
    share = blocks / (max(across) * max(down))
    return JpegHeader(
        width,
        height,
        common=marker in (*_BASELINE, _PROGRESSIVE) and body[0] == 8,
        components=components,
        scans=scans,
        coefficient_bytes=round(2 * width * height * share) if several else 0,
        unread=_unread(marker, body[0]),
    )


def _unread(marker: int, bits: int) -> str:
    if marker == _LS:
        return "JPEG-LS"
    if marker in _LOSSLESS:
        return "a lossless JPEG"
    return "" if bits == 8 else f"a JPEG of {bits} bits a sample"
