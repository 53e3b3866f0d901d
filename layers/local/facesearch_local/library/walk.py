"""Scan folders for photos."""

import os
import stat
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from facesearch.errors import FacesearchError, InvalidRequest, NotFound
from facesearch.faces import photo_key
from facesearch.photos.folder import FileRevision, read_error
from facesearch.vision.formats import EXTENSIONS, UNREAD_EXTENSIONS
from facesearch_local.library.excludes import Excludes
from facesearch_local.library.listings import Listings


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A file: its absolute path without symbolic links, its size and its times of change.

    `root` is the key of the folder whose link led here, else empty.
    """

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int = 0
    root: str = ""

    @property
    def photo_id(self) -> str:
        return Path(self.path).as_uri()

    @property
    def revision(self) -> str:
        """The file's revision, without a digest: the file has not been read."""
        return str(FileRevision(self.size, self.mtime_ns))


@dataclass(frozen=True, slots=True)
class Problem:
    """A path, or a photo's name, and why it could not be used."""

    name: str
    error: FacesearchError


@dataclass(slots=True)
class FolderScan:
    """What a scan of folders found: photos by id, and paths that could not be used.

    `folders`: the scanned folders by the prefix of their ids, with the names that people gave them.
    Folders behind links are among them.
    `missing`: the same for paths that do not exist.
    `roots`: keys of the folders that were named.
    `dangling`: targets of links that do not exist.
    `unread`: the number of files by extension that are not read, such as videos.
    `passed_over`: what has a photo's name and is no file, with the reason.
    """

    photos: dict[str, PhotoFile] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    roots: set[str] = field(default_factory=set)
    dangling: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    excludes: Excludes = field(default_factory=Excludes)
    unread: Counter[str] = field(default_factory=Counter)
    passed_over: list[tuple[str, str]] = field(default_factory=list)


def find_photos(paths: Iterable[Path], excludes: Excludes | None = None) -> FolderScan:
    """The photos that `paths` name, and those in the folders that they name, at any depth.

    A file that is named itself always counts. In folders, the extension decides. Names that start
    with a dot are left out (macOS keeps "._" twins of files), and so is what `excludes` hides.
    Symbolic links are followed, and each folder is scanned once.
    """
    finder = _Finder(excludes or Excludes())
    for path in paths:
        finder.add_path(path)
    finder.settle_links()
    return finder.scan


class _Finder:
    def __init__(self, excludes: Excludes) -> None:
        self.scan = FolderScan(excludes=excludes)
        self._excludes = excludes
        self._listings = Listings()
        self._visited: set[str] = set()

    def add_path(self, path: Path) -> None:
        try:
            # Not Path.resolve: it has no error for a path that is missing in part.
            real = self._listings.true_name(os.path.realpath(path, strict=True))
            info = Path(real).stat()
        except OSError as error:
            failure = read_error(error)
            if isinstance(failure, NotFound):
                self.scan.missing[Path(os.path.realpath(path)).as_uri()] = str(path)
            self._add_problem(str(path), failure)
            return
        if stat.S_ISDIR(info.st_mode):
            self._add_folder(path, real)
        elif stat.S_ISREG(info.st_mode):
            self._add_file(real, info)
        else:
            self._add_problem(str(path), InvalidRequest("it is neither a file nor a folder"))

    def settle_links(self) -> None:
        """Photos in a folder that was named itself do not belong to links of other folders."""
        folders = tuple(self.scan.folders)
        named = tuple(each for each in folders if photo_key(each) in self.scan.roots)
        for photo_id, file in self.scan.photos.items():
            if file.root and photo_id.startswith(named):
                self.scan.photos[photo_id] = replace(file, root="")

    def _add_folder(self, path: Path, real: str) -> None:
        problems = len(self.scan.problems)
        prefix = _prefix(real)
        self._scan_tree(real, prefix)
        if any(problem.name == real for problem in self.scan.problems[problems:]):
            return
        self.scan.folders[prefix] = str(path)
        self.scan.roots.add(photo_key(prefix))
        # An earlier path may have led to its photos already.
        if not any(
            known.startswith(prefix) or file.root == photo_key(prefix)
            for known, file in self.scan.photos.items()
        ):
            self._add_problem(
                str(path),
                NotFound("there are no photos in this folder (.jpg, .png, …): check the path"),
            )

    def _scan_tree(self, top: str, root: str) -> None:
        # Folders, and their paths below `top` by the names that led there.
        pending = [(top, "")]
        while pending:
            folder, below = pending.pop()
            if folder in self._visited:
                continue
            self._visited.add(folder)
            prefix = _prefix(folder)
            if not prefix.startswith((root, *self.scan.folders)):
                self.scan.folders[prefix] = folder
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        self._add_entry(entry, f"{below}/{entry.name}".lstrip("/"), root, pending)
            except OSError as error:
                self.scan.folders.pop(prefix, None)
                self._add_problem(folder, read_error(error))

    def _add_entry(
        self, entry: "os.DirEntry[str]", below: str, root: str, pending: list[tuple[str, str]]
    ) -> None:
        if entry.name.startswith(".") or self._excludes.hides(below, entry.path):
            return
        is_photo = entry.name.lower().endswith(EXTENSIONS)
        try:
            path = entry.path
            if entry.is_symlink():
                path = os.path.realpath(path)
                if not os.path.lexists(path):
                    self.scan.dangling.append(path)
                    if is_photo:
                        self._pass_over(entry.path, "the link leads to nothing that is there")
                    return
                path = self._listings.true_name(path)
            if entry.is_dir():
                pending.append((path, below))
            elif is_photo and entry.is_file():
                self._add_file(path, entry.stat(), root)
            elif is_photo:
                self._pass_over(entry.path, "it is neither a file nor a folder")
            elif entry.name.lower().endswith(UNREAD_EXTENSIONS) and entry.is_file():
                self.scan.unread[Path(entry.name).suffix.lower()] += 1
        except OSError as error:
            self._add_problem(entry.path, read_error(error))

    def _add_file(self, path: str, info: os.stat_result, root: str = "") -> None:
        file = PhotoFile(path, info.st_size, info.st_mtime_ns, info.st_ctime_ns)
        photo_id = file.photo_id
        if root and not photo_id.startswith(root):
            # What another path has led to already is left as it is.
            self.scan.photos.setdefault(photo_id, replace(file, root=photo_key(root)))
        else:
            self.scan.photos[photo_id] = file

    def _pass_over(self, path: str, reason: str) -> None:
        self.scan.passed_over.append((path, f"passed over: {reason}"))

    def _add_problem(self, path: str, error: FacesearchError) -> None:
        self.scan.problems.append(Problem(path, error))


def _prefix(folder: str) -> str:
    """The prefix of the ids of photos in a folder."""
    return Path(folder).as_uri().rstrip("/") + "/"
