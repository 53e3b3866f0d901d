"""Files that are complete or absent, whatever interrupts their writing."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def complete_file(path: Path, *, work: Path | None = None) -> Iterator[BinaryIO]:
    """A file to write to, which takes the name `path` when the block ends without an error.

    Until then it lies in the folder `work`, which is on the same disk, else beside `path` as a
    hidden file. Raises `OSError`.
    """
    part = (work or path.parent) / f".{secrets.token_hex(8)}.part"
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
