"""A PNG without what is beside its picture (https://www.w3.org/TR/png-3/#5Chunk-layout)."""

import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NEEDED = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_USED = frozenset({b"tRNS", b"eXIf"})
"""They change what is seen, and are left out when they are damaged."""

HEADER = slice(16, 29)
"""Of the file: width, height, depth, colour type, compression, filter, interlacing."""


def without_extras(data: bytes) -> bytes:
    """The same picture without texts, profiles and the like.

    Those may be damaged, or grow to any size when they are unpacked.
    """
    return SIGNATURE + b"".join(_kept(data))


def _kept(data: bytes) -> Iterator[bytes]:
    place = len(SIGNATURE)
    while place + 8 <= len(data):
        length = int.from_bytes(data[place : place + 4])
        kind = data[place + 4 : place + 8]
        chunk = data[place : place + 12 + length]
        if kind in _NEEDED or (kind in _USED and _is_whole(chunk, length)):
            yield chunk
        place += 12 + length


def _is_whole(chunk: bytes, length: int) -> bool:
    return len(chunk) == 12 + length and zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:])
