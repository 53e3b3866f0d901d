"""Formats of pictures: those that are read, and those that are refused by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """A format that is read; `name` is the one that Pillow uses.

    `extensions` are given by media type. `max_pixels` allows what cameras make, as far as the
    memory limit does. `starts` are the bytes with which its files begin, where they are sure.
    """

    name: str
    extensions: Mapping[str, Sequence[str]]
    max_pixels: int
    starts: Sequence[bytes] = ()


FORMATS = (
    Format("JPEG", {"image/jpeg": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo")}, 200_000_000),
    Format("PNG", {"image/png": (".png", ".apng")}, 80_000_000),
    Format("WEBP", {"image/webp": (".webp",)}, 25_000_000, (b"RIFF....WEBP",)),
    Format("GIF", {"image/gif": (".gif",)}, 80_000_000, (b"GIF87a", b"GIF89a")),
    Format("BMP", {"image/bmp": (".bmp", ".dib")}, 80_000_000),
    Format(
        "TIFF",
        {"image/tiff": (".tif", ".tiff")},
        80_000_000,
        (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    ),
    Format(
        "AVIF",
        {"image/avif": (".avif", ".avifs")},
        51_000_000,
        (b"....ftypavif", b"....ftypavis"),
    ),
    Format(
        "HEIF",
        {"image/heic": (".heic", ".heics"), "image/heif": (".heif", ".hif", ".heifs")},
        51_000_000,
        (b"....ftyphe", b"....ftypmif1", b"....ftypmsf1"),
    ),
)
"""JPEG first: its multi-picture files (MPO) are read as their first picture."""

DIB = "DIB"
"""Pillow's name for a BMP without the head of its file, as clipboards and some `.dib` files are."""

EXTENSIONS_BY_TYPE = {
    media_type: extensions for each in FORMATS for media_type, extensions in each.extensions.items()
}
"""In lower case. A file without an extension gets the first of its type."""

EXTENSIONS = tuple(each for extensions in EXTENSIONS_BY_TYPE.values() for each in extensions)

READABLE_FORMATS = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC"
"""For people."""

NOT_READ = f"the file is not an image this program reads: use {READABLE_FORMATS}"


@dataclass(frozen=True, slots=True)
class UnreadFormat:
    """A format that is not read; `starts` are the bytes with which its files begin."""

    name: str
    extensions: Sequence[str]
    starts: Sequence[bytes] = ()


RAW = UnreadFormat(
    "a camera's raw picture",
    (
        *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos"),
        *(".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf"),
        *(".srw", ".x3f", ".gpr", ".ari", ".bay", ".cs1", ".dcr", ".dcs", ".drf", ".eip"),
        *(".fff", ".k25", ".lri", ".lfp", ".mdc", ".ori", ".ptx", ".pxn", ".rwz"),
    ),
    (
        *(b"II*\0\x10\0\0\0CR", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILMCCD-RAW", b"FOVb"),
        *(b"\0MRM", b"....ftypcrx "),
    ),
)
VECTOR = "a vector graphic"
UNREAD = (
    RAW,
    UnreadFormat("JPEG XL", (".jxl",), (b"\xff\x0a", b"\0\0\0\x0cJXL ")),
    UnreadFormat(
        "JPEG 2000",
        (".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc", ".jpm", ".jph", ".mj2"),
        (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"),
    ),
    UnreadFormat("JPEG XR", (".jxr", ".wdp", ".hdp"), (b"II\xbc\x01",)),
    UnreadFormat("JPEG-LS", (".jls",)),
    UnreadFormat("JPEG XS", (".jxs",), (b"\xff\x10\xff\x50",)),
    UnreadFormat("HEIF of AVC", (".avci", ".avcs"), (b"....ftypavci", b"....ftypavcs")),
    UnreadFormat("a camera's preview, sphere or stereo picture", (".thm", ".insp", ".jps", ".pns")),
    UnreadFormat("a Photoshop document", (".psd", ".psb"), (b"8BPS",)),
    UnreadFormat(
        "a document of a paint program",
        (
            *(".afphoto", ".clip", ".cpt", ".kra", ".ora", ".pdn", ".procreate", ".psp"),
            *(".pspimage", ".pxd", ".pxm", ".sai", ".sai2"),
        ),
    ),
    UnreadFormat(
        "a Targa picture",
        (".tga", ".vda", ".icb", ".vst"),
        (
            *(b"\0\0%c\0\0\0\0\0" % kind for kind in (2, 3, 10, 11)),
            # With a palette of 24 or 32 bits.
            *(b"\0\1%c\0\0..%c" % (kind, bits) for kind in (1, 9) for bits in (24, 32)),
        ),
    ),
    UnreadFormat(
        "an icon",
        (".ico", ".cur", ".icns"),
        # A cursor differs from a Targa picture in its number of pictures, which is not 0.
        (b"\0\0\1\0", *(b"\0\0\2\0%c\0" % count for count in range(1, 16)), b"icns"),
    ),
    UnreadFormat("an IM picture", (".im",), (b"Image type: ",)),
    UnreadFormat(
        "a SPIDER picture",
        (".spi",),
        # Of one slice, kind 1, as 32-bit floats in either order.
        (b"?\x80\0\0" + b"." * 12 + b"?\x80\0\0", b"\0\0\x80?" + b"." * 12 + b"\0\0\x80?"),
    ),
    UnreadFormat(
        VECTOR,
        (
            *(".svg", ".svgz", ".ai", ".eps", ".epsf", ".epsi", ".ps", ".cdr", ".cgm", ".wmf"),
            *(".wmz", ".emf", ".emz", ".afdesign", ".sketch"),
        ),
        (
            *(b"<svg", b"%!PS", b"\xc5\xd0\xd3", b"\xd7\xcd\xc6\x9a"),
            b"\1\0\0\0" + b"." * 36 + b" EMF",
        ),
    ),
    UnreadFormat("a GIMP document", (".xcf",), (b"gimp xcf",)),
    UnreadFormat(
        "a PNM picture",
        (".pbm", ".pgm", ".ppm", ".pnm", ".pam"),
        tuple(b"P%d%c" % (kind, space) for kind in range(1, 8) for space in b"\n "),
    ),
    UnreadFormat("a Sun raster picture", (".ras",), (b"\x59\xa6\x6a\x95",)),
    UnreadFormat("an X11 picture", (".xbm", ".xpm", ".xwd"), (b"/* XPM */",)),
    UnreadFormat("a PICT picture", (".pict", ".pct")),
    UnreadFormat("an IFF picture", (".iff", ".ilbm", ".lbm"), (b"FORM....ILBM",)),
    UnreadFormat("a Photo CD or FlashPix picture", (".pcd", ".fpx")),
    UnreadFormat("a film scan", (".cin", ".dpx"), (b"SDPX", b"XPDS", b"\x80\x2a\x5f\xd7")),
    UnreadFormat("a JBIG picture", (".jbg", ".jbig", ".jb2"), (b"\x97JB2",)),
    UnreadFormat("a WBMP picture", (".wbmp",)),
    UnreadFormat("an MNG or JNG picture", (".mng", ".jng"), (b"\x8aMNG", b"\x8bJNG")),
    UnreadFormat("a medical picture", (".dcm", ".dicom", ".nii")),
    UnreadFormat("a PCX picture", (".pcx", ".dcx"), (b"\n\5\1\10", b"\n\5\1\1")),
    UnreadFormat("an SGI picture", (".sgi", ".rgb", ".rgba"), (b"\1\xda\0\1", b"\1\xda\1\1")),
    UnreadFormat("a FITS picture", (".fits", ".fit", ".fts"), (b"SIMPLE  =",)),
    UnreadFormat("a QOI picture", (".qoi",), (b"qoif",)),
    UnreadFormat("a BPG or FLIF picture", (".bpg", ".flif"), (b"BPG\xfb", b"FLIF")),
    UnreadFormat("a PDF document", (".pdf",), (b"%PDF",)),
    UnreadFormat("a scanned document", (".djvu", ".djv"), (b"AT&TFORM",)),
    UnreadFormat("an XPS or InDesign document", (".xps", ".oxps", ".indd")),
    UnreadFormat(
        "a video",
        (
            *(".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".3gp", ".mts", ".m2ts", ".mpg"),
            *(".mpeg", ".wmv", ".insv", ".flv", ".ogv", ".3gpp", ".3g2", ".3gp2", ".360", ".asf"),
            *(".braw", ".divx", ".dv", ".dvr-ms", ".f4v", ".h264", ".h265", ".hevc"),
            *(".lrv", ".m1v", ".m2t", ".m2v", ".mjpeg", ".mjpg", ".mp4v", ".mpe", ".mpv"),
            *(".mxf", ".ogm", ".qt", ".r3d", ".rm", ".rmvb", ".tod", ".vob", ".wtv"),
        ),
        (
            *(b"....ftypqt", b"....ftypiso", b"....ftypmp4", b"....ftypM4V", b"....ftyp3gp"),
            *(b"....ftypM4A", b"....ftypf4v", b"....ftypdash", b"....ftypmmp4", b"....ftypXAVC"),
            *(b"OggS", b"FLV\1", b".RMF\0\0\0", b"\6\x0e\x2b\x34\2\5\1\1", b"....ftyp3g2"),
            *(b"....ftypMSNV", b"....ftypavc1", b"....moov", b"....mdat", b"....wide"),
            *(b"\x1aE\xdf\xa3", b"RIFF....AVI ", b"\0\0\1\xba", b"\0\0\1\xb3", b"0&\xb2u"),
        ),
    ),
    UnreadFormat("a picture for the screen's hardware", (".dds", ".ktx", ".ktx2"), (b"DDS ",)),
    UnreadFormat("an OpenEXR or HDR picture", (".exr", ".hdr"), (b"v/1\x01", b"#?RADIANCE")),
)
"""A dot in `starts` stands for any byte."""

UNREAD_EXTENSIONS = tuple(extension for each in UNREAD for extension in each.extensions)
"""Extensions of files in a folder that people may take for photos, but that are not read."""


def unread_name(data: bytes) -> str | None:
    """The name of the file's format, if it is one of `UNREAD`."""
    for each in UNREAD:
        if any(_begins(data, start) for start in each.starts):
            return each.name
    return VECTOR if _is_svg(data) else None


_HEAD_OF_TEXT = 4096


def _is_svg(data: bytes) -> bool:
    """Before its first element an SVG may have a declaration, comments and a type."""
    head = data[:_HEAD_OF_TEXT].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return head.startswith(b"<") and b"<svg" in head and b"<html" not in head


def read_name(data: bytes) -> str | None:
    """The name of the format that is read as whose file the data begins."""
    for each in FORMATS:
        if any(_begins(data, start) for start in each.starts):
            return each.name
    return None


def _begins(data: bytes, start: bytes) -> bool:
    head = data[: len(start)]
    return len(head) == len(start) and all(
        wanted in (given, ord(".")) for given, wanted in zip(head, start, strict=True)
    )


def format_of(name: str) -> Format:
    """The format that Pillow calls `name`."""
    name = "BMP" if name == DIB else name
    return next(each for each in FORMATS if each.name == name)
