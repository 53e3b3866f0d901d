"""Pictures that cost much to decode, or lie about it: made here, each by a function of its name."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Literal

from PIL import Image

from facesearch.vision import jpeg

Maker = Callable[[], bytes]


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Not flat, and quick to make."""
    tile = Image.effect_noise((512, 512), 40).resize((1024, 1024))
    picture = Image.new("L", (width, height))
    for top in range(0, height, 1024):
        for left in range(0, width, 1024):
            picture.paste(tile, (left, top))
    return picture.convert(mode)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, extra: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + extra
        + png_chunk(b"IDAT", zlib.compress(rows, 1))
        + png_chunk(b"IEND", b"")
    )


def tiff(
    tags: dict[int, tuple[int, list[int]]], data: bytes = b"", order: Literal["<", ">"] = "<"
) -> bytes:
    """Values that do not fit into an entry stand behind the data. `order` as in `struct`."""
    place = 8 + len(data)
    directory = struct.pack(f"{order}H", len(tags))
    behind = b""
    start = place + 2 + 12 * len(tags) + 4
    for tag, (kind, values) in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(packed) <= 4:
            value = packed.ljust(4, b"\0")
        else:
            value = struct.pack(f"{order}I", start + len(behind))
            behind += packed
        directory += struct.pack(f"{order}HHI", tag, kind, len(values)) + value
    begin = b"II*\0" if order == "<" else b"MM\0*"
    return begin + struct.pack(f"{order}I", place) + data + directory + bytes(4) + behind


def _gray_tiff(width: int, height: int, **changes: tuple[int, list[int]]) -> bytes:
    tags: dict[int, tuple[int, list[int]]] = {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, [8]),
        259: (3, [1]),
        262: (3, [1]),
        277: (3, [1]),
    }
    tags |= {int(tag[1:]): value for tag, value in changes.items()}
    return tiff(tags, b"\0" * 64)


def phone_12_megapixels() -> bytes:
    return encoded(noise(4032, 3024), "JPEG", quality=90)


def phone_200_megapixels() -> bytes:
    return encoded(noise(16320, 12240), "JPEG", quality=80)


def progressive_50_megapixels() -> bytes:
    return encoded(noise(8192, 6144), "JPEG", quality=85, progressive=True)


def progressive_120_megapixels() -> bytes:
    return encoded(noise(12_000, 10_000), "JPEG", quality=80, progressive=True)


def progressive_200_megapixels() -> bytes:
    return encoded(noise(16320, 12240), "JPEG", quality=70, progressive=True)


def jpeg_of_1000_scans() -> bytes:
    return _with_last_scan_again(1000)


def jpeg_of_200_scans() -> bytes:
    return _with_last_scan_again(190)


def _with_last_scan_again(times: int) -> bytes:
    """A flat progressive JPEG of 12 megapixels."""
    data = encoded(Image.new("RGB", (4000, 3000), "teal"), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * times + jpeg.END


def jpeg_of_fill_bytes() -> bytes:
    return b"\xff\xd8" + b"\xff" * (64 * 2**20)


def jpeg_of_zeros_between_segments() -> bytes:
    data = encoded(noise(64, 64), "JPEG")
    first = 20
    return data[:first] + bytes(64 * 2**20) + data[first:]


def jpeg_of_a_million_comments() -> bytes:
    data = encoded(noise(64, 64), "JPEG")
    return data[:2] + b"\xff\xfe\0\2" * 1_000_000 + data[2:]


def jpeg_of_a_million_scans() -> bytes:
    data = encoded(Image.new("L", (1, 1)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * 1_000_000


def png_of_three_million_empty_pieces() -> bytes:
    rows = (b"\0" + bytes(3 * 64)) * 64
    return png(64, 64, 8, 2, rows, png_chunk(b"IDAT", b"") * 3_000_000)


def png_of_three_million_unknown_chunks() -> bytes:
    rows = (b"\0" + bytes(3 * 64)) * 64
    return png(64, 64, 8, 2, rows, png_chunk(b"abCd", b"") * 3_000_000)


def png_with_zeros_behind_it() -> bytes:
    return png(64, 64, 8, 2, (b"\0" + bytes(3 * 64)) * 64) + bytes(64 * 2**20)


def gif_that_says_65535() -> bytes:
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0)
        + (b"," + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\x02\x02\x4c\x01\0;")
    )


def gif_of_80_megapixels() -> bytes:
    return encoded(noise(10_000, 8_000, "P"), "GIF")


def tiff_of_huge_tiles() -> bytes:
    return _gray_tiff(
        64, 64, t259=(3, [8]), t322=(4, [46_000]), t323=(4, [46_000]), t324=(4, [8]), t325=(4, [64])
    )


def tiff_of_one_column() -> bytes:
    return _gray_tiff(1, 80_000_000, t273=(4, [8]), t278=(4, [80_000_000]), t279=(4, [64]))


def tiff_of_one_row() -> bytes:
    return _gray_tiff(80_000_000, 1, t273=(4, [8]), t278=(4, [1]), t279=(4, [64]))


def tiff_of_16_bits() -> bytes:
    return encoded(Image.new("I;16", (10_000, 8_000), 30_000), "TIFF", compression="tiff_lzw")


def png_of_16_bits() -> bytes:
    row = b"\0" + bytes(6 * 10_000)
    return png(10_000, 8_000, 16, 2, row * 8_000)


def png_of_80_megapixels() -> bytes:
    return encoded(noise(10_000, 8_000), "PNG", compress_level=1)


def png_with_a_text_of_400_megabytes() -> bytes:
    text = b"comment\0\0" + zlib.compress(bytes(400 * 2**20), 9)
    rows = (b"\0" + bytes(3 * 64)) * 64
    return png(64, 64, 8, 2, rows, png_chunk(b"zTXt", text))


def png_that_never_ends() -> bytes:
    """Its data unpacks to far more than its rows."""
    return png(64, 64, 8, 2, bytes(400 * 2**20))


def avif_of_50_megapixels() -> bytes:
    return encoded(noise(8192, 6144), "AVIF", quality=40, speed=10)


def avif_that_says_less() -> bytes:
    """256 megapixels in a file that says 6000×6000."""
    data = encoded(Image.new("RGB", (16_000, 16_000), (90, 120, 150)), "AVIF", quality=20, speed=10)
    return data.replace(struct.pack(">II", 16_000, 16_000), struct.pack(">II", 6000, 6000))


def webp_of_25_megapixels() -> bytes:
    return encoded(noise(5000, 5000), "WEBP", quality=60, method=0)


def webp_that_says_16383() -> bytes:
    size = struct.pack("<I", 16382)[:3] * 2
    extended = b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + size
    data = encoded(Image.new("RGB", (16, 16)), "WEBP", lossless=True)[12:]
    body = b"WEBP" + extended + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bmp_of_80_megapixels() -> bytes:
    return encoded(Image.new("L", (10_000, 8_000), 90), "BMP")


HOSTILE: dict[str, Maker] = {
    maker.__name__: maker
    for maker in (
        phone_200_megapixels,
        progressive_50_megapixels,
        progressive_120_megapixels,
        progressive_200_megapixels,
        jpeg_of_200_scans,
        jpeg_of_1000_scans,
        jpeg_of_fill_bytes,
        jpeg_of_zeros_between_segments,
        jpeg_of_a_million_comments,
        jpeg_of_a_million_scans,
        gif_that_says_65535,
        gif_of_80_megapixels,
        tiff_of_huge_tiles,
        tiff_of_one_column,
        tiff_of_one_row,
        tiff_of_16_bits,
        png_of_16_bits,
        png_of_80_megapixels,
        png_with_a_text_of_400_megabytes,
        png_that_never_ends,
        png_of_three_million_empty_pieces,
        png_of_three_million_unknown_chunks,
        png_with_zeros_behind_it,
        avif_of_50_megapixels,
        avif_that_says_less,
        webp_of_25_megapixels,
        webp_that_says_16383,
        bmp_of_80_megapixels,
    )
}
