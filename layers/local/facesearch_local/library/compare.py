"""Compare a store with the photos in folders."""

import os
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from facesearch.errors import NotFound, ReadError, StoreNotFound
from facesearch.faces import DEFAULT_COLLECTION, Photo, Removal, photo_key
from facesearch.indexing import PhotoToIndex
from facesearch.photos.folder import SCHEME, FileRevision, photo_path
from facesearch.stores import FaceStore
from facesearch_local.counting import counted, counted_are
from facesearch_local.library.listings import Listings, may_be_unmounted
from facesearch_local.library.moves import LostPhotos, find_moves, revisions_now
from facesearch_local.library.sequences import following, next_sequences
from facesearch_local.library.walk import FolderScan, PhotoFile, Problem

MASS_PHOTOS, MASS_SHARE = 10, 0.2


def is_mass(gone: int, stored: int) -> bool:
    """Whether so many photos are gone that they are not removed without a question."""
    return gone > max(MASS_PHOTOS, MASS_SHARE * stored)


@dataclass(frozen=True, slots=True)
class FileToIndex(PhotoToIndex):
    """A file to index; `root` as in `PhotoFile`."""

    size: int = 0
    root: str = ""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A photo whose faces are known: `changed` is to replace `stored`.

    `leaves`: whether no photo has its old name any more.
    """

    stored: Photo
    changed: Photo
    leaves: bool = False

    @property
    def moved(self) -> bool:
        return self.stored.photo_id != self.changed.photo_id


@dataclass(slots=True)
class Difference:
    """What must change in a store.

    `stored` counts its photos from the folders that were scanned. `gone` are the photos to remove.
    `kept` names the folders that are missing or empty: their photos are not removed.
    """

    changed: list[FileToIndex] = field(default_factory=list)
    rewrites: list[Rewrite] = field(default_factory=list)
    unchanged: int = 0
    gone: list[Photo] = field(default_factory=list)
    stored: int = 0
    kept: list[Problem] = field(default_factory=list)
    kept_photos: int = 0

    @property
    def removals(self) -> list[Removal]:
        return [Removal(photo.photo_id, following(photo.sequence)) for photo in self.gone]

    @property
    def is_mass_removal(self) -> bool:
        """Whether so many photos are gone that a disk is probably not mounted."""
        return is_mass(len(self.gone), self.stored)


def compare_with_store(
    scan: FolderScan, store: FaceStore, collection: str | None = None, *, force: bool = False
) -> Difference:
    """What must change in the store, so that it holds exactly the photos of the scan.

    Photos go to `collection`; None leaves each in the collection it has. With `force`, all are
    indexed again. Photos that could not be used last time always are: the fault may have been
    ours. Raises a `StoreError`.
    """
    comparison = _StoreComparison(scan, collection, force=force)
    try:
        for listed in store.photos(prefix=SCHEME):
            comparison.take(listed.photo)
    except StoreNotFound:
        pass
    return comparison.finish(store)


class _StoreComparison:
    def __init__(self, scan: FolderScan, collection: str | None, *, force: bool) -> None:
        self._scan = scan
        self._collection = collection
        self._force = force
        self._listings = Listings()
        self._difference = Difference()
        self._places = tuple(scan.folders)
        self._empty = {place: name for place, name in scan.folders.items() if self._bare(place)}
        self._sizes = {file.size for file in scan.photos.values()}
        self._known: set[str] = set()
        self._changed: list[tuple[PhotoFile, Photo]] = []
        self._suspects: list[tuple[PhotoFile, Photo]] = []
        self._forced: list[tuple[PhotoFile, Photo]] = []
        self._elsewhere: list[Photo] = []
        self._kept: Counter[str] = Counter()
        self._unmounted: list[tuple[Photo, Path]] = []
        # A folder that could not be read may hold the links by which others are reached.
        self._all_read = not any(isinstance(each.error, ReadError) for each in scan.problems)

    def take(self, photo: Photo) -> None:
        """Add a stored photo to the difference."""
        file = self._scan.photos.get(photo.photo_id)
        if file is not None:
            self._known.add(photo.photo_id)
            self._difference.stored += 1
            self._take_found(photo, file)
            return
        revision = FileRevision.parse(photo.revision) or FileRevision(-1, 0)
        absent = self._absent_place(photo.photo_id)
        if absent is not None:
            self._kept[absent] += 1
        elif photo.photo_id.startswith(self._places) or revision.root in self._scan.roots:
            self._difference.stored += 1
            if not self._is_gone(photo):
                return
            disk = self._missing_disk(photo, revision)
            if disk is None:
                self._difference.gone.append(photo)
                return
            self._unmounted.append((photo, disk))
        if revision.size in self._sizes:
            self._elsewhere.append(photo)

    def finish(self, store: FaceStore) -> Difference:
        difference = self._difference
        self._settle_suspects()
        new = sorted(
            (file for id_, file in self._scan.photos.items() if id_ not in self._known),
            key=lambda file: file.path,
        )
        sequences = next_sequences(store, [file.photo_id for file in new])
        for _, was in self._changed:
            sequences[was.photo_id] = following(was.sequence)
        new = self._settle_moves(new, sequences)
        self._changed += self._forced
        difference.changed = [
            self._to_index(file, sequences[file.photo_id], None) for file in new
        ] + [self._to_index(file, following(was.sequence), was) for file, was in self._changed]
        difference.changed.sort(key=lambda change: change.photo_id)
        for place, photos in self._kept.items():
            difference.kept.append(_kept(self._name(place), photos, place in self._scan.missing))
            difference.kept_photos += photos
        disks = Counter(disk for _, disk in self._unmounted)
        for disk, photos in disks.items():
            difference.kept.append(Problem(str(disk), _unmounted(disk, photos)))
            difference.kept_photos += photos
        return difference

    def _take_found(self, photo: Photo, file: PhotoFile) -> None:
        was = FileRevision.parse(photo.revision)
        if photo.problem or was is None or was.size != file.size:
            self._changed.append((file, photo))
        elif _is_untouched(was, file, photo):
            # A photo that a link alone led to is now in a folder that was named itself.
            settled = replace(was, root="") if was.root and not file.root else was
            self._keep_place(photo, file, settled)
        elif was.digest:
            self._suspects.append((file, photo))
        else:
            self._changed.append((file, photo))

    def _keep_place(self, photo: Photo, file: PhotoFile, revision: FileRevision) -> None:
        """Keep a photo whose path and bytes are the same."""
        if self._force:
            self._forced.append((file, photo))
        else:
            self._keep_faces(photo, file, str(revision))

    def _keep_faces(self, photo: Photo, file: PhotoFile, revision: str, sequence: int = 0) -> None:
        changed = replace(
            photo,
            photo_id=file.photo_id,
            revision=revision,
            collection=self._collection or photo.collection,
        )
        if changed == photo:
            self._difference.unchanged += 1
        else:
            sequence = max(sequence, following(photo.sequence))
            changed = replace(changed, sequence=sequence)
            leaves = photo.photo_id not in self._scan.photos
            self._difference.rewrites.append(Rewrite(photo, changed, leaves=leaves))

    def _settle_suspects(self) -> None:
        """Read the files that look changed: a program may touch a file and keep its bytes."""
        for (file, photo), now in zip(
            self._suspects, revisions_now(file for file, _ in self._suspects), strict=True
        ):
            was = FileRevision.parse(photo.revision)
            if now is not None and was is not None and now.digest == was.digest:
                self._keep_place(photo, file, replace(now, root=was.root and file.root))
            else:
                self._changed.append((file, photo))

    def _settle_moves(self, new: list[PhotoFile], sequences: Mapping[str, int]) -> list[PhotoFile]:
        """Find photos that were moved, and return the files that are new.

        Where names were shifted, a known name may have other bytes: it is checked, too.
        """
        absent = [*self._difference.gone, *self._elsewhere]
        lost = LostPhotos(absent, [photo for _, photo in self._changed], self._listings)
        files = [*new, *(file for file, _ in self._changed)]
        moves = find_moves(files, lost)
        for file in files:
            if file.photo_id in moves:
                was, now = moves[file.photo_id]
                revision = str(replace(now, root=file.root))
                self._keep_faces(was, file, revision, sequences[file.photo_id])
                if self._force or was.problem:
                    self._forced.append((file, self._difference.rewrites[-1].changed))
        self._changed = [each for each in self._changed if each[0].photo_id not in moves]
        left = {was.photo_id for was, _ in moves.values()}
        self._difference.gone = [
            photo for photo in self._difference.gone if photo.photo_id not in left
        ]
        self._unmounted = [each for each in self._unmounted if each[0].photo_id not in left]
        self._kept -= Counter(filter(None, map(self._absent_place, left)))
        return [file for file in new if file.photo_id not in moves]

    def _to_index(self, file: PhotoFile, sequence: int, was: Photo | None) -> FileToIndex:
        """A file to index. It keeps the collection and metadata that `was` has."""
        return FileToIndex(
            file.photo_id,
            sequence,
            self._collection or (was.collection if was else DEFAULT_COLLECTION),
            was.metadata if was else {},
            size=file.size,
            root=file.root,
        )

    def _is_gone(self, photo: Photo) -> bool:
        path = photo_path(photo.photo_id)
        place = next((each for each in self._places if photo.photo_id.startswith(each)), None)
        if place is None and not self._all_read:
            return False
        if not self._listings.has_own_file(path):
            real = os.path.realpath(path)
            return not any(
                real == target or real.startswith(f"{target}/")
                for target in self._scan.dangling
                if may_be_unmounted(target)
            )
        # It is there, but nothing leads there any more; a file may have been named by itself.
        return place is None or self._scan.excludes.hides_any(path[len(photo_path(place)) :], path)

    def _missing_disk(self, photo: Photo, revision: FileRevision) -> Path | None:
        """The mount point where the photo's disk was, if none is there now."""
        path = photo_path(photo.photo_id)
        if not revision.mount or self._listings.has(path):
            return None
        disk = Path(*Path(path).parts[: revision.mount])
        return None if self._listings.is_mount(disk) else disk

    def _absent_place(self, photo_id: str) -> str | None:
        """The missing or empty place that holds the photo, if any: its disk may not be mounted."""
        for place in self._empty:
            if photo_id.startswith(place):
                return place
        for place in self._scan.missing:
            if photo_id == place or photo_id.startswith(f"{place}/"):
                return place
        return None

    def _bare(self, place: str) -> bool:
        """Whether a scanned folder has no photos, not even through links."""
        return not any(
            photo_id.startswith(place) or file.root == photo_key(place)
            for photo_id, file in self._scan.photos.items()
        )

    def _name(self, place: str) -> str:
        return self._empty.get(place) or self._scan.missing[place]


def _is_untouched(was: FileRevision, file: PhotoFile, photo: Photo) -> bool:
    if (was.size, was.mtime_ns) != (file.size, file.mtime_ns):
        return False
    if was.digest:
        return was.ctime_ns == file.ctime_ns
    # Earlier versions did not keep it, but when they looked.
    return file.ctime_ns * 2**23 // 10**9 <= photo.sequence


def _unmounted(disk: Path, photos: int) -> NotFound:
    return NotFound(
        f"the disk that was mounted here is not, {counted_are(photos, 'stored photo')} kept: mount "
        f"it, or let go: facesearch forget {shlex.quote(str(disk))}"
    )


def _kept(name: str, photos: int, missing: bool) -> Problem:
    what = "there is no such file or folder" if missing else "there are no photos in this folder"
    return Problem(
        name,
        NotFound(
            f"{what}, but {counted(photos, 'stored photo')} came from it, kept: mount its disk, "
            f"or let go: facesearch forget {shlex.quote(name)}"
        ),
    )
