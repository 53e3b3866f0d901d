"""Names in folders that hold no photos of the person: thumbnails, bins, previews."""

import re
from collections.abc import Iterable
from fnmatch import translate

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

    A pattern without a slash matches a name. One with a slash matches a path below the folder.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        asked = [each.rstrip("/").casefold() for each in (*DEFAULT_EXCLUDES, *patterns)]
        self._names = _any_of(each for each in asked if "/" not in each)
        # Anywhere below the folder, as names are.
        self._paths = _any_of(
            f"*/{each.lstrip('/')}" if not each.startswith("/") else each
            for each in asked
            if "/" in each
        )

    def hides(self, path: str) -> bool:
        """Whether the last part of the path (below the folder) is left out."""
        folded = f"/{path.casefold()}"
        name = folded.rpartition("/")[2]
        return bool(self._names.match(name) or self._paths.match(folded))

    def hides_any(self, path: str) -> bool:
        """Whether any part of the path (below the folder) is left out."""
        parts = path.split("/")
        return any(self.hides("/".join(parts[: end + 1])) for end in range(len(parts)))


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)))
