"""The names that folders list.

Where case does not matter, a file can also be opened by names that its folder does not list: names
in another case, for example.
"""

import os
import stat
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

FOLDERS_KEPT = 1024


class Listings:
    """The names in folders; each folder is read once."""

    def __init__(self) -> None:
        self._names = lru_cache(FOLDERS_KEPT)(_names)
        self.is_mount = lru_cache(FOLDERS_KEPT)(Path.is_mount)

    def has(self, path: str) -> bool:
        """Whether there is a file or folder of exactly this name.

        True when in doubt: a folder that cannot be read still has its photos.
        """
        folder, name = os.path.split(path)
        if not name:
            return True
        names = self._names(folder)
        if names is None:
            return _answers(path)
        return name in names and self.has(folder)

    def has_file(self, path: str) -> bool:
        """As `has`, for a regular file: a folder may have taken a photo's name since."""
        return self.has(path) and _answers(path, stat.S_ISREG)

    def has_own_file(self, path: str) -> bool:
        """As `has_file`, but not where a link leads: that file has another true name."""
        return self.has_file(path) and os.path.realpath(path) == path

    def true_name(self, path: str) -> str:
        """The path as folders list it, for a `path` in any case."""
        folder, name = os.path.split(path)
        if not name:
            return path
        folder = self.true_name(folder)
        names = self._names(folder)
        if names is not None and name not in names:
            name = next((each for each in names if _folded(each) == _folded(name)), name)
        return str(Path(folder, name))


def _names(folder: str) -> frozenset[str] | None:
    """The names in a folder; None if it cannot be read."""
    try:
        return frozenset(os.listdir(folder))  # noqa: PTH208 (names, not paths)
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    except OSError:
        return None


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _answers(path: str, is_kind: Callable[[int], bool] = bool) -> bool:
    """Whether something of this kind is there; True when in doubt."""
    try:
        return is_kind(Path(path).stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def may_be_unmounted(path: str) -> bool:
    """Whether a missing file may be on a disk that is not mounted.

    It may, if its folder is missing or empty.
    """
    try:
        with os.scandir(Path(path).parent) as entries:
            return next(entries, None) is None
    except OSError:
        return True
