"""Which photos there are in folders."""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from facesearch.errors import FacesearchError, InvalidRequest, NotFound
from facesearch.photos.folder import read_error, revision_of

EXTENSIONS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp"),
    *(".tif", ".tiff", ".avif", ".heic", ".heif"),
)
"""What counts as a photo in a folder, in lower case; a file that is named is always tried."""


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A file by its absolute path without symbolic links, its bytes and its time of change."""

    path: str
    size: int
    mtime_ns: int

    @property
    def photo_id(self) -> str:
        return Path(self.path).as_uri()

    @property
    def revision(self) -> str:
        return revision_of(self.size, self.mtime_ns)


@dataclass(frozen=True, slots=True)
class Problem:
    """A path, or a photo's name, and why it could not be used."""

    name: str
    error: FacesearchError


@dataclass(slots=True)
class Found:
    """Photos by id, the ids' prefixes of the folders that were looked through, and what failed."""

    photos: dict[str, PhotoFile] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def find_photos(paths: Iterable[Path]) -> Found:
    """The photos that `paths` name, and those in the folders that they name, at any depth.

    In folders, names that start with a dot are left alone (macOS keeps "._" twins of files).
    Symbolic links are followed, each folder visited once.
    """
    finder = _Finder()
    for path in paths:
        finder.look_at(path)
    return finder.found


class _Finder:
    def __init__(self) -> None:
        self.found = Found()
        self._visited: set[str] = set()

    def look_at(self, path: Path) -> None:
        try:
            # Not Path.resolve: it has no error for a path that is missing in part.
            real = os.path.realpath(path, strict=True)
            info = Path(real).stat()
        except OSError as error:
            self._fail(str(path), read_error(error))
            return
        if stat.S_ISDIR(info.st_mode):
            self._look_through(path, real)
        elif stat.S_ISREG(info.st_mode):
            self._add(real, info)
        else:
            self._fail(str(path), InvalidRequest("it is neither a file nor a folder"))

    def _look_through(self, path: Path, real: str) -> None:
        problems = len(self.found.problems)
        seen = self._walk(real)
        prefix = Path(real).as_uri().rstrip("/") + "/"
        if any(problem.name == real for problem in self.found.problems[problems:]):
            return
        self.found.folders.append(prefix)
        # An earlier path may have led to its photos already.
        if not seen and not any(known.startswith(prefix) for known in self.found.photos):
            self._fail(
                str(path),
                NotFound("there are no photos in this folder (.jpg, .png, …): check the path"),
            )

    def _walk(self, top: str) -> int:
        """Photos seen."""
        seen = 0
        pending = [top]
        while pending:
            folder = pending.pop()
            if folder in self._visited:
                continue
            self._visited.add(folder)
            try:
                with os.scandir(folder) as entries:
                    seen += sum(self._enter(entry, pending) for entry in entries)
            except OSError as error:
                self._fail(folder, read_error(error))
        return seen

    def _enter(self, entry: "os.DirEntry[str]", pending: list[str]) -> bool:
        """Whether it is a photo."""
        if entry.name.startswith("."):
            return False
        try:
            path = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
            if entry.is_dir():
                pending.append(path)
                return False
            if not entry.name.lower().endswith(EXTENSIONS) or not entry.is_file():
                return False
            self._add(path, entry.stat())
        except OSError as error:
            self._fail(entry.path, read_error(error))
            return False
        return True

    def _add(self, path: str, info: os.stat_result) -> None:
        file = PhotoFile(path, info.st_size, info.st_mtime_ns)
        self.found.photos[file.photo_id] = file

    def _fail(self, path: str, error: FacesearchError) -> None:
        self.found.problems.append(Problem(path, error))
