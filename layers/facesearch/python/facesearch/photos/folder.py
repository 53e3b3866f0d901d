"""Photos on this machine: reading them by id, and what people call them."""

import hashlib
import os
import re
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self
from urllib.parse import unquote, unquote_to_bytes

from facesearch.errors import ImageTooLarge, InvalidRequest, NotFound, ReadError
from facesearch.photos.reading import MAX_FILE_BYTES, PhotoContent

SCHEME = "file://"

_REVISION = re.compile(r"(\d+)-(-?\d+)(?:-(-?\d+)-([0-9a-f]{32})(?:-([0-9a-f]{32}))?(?:@(\d+))?)?")


@dataclass(frozen=True, slots=True)
class FileRevision:
    """A file's state as `Photo.revision` keeps it, in text.

    `ctime_ns` changes even when a program sets the modification time back. `digest` is a hash of
    the bytes. `root` is the key of the folder from which a link led here, else empty. `mount` is
    how many parts of the path belong to its mount point, 0 if unknown. Revisions of earlier
    versions end after `mtime_ns`.
    """

    size: int
    mtime_ns: int
    ctime_ns: int = 0
    digest: str = ""
    root: str = ""
    mount: int = 0

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Parse the text of a revision; None if it is not that of a file."""
        match = _REVISION.fullmatch(text)
        if match is None:
            return None
        size, mtime_ns, ctime_ns, digest, root, mount = match.groups()
        return cls(
            int(size), int(mtime_ns), int(ctime_ns or 0), digest or "", root or "", int(mount or 0)
        )

    def __str__(self) -> str:
        text = f"{self.size}-{self.mtime_ns}"
        if self.digest:
            text += f"-{self.ctime_ns}-{self.digest}"
        if self.root:
            text += f"-{self.root}"
        return f"{text}@{self.mount}" if self.mount else text


def read_photo(photo_id: str) -> PhotoContent:
    """An `reading.ReadPhoto` for ids that start with `file://`."""
    return read_file(photo_path(photo_id))


def read_file(path: str | Path) -> PhotoContent:
    """Read a file to its end.

    Raises `NotFound`, `ReadError`, `ImageTooLarge`, or `InvalidRequest` for what is no file: a pipe
    or a device may never end.
    """
    try:
        info = Path(path).stat()
        if not (stat.S_ISREG(info.st_mode) or stat.S_ISDIR(info.st_mode)):
            raise InvalidRequest("it is a pipe or a device: save the photo in a file")
        with Path(path).open("rb") as file:
            info = os.fstat(file.fileno())
            _check_size(info.st_size)
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise read_error(error) from error
    _check_size(len(data))
    revision = FileRevision(
        info.st_size,
        info.st_mtime_ns,
        info.st_ctime_ns,
        _digest(data),
        mount=_mount_parts(Path(path).absolute().parent),
    )
    return PhotoContent(data, str(revision))


def with_root(content: PhotoContent, root: str) -> PhotoContent:
    """The content, with `root` (as in `FileRevision`) added to its revision."""
    revision = FileRevision.parse(content.revision)
    if not root or revision is None:
        return content
    return replace(content, revision=str(replace(revision, root=root)))


def _mount_parts(folder: Path) -> int:
    """The number of parts in the path of the folder's mount point; 0 if unknown."""
    try:
        # Folders' devices: with overlays, those of files are others.
        device = folder.stat().st_dev
        while folder != folder.parent and folder.parent.stat().st_dev == device:
            folder = folder.parent
    except OSError:
        return 0
    return len(folder.parts)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _check_size(size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise ImageTooLarge(
            f"the file has {size / 2**20:.0f} MB or more, the limit is {MAX_FILE_BYTES >> 20}: "
            "scale the image down first"
        )


def read_error(error: OSError) -> NotFound | ReadError:
    """Translate a failure to read a file or folder."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return NotFound("there is no such file or folder: check the path")
    if isinstance(error, IsADirectoryError):
        return ReadError("it is a folder: name a photo in it")
    if isinstance(error, PermissionError):
        return ReadError("permission denied: make it readable for this user")
    return ReadError(f"it cannot be read ({error.strerror}): check the disk, then try again")


def is_in_folder(photo_id: str) -> bool:
    """Whether it is the id of a file of some machine."""
    return photo_id.startswith(SCHEME)


def photo_path(photo_id: str) -> str:
    """The path of a `file://` id; bytes that are not UTF-8 become surrogates, as everywhere."""
    return os.fsdecode(unquote_to_bytes(photo_id.removeprefix(SCHEME)))


def photo_name(photo_id: str) -> str:
    """The name of a photo for people: its path, or its URI if the path is not UTF-8."""
    if not photo_id.startswith(SCHEME):
        return photo_id
    try:
        return unquote(photo_id.removeprefix(SCHEME), errors="strict")
    except UnicodeDecodeError:
        return photo_id


def photo_label(photo_id: str) -> str:
    """A short label for a photo: its name and its folder's."""
    return "/".join(unquote(photo_id).rsplit("/", 2)[-2:])
