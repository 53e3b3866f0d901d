"""Write files so that they are complete or absent, and that their owner only may read them."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


def user_data_folder() -> Path:
    """The folder for what this user keeps with facesearch; it need not be there."""
    # Not in Lambda, which keeps nothing.
    from platformdirs import user_data_path  # noqa: PLC0415

    return user_data_path("facesearch", appauthor=False)


@contextmanager
def complete_file(path: Path, *, work: Path | None = None) -> Iterator[BinaryIO]:
    """Open a file to write. It gets the name `path` when the block ends without an error.

    Until then it is a hidden file in the folder `work`, which must be on the same disk, or beside
    `path` without one. Only its owner may read it, from its creation on. Raises `OSError`, also
    where `check_regular` does.
    """
    check_regular(path)
    part = (work or path.parent) / f".{secrets.token_hex(8)}.part"
    try:
        with open(part, "xb", opener=_open_private) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def check_regular(path: Path) -> None:
    """Raise `OSError` for what is there and is no regular file, nor a link to one.

    A file put in the place of a device would be all that other programs find there; to read one may
    take for ever.
    """
    if path.exists() and not path.is_file():
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
        raise OSError(errno.EINVAL, "it is a device or a pipe, not a file", str(path))


def create_private_file(path: Path, *, exist_ok: bool = False) -> None:
    """Create an empty file that only its owner may read; one that is there stays as it is.

    Raises `OSError`, `FileExistsError` unless `exist_ok`.
    """
    os.close(_open_private(path, os.O_CREAT | os.O_WRONLY | (0 if exist_ok else os.O_EXCL)))


def make_private_folder(folder: Path) -> None:
    """Make the folder, and those above it that are missing, for its owner only.

    A folder that is there stays as it is. Raises `OSError`.
    """
    try:
        folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    except FileNotFoundError:
        make_private_folder(folder.parent)
        folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)


def _open_private(path: str | Path, flags: int) -> int:
    return os.open(path, flags, PRIVATE_FILE)
