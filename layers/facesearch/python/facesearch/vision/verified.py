"""Check that files are those that were expected, and read each only once for every change."""

import json
from collections.abc import Mapping
from contextlib import suppress
from hashlib import file_digest
from pathlib import Path

from facesearch.files import complete_file

RECORD = ".verified.json"
"""In the folder of the files: what each was like when its SHA-256 was last computed."""

_State = list[int]


def find_unexpected(folder: Path, expected: Mapping[str, str]) -> list[str]:
    """The names of those files below `folder` that are missing, or have another SHA-256.

    `expected` is SHA-256 by name. A file is read unless its size, times and inode are those that
    it had when it was read last. Where the folder takes no record, every file is read each time.
    """
    record = _read_record(folder)
    unexpected, known = [], dict(record)
    for name, sha256 in expected.items():
        state = _state(folder / name)
        if state is None:
            unexpected.append(name)
        elif record.get(name) != [sha256, *state]:
            digest = _sha256(folder / name)
            if digest != sha256:
                unexpected.append(name)
            known[name] = [digest, *state]
    if known != record:
        with suppress(OSError), complete_file(folder / RECORD) as file:
            file.write(json.dumps(known).encode())
    return unexpected


def _read_record(folder: Path) -> dict[str, list[str | int]]:
    try:
        record = json.loads((folder / RECORD).read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _state(path: Path) -> _State | None:
    """What changes with the file. None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
