"""Photos in folders on this machine: finding them, reading them, and telling what changed."""

import os
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes

from facesearch.errors import FacesearchError, ImageTooLarge, InvalidRequest, NotFound, ReadError
from facesearch.faces import Photo
from facesearch.photos.reading import MAX_FILE_BYTES, PhotoContent
from facesearch.stores import FaceStore

EXTENSIONS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp"),
    *(".tif", ".tiff", ".avif", ".heic", ".heif"),
)
"""What counts as a photo in a folder, in lower case; a file that is named is always tried."""

CHUNK_PHOTOS = 32
CHUNK_BYTES = 64 * 2**20
"""A worker holds a chunk's files at once; one that is larger still goes by itself."""

_SCHEME = "file://"


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
        return _revision(self.size, self.mtime_ns)


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


@dataclass(frozen=True, slots=True)
class Difference:
    """What a store lacks: files that are new or changed, and ids of photos that are gone."""

    changed: list[PhotoFile]
    unchanged: int
    gone: list[str]


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
            self._fail(str(path), _read_error(error))
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
                self._fail(folder, _read_error(error))
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
            self._fail(entry.path, _read_error(error))
            return False
        return True

    def _add(self, path: str, info: os.stat_result) -> None:
        file = PhotoFile(path, info.st_size, info.st_mtime_ns)
        self.found.photos[file.photo_id] = file

    def _fail(self, path: str, error: FacesearchError) -> None:
        self.found.problems.append(Problem(path, error))


def in_chunks(files: Sequence[PhotoFile], workers: int) -> Iterator[list[PhotoFile]]:
    """Photos in chunks that a worker's memory has room for, some for every worker."""
    most = max(1, min(CHUNK_PHOTOS, len(files) // (2 * workers)))
    chunk: list[PhotoFile] = []
    size = 0
    for file in files:
        if chunk and (len(chunk) == most or size + file.size > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(file)
        size += file.size
    if chunk:
        yield chunk


def compare_with_store(found: Found, store: FaceStore, collection: str) -> Difference:
    """What must change in the store for it to hold exactly the photos found, in `collection`.

    A photo that could not be used last time counts as changed: the fault may have been ours.
    Raises a `StoreError`.
    """
    current: set[str] = set()
    gone: list[str] = []
    for photo in _stored(found, store):
        file = found.photos.get(photo.photo_id)
        if file is None:
            if _is_gone(photo.photo_id):
                gone.append(photo.photo_id)
        elif _same(photo, file, collection):
            current.add(photo.photo_id)
    changed = [file for photo_id, file in found.photos.items() if photo_id not in current]
    return Difference(sorted(changed, key=lambda file: file.path), len(current), gone)


def _stored(found: Found, store: FaceStore) -> Iterator[Photo]:
    """Stored photos at the places looked at, some twice when folders overlap."""
    folders = tuple(_outermost(found.folders))
    for prefix in folders:
        yield from (listed.photo for listed in store.photos(prefix=prefix))
    for photo_id in found.photos:
        if not photo_id.startswith(folders):
            # Its own id is the first of those that start with it.
            yield from (listed.photo for listed in store.photos(prefix=photo_id, limit=1))


def _outermost(prefixes: Iterable[str]) -> list[str]:
    kept: list[str] = []
    for prefix in sorted(prefixes):
        if not kept or not prefix.startswith(kept[-1]):
            kept.append(prefix)
    return kept


def _same(photo: Photo, file: PhotoFile, collection: str) -> bool:
    return photo.revision == file.revision and photo.collection == collection and not photo.problem


def _is_gone(photo_id: str) -> bool:
    """False while in doubt: a folder that cannot be entered still has its photos."""
    try:
        Path(photo_path(photo_id)).stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def read_photo(photo_id: str) -> PhotoContent:
    """An `reading.ReadPhoto` for ids that start with `file://`."""
    return read_file(photo_path(photo_id))


def read_file(path: str | Path) -> PhotoContent:
    """A file, or a pipe to its end. Raises `NotFound`, `ReadError` or `ImageTooLarge`."""
    try:
        with Path(path).open("rb") as file:
            info = os.fstat(file.fileno())
            regular = stat.S_ISREG(info.st_mode)
            _check_size(info.st_size)
            data = file.read() if regular else file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _read_error(error) from error
    _check_size(len(data))
    return PhotoContent(data, _revision(info.st_size, info.st_mtime_ns))


def _check_size(size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise ImageTooLarge(
            f"the file has {size / 2**20:.0f} MB or more, the limit is {MAX_FILE_BYTES >> 20}: "
            "scale the image down first"
        )


def _read_error(error: OSError) -> NotFound | ReadError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return NotFound("there is no such file or folder: check the path")
    if isinstance(error, IsADirectoryError):
        return ReadError("it is a folder: name a photo in it")
    if isinstance(error, PermissionError):
        return ReadError("permission denied: make it readable for this user")
    return ReadError(f"it cannot be read ({error.strerror}): check the disk, then try again")


def photo_path(photo_id: str) -> str:
    """The path of a `file://` id; bytes that are not UTF-8 become surrogates, as everywhere."""
    return os.fsdecode(unquote_to_bytes(photo_id.removeprefix(_SCHEME)))


def photo_name(photo_id: str) -> str:
    """What people and tables call a photo: its path, or its URI when it has no path in UTF-8."""
    if not photo_id.startswith(_SCHEME):
        return photo_id
    try:
        return unquote(photo_id.removeprefix(_SCHEME), errors="strict")
    except UnicodeDecodeError:
        return photo_id


def photo_label(photo_id: str) -> str:
    """The photo's name with the folder it is in: enough to know it by, and short."""
    return "/".join(unquote(photo_id).rsplit("/", 2)[-2:])


def sequence_now() -> int:
    """The `sequence` of changes that are noticed now."""
    return time.time_ns() * 2**23 // 10**9


def _revision(size: int, mtime_ns: int) -> str:
    return f"{size}-{mtime_ns}"
