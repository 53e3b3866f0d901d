"""Photos on this machine: reading them by id, and what people call them."""

import os
import stat
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes

from facesearch.errors import ImageTooLarge, NotFound, ReadError
from facesearch.photos.reading import MAX_FILE_BYTES, PhotoContent

_SCHEME = "file://"


def read_photo(photo_id: str) -> PhotoContent:
    """An `reading.ReadPhoto` for ids that start with `file://`."""
    return read_file(photo_path(photo_id))


def read_file(path: str | Path) -> PhotoContent:
    """A file, or a pipe to its end. Raises `NotFound`, `ReadError` or `ImageTooLarge`."""
    try:
        with Path(path).open("rb") as file:
            info = os.fstat(file.fileno())
            regular = stat.S_ISREG(info.st_mode)
            _check_size(info.st_size)
            data = file.read() if regular else file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise read_error(error) from error
    _check_size(len(data))
    return PhotoContent(data, revision_of(info.st_size, info.st_mtime_ns))


def _check_size(size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise ImageTooLarge(
            f"the file has {size / 2**20:.0f} MB or more, the limit is {MAX_FILE_BYTES >> 20}: "
            "scale the image down first"
        )


def read_error(error: OSError) -> NotFound | ReadError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return NotFound("there is no such file or folder: check the path")
    if isinstance(error, IsADirectoryError):
        return ReadError("it is a folder: name a photo in it")
    if isinstance(error, PermissionError):
        return ReadError("permission denied: make it readable for this user")
    return ReadError(f"it cannot be read ({error.strerror}): check the disk, then try again")


def photo_path(photo_id: str) -> str:
    """The path of a `file://` id; bytes that are not UTF-8 become surrogates, as everywhere."""
    return os.fsdecode(unquote_to_bytes(photo_id.removeprefix(_SCHEME)))


def photo_name(photo_id: str) -> str:
    """What people and tables call a photo: its path, or its URI when it has no path in UTF-8."""
    if not photo_id.startswith(_SCHEME):
        return photo_id
    try:
        return unquote(photo_id.removeprefix(_SCHEME), errors="strict")
    except UnicodeDecodeError:
        return photo_id


def photo_label(photo_id: str) -> str:
    """The photo's name with the folder it is in: enough to know it by, and short."""
    return "/".join(unquote(photo_id).rsplit("/", 2)[-2:])


def revision_of(size: int, mtime_ns: int) -> str:
    """Changes when the file's bytes do."""
    return f"{size}-{mtime_ns}"
