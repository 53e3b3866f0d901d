"""Read a JPEG's markers before it is decoded (ITU-T T.81, annex B)."""

from dataclasses import dataclass

START = b"\xff\xd8\xff"
END = b"\xff\xd9"
_BASELINE = (0xC0, 0xC1)
_PROGRESSIVE = 0xC2
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA
_SCAN_START = b"\xff\xda"
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What a JPEG's header says of its picture.

    `coefficient_bytes` is the memory that the decoder needs for a picture in several scans, else 0.
    `common` means 8 bits, baseline or progressive, Huffman coded: what cameras write.
    """

    width: int
    height: int
    common: bool
    scans: int
    coefficient_bytes: int


def read_header(data: bytes) -> JpegHeader | None:
    """Read the header; None if it has no frame of a known kind."""
    place = 2
    frame: tuple[int, bytes] | None = None
    while (segment := _next_segment(data, place)) is not None:
        marker, body, place = segment
        if marker in _FRAMES and frame is None:
            frame = marker, body
        if marker == _SCAN:
            return _header(data, frame, body) if frame else None
    return None


def every_scan_begins(data: bytes) -> bool:
    """Whether at most the end of the picture's last scan is missing.

    It is so when, for each of the 64 coefficients of each component, the scan with its full
    precision has begun (annex G.1.1.1).
    """
    seen: set[int] = set()
    done: set[tuple[int, int]] = set()
    place = data.find(_SCAN_START)
    while place >= 0:
        count = data[place + 4] if place + 4 < len(data) else 0
        end = place + 5 + 2 * count
        if end + 3 <= len(data) and int.from_bytes(data[place + 2 : place + 4]) == 6 + 2 * count:
            components = data[place + 5 : end : 2]
            first, last, precision = data[end], data[end + 1], data[end + 2] & 15
            seen.update(components)
            if precision == 0:
                done |= {(each, band) for each in components for band in range(first, last + 1)}
        place = data.find(_SCAN_START, place + 2)
    wanted = {(each, band) for each in seen for band in range(64)}
    return bool(seen) and wanted <= done


def _next_segment(data: bytes, place: int) -> tuple[int, bytes, int] | None:
    """The next marker, its segment, and the place of the segment after it."""
    while True:
        place = data.find(b"\xff", place)
        if place < 0 or place + 4 > len(data):
            return None
        marker = data[place + 1]
        if marker == 0xFF:
            place += 1
        elif marker in _ALONE or marker == 0:
            place += 2
        else:
            length = int.from_bytes(data[place + 2 : place + 4])
            return marker, data[place + 4 : place + 2 + length], place + 2 + max(2, length)


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
    blocks = sum(one * other for one, other in zip(across, down, strict=True))
    share = blocks / (max(across) * max(down))
    return JpegHeader(
        width,
        height,
        common=marker in (*_BASELINE, _PROGRESSIVE) and body[0] == 8,
        # Markers in thumbnails count, too: it is an upper bound.
        scans=data.count(_SCAN_START) if several else 1,
        coefficient_bytes=round(2 * width * height * share) if several else 0,
    )
