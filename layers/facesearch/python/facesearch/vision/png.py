"""Reduce a PNG to its picture (https://www.w3.org/TR/png-3/#5Chunk-layout)."""

import zlib
from collections.abc import Iterator

from facesearch.errors import ImageTooLarge

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NEEDED = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_USED = frozenset({b"tRNS", b"eXIf"})
"""Chunks that change what is seen. They are left out when they are damaged."""
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_TURNING_TEXTS = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")
"""Texts in which programs that know no eXIf say how the photo is turned."""
MAX_CHUNKS = 100_000
"""Programs write their picture in chunks of 4 kB or more: these hold 400 MB."""
MAX_TEXT_BYTES = 512 * 2**10
"""The size of such a text after decompression. Larger ones are left out."""
MAX_TEXTS = 4
"""How many such texts of a file are kept: the first ones."""

_COLOUR_TYPE = slice(25, 26)
_LEAST_TRANSPARENCY = {b"\0": 2, b"\2": 6}
"""Bytes of the transparent grey or colour, by colour type. Viewers pass over shorter chunks."""

_CHECKSUM_BYTES = 4

HEADER = slice(16, 29)
"""The file's width, height, depth, colour type, compression, filter and interlacing."""


def without_extras(data: bytes) -> bytes:
    """The same PNG without texts, profiles and the like.

    These may be damaged, or grow to any size when they are decompressed.
    Raises `ImageTooLarge`.
    """
    return SIGNATURE + b"".join(_kept(data))


def without_checksum(data: bytes) -> bytes:
    """The same PNG without the checksum at the end of its packed picture."""
    chunks = list(_kept(data))
    pieces = [each for each in chunks if each[4:8] == b"IDAT"]
    if not pieces:
        return data
    body = b"".join(each[8:-4] for each in pieces)[:-_CHECKSUM_BYTES]
    head = b"IDAT" + body
    piece = len(body).to_bytes(4) + head + zlib.crc32(head).to_bytes(4)
    first = chunks.index(pieces[0])
    others = [each for each in chunks[first:] if each[4:8] != b"IDAT"]
    return SIGNATURE + b"".join([*chunks[:first], piece, *others])


def _kept(data: bytes) -> Iterator[bytes]:
    place = len(SIGNATURE)
    texts = 0
    least = _LEAST_TRANSPARENCY.get(data[_COLOUR_TYPE], 0)
    for _ in range(MAX_CHUNKS):
        if place + 8 > len(data):
            return
        length = int.from_bytes(data[place : place + 4])
        kind = data[place + 4 : place + 8]
        chunk = data[place : place + 12 + length]
        is_turning = kind in _TEXTS and chunk.startswith(_TURNING_TEXTS, 8)
        texts += is_turning
        left_out = (is_turning and texts > MAX_TEXTS) or (kind == b"tRNS" and length < least)
        if kind in _NEEDED or (
            not left_out and _is_whole(chunk, length) and _is_used(kind, chunk[8:-4])
        ):
            yield chunk
        if kind == b"IEND":
            return
        place += 12 + length
    raise ImageTooLarge(f"the PNG has more than {MAX_CHUNKS:,} chunks: export it again")


def _is_used(kind: bytes, body: bytes) -> bool:
    if kind not in _TEXTS:
        return kind in _USED
    return body.startswith(_TURNING_TEXTS) and _unpacks_small(kind, body)


def _unpacks_small(kind: bytes, body: bytes) -> bool:
    """Whether a text is whole, and no larger than `MAX_TEXT_BYTES`."""
    if len(body) > MAX_TEXT_BYTES:
        return False
    _, _, text = body.partition(b"\0")
    if kind == b"tEXt" or (kind == b"iTXt" and text[:1] != b"\1"):
        return True
    # Before the packed text: its method; and in an iTXt a flag, a language and a translation, too.
    packed = text[1:] if kind == b"zTXt" else text[2:].split(b"\0", 2)[-1]
    unpacking = zlib.decompressobj()
    try:
        unpacking.decompress(packed, MAX_TEXT_BYTES)
    except zlib.error:
        return False
    return unpacking.eof


def _is_whole(chunk: bytes, length: int) -> bool:
    return len(chunk) == 12 + length and zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:])
