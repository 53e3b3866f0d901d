"""Write files so that they are complete or absent, even if the program stops."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def complete_file(path: Path, *, work: Path | None = None) -> Iterator[BinaryIO]:
    """Open a file to write. It gets the name `path` when the block ends without an error.

    Until then it is a hidden file in the folder `work`, which must be on the same disk, or beside
    `path` without one. Raises `OSError`.
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
