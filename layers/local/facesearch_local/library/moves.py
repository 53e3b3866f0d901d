"""Find photos that were moved or renamed, by their bytes."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from facesearch.errors import FacesearchError
from facesearch.faces import Photo
from facesearch.photos.folder import FileRevision, photo_path, read_photo
from facesearch.photos.reading import read_ahead
from facesearch_local.library.listings import Listings
from facesearch_local.library.walk import PhotoFile


class LostPhotos:
    """Photos that may have moved: `absent` ones, and those `displaced` by other bytes.

    An absent photo counts only if its file is really gone, or has another true name by now.
    """

    def __init__(
        self, absent: Iterable[Photo], displaced: Iterable[Photo], listings: Listings
    ) -> None:
        self._listings = listings
        self._by_bytes: defaultdict[str, list[Photo]] = defaultdict(list)
        self._displaced = {photo.photo_id for photo in displaced}
        self.sizes: set[int] = set()
        for photo in [*absent, *displaced]:
            was = FileRevision.parse(photo.revision)
            # Bad photos are looked at again where they are, whatever their bytes.
            if was is not None and not (photo.problem and photo.photo_id in self._displaced):
                self._by_bytes[was.digest or _by_time(was)].append(photo)
                self.sizes.add(was.size)

    def claim(self, file: PhotoFile, now: FileRevision) -> Photo | None:
        """The lost photo that this file is, if any, and remove it from the lost ones.

        Of several, one with the same file name is preferred.
        """
        candidates = self._by_bytes.get(now.digest) or self._by_bytes.get(_by_time(now)) or []
        lost = [
            photo
            for photo in candidates
            if photo.photo_id != file.photo_id and self._is_lost(photo)
        ]
        if not lost:
            return None
        name = Path(file.path).name
        chosen = next(
            (each for each in lost if Path(photo_path(each.photo_id)).name == name), lost[0]
        )
        candidates.remove(chosen)
        return chosen

    def _is_lost(self, photo: Photo) -> bool:
        if photo.photo_id in self._displaced:
            return True
        return not self._listings.has_own_file(photo_path(photo.photo_id))


def find_moves(
    files: Sequence[PhotoFile], lost: LostPhotos
) -> dict[str, tuple[Photo, FileRevision]]:
    """The moved photos, by the new id: the stored photo, and the file's state now.

    Reads the files whose size is that of a lost photo.
    """
    maybe = [file for file in files if file.size in lost.sizes]
    moves: dict[str, tuple[Photo, FileRevision]] = {}
    for file, now in zip(maybe, revisions_now(maybe), strict=True):
        was = lost.claim(file, now) if now else None
        if now and was:
            moves[file.photo_id] = was, now
    return moves


def revisions_now(files: Iterable[PhotoFile]) -> Iterator[FileRevision | None]:
    """Read the files, and yield their states; None for those that cannot be read."""
    for content in read_ahead(read_photo, [file.photo_id for file in files]):
        if isinstance(content, FacesearchError):
            yield None
        else:
            yield FileRevision.parse(content.revision)


def _by_time(revision: FileRevision) -> str:
    """A key for revisions of earlier versions, which hold no digest.

    Empty for a time in whole seconds, which is too coarse: archives and simple file systems keep
    no more.
    """
    whole = revision.mtime_ns % 1_000_000_000 == 0
    return "" if whole else f"{revision.size}-{revision.mtime_ns}"
