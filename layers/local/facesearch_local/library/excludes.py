"""Names in folders that hold no photos of the person: thumbnails, bins, previews."""

import os
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import translate
from pathlib import PurePath

DEFAULT_EXCLUDES = (
    # Synology, QNAP: thumbnails, bins, snapshots.
    *("@eaDir", "*@SynoEAStream", "#recycle", "#snapshot", "@tmp"),
    *("@Recycle", "@Recently-Snapshot", "~snapshot"),
    # Windows, Linux, macOS and its archives.
    *("$RECYCLE.BIN", "RECYCLER", "System Volume Information", "lost+found", "__MACOSX"),
    *("Network Trash Folder", "Temporary Items"),
    # Previews and bins of photo programs: Lightroom, Capture One, Photos, iPhoto, Aperture,
    # Nextcloud.
    *(
        "*.lrdata",
        "CaptureOne/Cache",
        "*.cocatalog/Cache",
        "*.photoslibrary/resources",
        "*.photoslibrary/scopes",
    ),
    *("*.photolibrary/Thumbnails", "*.photolibrary/Previews"),
    *("*.aplibrary/Thumbnails", "*.aplibrary/Previews", "appdata_*/preview"),
    *("files_trashbin", "files_versions"),
)
"""Left out of every folder. A folder that is named itself is scanned."""


class Excludes:
    """Patterns as in a shell (`*`, `?`, `[…]`), without regard to case.

    A pattern without a slash matches a name. One with a slash matches a path: one below the folder,
    or one as a shell would take it, absolute or from the current folder.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self._default = _compiled(DEFAULT_EXCLUDES)
        self._asked = {each: _compiled([each]) for each in patterns}
        self._matched: set[str] = set()

    @property
    def unmatched(self) -> list[str]:
        """The patterns that have hidden nothing so far."""
        return [each for each in self._asked if each not in self._matched]

    def hides(self, below: str, path: str) -> bool:
        """Whether a file or folder is left out: `below` the folder, of this whole `path`."""
        places = f"/{below.casefold()}", path.casefold()
        matched = {each for each, pattern in self._asked.items() if _matches(pattern, places)}
        self._matched |= matched
        return bool(matched) or _matches(self._default, places)

    def hides_any(self, below: str, path: str) -> bool:
        """Whether a file is left out, or any of the folders that it is in `below` the folder."""
        parts = below.split("/")
        wholes = [path, *map(str, PurePath(path).parents)]
        return any(
            self.hides("/".join(parts[: len(parts) - up]), wholes[up]) for up in range(len(parts))
        )


@dataclass(frozen=True, slots=True)
class _Compiled:
    """Expressions for names, for paths below the folder, and for whole paths."""

    names: re.Pattern[str]
    below: re.Pattern[str]
    whole: re.Pattern[str]


def _compiled(patterns: Iterable[str]) -> _Compiled:
    names, below, whole = [], [], []
    for each in patterns:
        pattern = each.rstrip("/")
        if "/" not in pattern:
            names.append(pattern)
            continue
        # A link by its own name, and what it leads to by the name of that.
        whole += [os.path.abspath(pattern), os.path.realpath(pattern)]  # noqa: PTH100
        is_relative = pattern.startswith("./")
        pattern = posixpath.normpath(pattern)
        if pattern.startswith("/") or is_relative:
            below.append(f"/{pattern.lstrip('/')}")
        else:
            # Anywhere below the folder, as names are.
            below.append(f"*/{pattern}")
    return _Compiled(_any_of(names), _any_of(below), _any_of(whole))


def _matches(patterns: _Compiled, places: tuple[str, str]) -> bool:
    below, path = places
    name = below.rpartition("/")[2]
    return bool(
        patterns.names.match(name) or patterns.below.match(below) or patterns.whole.match(path)
    )


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """Matches nothing, if there are none."""
    return re.compile("|".join(translate(each.casefold()) for each in patterns) or r"(?!)")
