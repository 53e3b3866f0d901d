"""What changed in a folder since last time, as its comparison with a store tells it."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from facesearch.faces import IndexedPhoto, Photo, Recipe, Removal
from facesearch.photos.folder import FileRevision, read_file, with_root
from facesearch.stores import FaceStore, open_store
from facesearch_local.library.compare import Difference, compare_with_store
from facesearch_local.library.excludes import Excludes
from facesearch_local.library.rewriting import apply_rewrites
from facesearch_local.library.sequences import next_sequences, sequence_now
from facesearch_local.library.walk import find_photos


def write(path: Path, data: bytes = b"photo") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.fixture
def store(tmp_path: Path) -> FaceStore:
    return open_store(f"sqlite:///{tmp_path}/faces.db", Recipe("detector", "crop", "embedder"))


def remember(store: FaceStore, *paths: Path, problem: str = "", revision: str = "") -> None:
    """As `facesearch index` does, but with a person's words on the photos, and without faces."""
    for file in find_photos(paths).photos.values():
        kept = revision or with_root(read_file(file.path), file.root).revision
        photo = Photo(
            file.photo_id,
            sequence_now(),
            revision=kept,
            collection="party",
            metadata={"by": "Zoë"},
            problem=problem,
        )
        store.write([IndexedPhoto(photo)])


def compare(store: FaceStore, *paths: Path) -> Difference:
    return compare_with_store(find_photos(paths), store)


def changed_names(difference: Difference) -> list[str]:
    return [change.photo_id.rpartition("/")[2] for change in difference.changed]


def gone_names(difference: Difference) -> list[str]:
    return [photo.photo_id.rpartition("/")[2] for photo in difference.gone]


def test_new_changed_unchanged_and_gone_are_told_apart(tmp_path: Path, store: FaceStore) -> None:
    folder = tmp_path / "photos"
    changed, gone = (write(folder / name, name.encode()) for name in ("changed.jpg", "gone.jpg"))
    write(folder / "same.jpg", b"same")
    remember(store, folder)
    write(changed, b"other bytes")
    gone.unlink()
    write(folder / "new.jpg", b"new")
    difference = compare(store, folder)
    assert changed_names(difference) == ["changed.jpg", "new.jpg"]
    assert (difference.unchanged, difference.stored) == (1, 3)
    assert gone_names(difference) == ["gone.jpg"]
    assert not difference.rewrites


def test_photo_with_problem_is_tried_again(tmp_path: Path, store: FaceStore) -> None:
    photo = write(tmp_path / "a.jpg")
    remember(store, photo, problem="damaged_image")
    assert changed_names(compare(store, photo)) == ["a.jpg"]


def test_change_that_keeps_size_and_time_is_seen(tmp_path: Path, store: FaceStore) -> None:
    photo = write(tmp_path / "a.jpg")
    remember(store, photo)
    before = photo.stat()
    write(photo, b"other")
    os.utime(photo, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert changed_names(compare(store, photo)) == ["a.jpg"]


def test_file_put_in_the_place_of_another_with_its_time_is_seen(
    tmp_path: Path, store: FaceStore
) -> None:
    # As exiftool -P does: a new file, with the old one's time, takes its name.
    photo = write(tmp_path / "photos" / "a.jpg")
    remember(store, photo)
    before = photo.stat()
    new = write(tmp_path / "new", b"other")
    os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
    new.replace(photo)
    assert changed_names(compare(store, photo)) == ["a.jpg"]


def test_file_that_was_only_touched_keeps_its_faces(tmp_path: Path, store: FaceStore) -> None:
    photo = write(tmp_path / "a.jpg")
    remember(store, photo)
    os.utime(photo)
    difference = compare(store, photo)
    assert not difference.changed
    assert [rewrite.moved for rewrite in difference.rewrites] == [False]
    list(apply_rewrites(difference.rewrites, store))
    assert compare(store, photo).unchanged == 1


def test_what_a_person_said_of_a_photo_goes_with_its_new_bytes(
    tmp_path: Path, store: FaceStore
) -> None:
    photo = write(tmp_path / "a.jpg")
    remember(store, photo)
    write(photo, b"other bytes")
    (change,) = compare(store, photo).changed
    assert (change.collection, change.metadata) == ("party", {"by": "Zoë"})


def test_collection_asked_for_is_given_without_looking_at_the_photo(
    tmp_path: Path, store: FaceStore
) -> None:
    photo = write(tmp_path / "a.jpg")
    remember(store, photo)
    difference = compare_with_store(find_photos([photo]), store, "other")
    assert not difference.changed
    list(apply_rewrites(difference.rewrites, store))
    stored = store.photo(photo.as_uri())
    assert stored is not None
    assert (stored.photo.collection, stored.photo.metadata) == ("other", {"by": "Zoë"})


def test_force_has_unchanged_photos_looked_at(tmp_path: Path, store: FaceStore) -> None:
    photo = write(tmp_path / "a.jpg")
    remember(store, photo)
    difference = compare_with_store(find_photos([photo]), store, force=True)
    assert changed_names(difference) == ["a.jpg"]


@pytest.mark.parametrize("place", ["photos/b.jpg", "photos/deep/a.jpg", "elsewhere/a.jpg"])
def test_moved_file_keeps_what_is_known_of_it(tmp_path: Path, store: FaceStore, place: str) -> None:
    old = write(tmp_path / "photos" / "a.jpg")
    write(tmp_path / "photos" / "stays.jpg", b"stays")
    remember(store, tmp_path / "photos")
    new = tmp_path / place
    new.parent.mkdir(exist_ok=True)
    old.rename(new)
    difference = compare(store, new.parent)
    assert (difference.changed, difference.gone) == ([], [])
    list(apply_rewrites(difference.rewrites, store))
    assert store.photo(old.as_uri()) is None
    moved = store.photo(new.as_uri())
    assert moved is not None
    assert (moved.photo.collection, moved.photo.metadata) == ("party", {"by": "Zoë"})
    assert not compare(store, new.parent).rewrites


def test_file_moved_there_and_back_is_where_it_was(tmp_path: Path, store: FaceStore) -> None:
    here, there = write(tmp_path / "photos" / "a.jpg"), tmp_path / "photos" / "b.jpg"
    remember(store, here)
    for source, target in ((here, there), (there, here)):
        source.rename(target)
        list(apply_rewrites(compare(store, here.parent).rewrites, store))
    assert [listed.photo.photo_id for listed in store.photos()] == [here.as_uri()]


def test_copy_of_a_photo_that_is_still_there_is_new(tmp_path: Path, store: FaceStore) -> None:
    photo = write(tmp_path / "photos" / "a.jpg")
    remember(store, photo)
    copy = write(tmp_path / "backup" / "a.jpg")
    difference = compare(store, copy.parent)
    assert changed_names(difference) == ["a.jpg"]
    assert not difference.rewrites


def test_twins_that_move_keep_what_was_said_of_each(tmp_path: Path, store: FaceStore) -> None:
    for name in ("a.jpg", "b.jpg"):
        photo = write(tmp_path / "old" / name)
        revision = read_file(photo).revision
        store.write(
            [IndexedPhoto(Photo(photo.as_uri(), 1, revision=revision, metadata={"name": name}))]
        )
    (tmp_path / "old").rename(tmp_path / "new")
    difference = compare(store, tmp_path / "new")
    moved = {each.changed.photo_id: each.changed.metadata for each in difference.rewrites}
    assert moved == {
        (tmp_path / "new" / name).as_uri(): {"name": name} for name in ("a.jpg", "b.jpg")
    }


def test_missing_folder_keeps_its_photos_and_says_so(tmp_path: Path, store: FaceStore) -> None:
    photo = write(tmp_path / "photos" / "a.jpg")
    remember(store, photo)
    photo.parent.rename(tmp_path / "unplugged")
    difference = compare(store, photo.parent)
    assert not difference.gone
    (problem,) = difference.kept
    assert problem.name == str(photo.parent)
    assert "1 stored photo came from it" in str(problem.error)


def test_empty_folder_keeps_its_photos_and_says_so(tmp_path: Path, store: FaceStore) -> None:
    photo = write(tmp_path / "mount" / "a.jpg")
    remember(store, photo)
    photo.unlink()
    difference = compare(store, photo.parent)
    assert not difference.gone
    assert difference.kept_photos == 1


def test_library_moved_to_another_disk_is_not_kept_twice(tmp_path: Path, store: FaceStore) -> None:
    photo = write(tmp_path / "disk1" / "Pictures" / "a.jpg")
    remember(store, photo)
    (tmp_path / "disk2").mkdir()
    photo.parent.rename(tmp_path / "disk2" / "Pictures")
    difference = compare(store, tmp_path / "disk2" / "Pictures", photo.parent)
    list(apply_rewrites(difference.rewrites, store))
    assert [listed.photo.photo_id for listed in store.photos()] == [
        (tmp_path / "disk2" / "Pictures" / "a.jpg").as_uri()
    ]
    assert not difference.kept


@pytest.mark.parametrize(
    ("gone", "of", "mass"), [(10, 10, False), (11, 11, True), (11, 55, False), (12, 55, True)]
)
def test_mass_removal_is_more_than_ten_and_a_fifth(gone: int, of: int, mass: bool) -> None:
    photos = [Photo(f"file:///{number}.jpg", 1) for number in range(gone)]
    assert Difference(gone=photos, stored=of).is_mass_removal is mass


def test_neighbours_of_the_folder_are_left_alone(tmp_path: Path, store: FaceStore) -> None:
    inside, beside = write(tmp_path / "a" / "x.jpg"), write(tmp_path / "ab" / "y.jpg", b"y")
    remember(store, inside, beside)
    beside.unlink()
    assert not compare(store, inside.parent).gone


def test_file_that_only_a_name_finds_is_not_gone(tmp_path: Path, store: FaceStore) -> None:
    hidden = write(tmp_path / "photos" / ".hidden")
    write(tmp_path / "photos" / "a.jpg", b"a")
    remember(store, hidden)
    assert not compare(store, tmp_path / "photos").gone


def test_photos_stored_before_they_were_excluded_go(tmp_path: Path, store: FaceStore) -> None:
    folder = tmp_path / "photos"
    write(folder / "a.jpg")
    thumbnail = write(folder / "@eaDir" / "a.jpg" / "thumb.jpg", b"thumb")
    scan = write(folder / "scans" / "b.jpg", b"scan")
    remember(store, folder, thumbnail)
    assert gone_names(compare(store, folder)) == ["thumb.jpg"]
    difference = compare_with_store(find_photos([folder], Excludes(["scans"])), store)
    assert gone_names(difference) == ["thumb.jpg", scan.name]


@pytest.fixture
def linked(tmp_path: Path, store: FaceStore) -> Path:
    """A folder with a photo and links to a folder of two and to one photo, all of it stored."""
    folder, nas = tmp_path / "Pictures", tmp_path / "nas"
    write(folder / "own.jpg", b"own")
    for name in ("trip/a.jpg", "trip/b.jpg", "c.jpg", "other.jpg"):
        write(nas / name, name.encode())
    (folder / "trip").symlink_to(nas / "trip")
    (folder / "c.jpg").symlink_to(nas / "c.jpg")
    remember(store, folder)
    return folder


def test_photos_deleted_behind_links_are_gone(linked: Path, store: FaceStore) -> None:
    nas = linked.parent / "nas"
    (nas / "trip" / "a.jpg").unlink()
    (nas / "c.jpg").unlink()
    assert gone_names(compare(store, linked)) == ["c.jpg", "a.jpg"]


def test_photos_of_links_that_are_gone_are_gone(linked: Path, store: FaceStore) -> None:
    (linked / "trip").unlink()
    (linked / "c.jpg").unlink()
    assert gone_names(compare(store, linked)) == ["c.jpg", "a.jpg", "b.jpg"]


def test_photos_behind_links_to_an_unmounted_disk_stay(linked: Path, store: FaceStore) -> None:
    (linked.parent / "nas").rename(linked.parent / "unplugged")
    assert not compare(store, linked).gone
    (linked.parent / "nas").mkdir()
    assert not compare(store, linked).gone


def test_photos_behind_a_link_that_were_named_themselves_stay(
    linked: Path, store: FaceStore
) -> None:
    difference = compare(store, linked.parent / "nas")
    list(apply_rewrites(difference.rewrites, store))
    (linked / "trip").unlink()
    (linked / "c.jpg").unlink()
    assert not compare(store, linked).gone


@pytest.mark.parametrize("moved", ["2019", "2019/a.jpg"])
def test_photos_whose_place_is_a_link_to_them_now_have_moved(
    tmp_path: Path, store: FaceStore, moved: str
) -> None:
    folder, nas = tmp_path / "Pictures", tmp_path / "nas"
    write(folder / "2019" / "a.jpg", b"a")
    nas.mkdir()
    remember(store, folder)
    there = (folder / moved).rename(nas / Path(moved).name)
    (folder / moved).symlink_to(there)
    difference = compare(store, folder)
    assert (difference.changed, difference.gone) == ([], [])
    list(apply_rewrites(difference.rewrites, store))
    (listed,) = store.photos()
    assert listed.photo.photo_id == next(nas.rglob("a.jpg")).as_uri()
    assert (listed.photo.collection, listed.photo.metadata) == ("party", {"by": "Zoë"})
    assert compare(store, folder).unchanged == 1


def test_photo_stored_by_both_names_goes_by_the_one_that_is_a_link(
    tmp_path: Path, store: FaceStore
) -> None:
    # As earlier versions left them.
    folder, nas = tmp_path / "Pictures", tmp_path / "nas"
    photo = write(folder / "a.jpg")
    nas.mkdir()
    remember(store, folder)
    photo.rename(nas / "a.jpg")
    photo.symlink_to(nas / "a.jpg")
    remember(store, folder)
    assert [each.photo_id for each in compare(store, folder).gone] == [photo.as_uri()]


def test_photos_moved_to_a_disk_that_is_not_mounted_stay(tmp_path: Path, store: FaceStore) -> None:
    folder, nas = tmp_path / "Pictures", tmp_path / "nas"
    write(folder / "own.jpg", b"own")
    write(folder / "2019" / "a.jpg", b"a")
    remember(store, folder)
    (folder / "2019").rename(tmp_path / "unplugged")
    (folder / "2019").symlink_to(nas / "2019")
    assert not compare(store, folder).gone


def test_photo_whose_name_a_folder_has_now_is_gone(tmp_path: Path, store: FaceStore) -> None:
    folder = tmp_path / "photos"
    photo = write(folder / "m.jpg", b"m")
    remember(store, folder)
    photo.unlink()
    write(photo / "inner.jpg", b"inner")
    difference = compare(store, folder)
    assert changed_names(difference) == ["inner.jpg"]
    assert gone_names(difference) == ["m.jpg"]


def test_bad_photo_that_moved_is_tried_again_and_keeps_what_was_said(
    tmp_path: Path, store: FaceStore
) -> None:
    photo = write(tmp_path / "photos" / "a.jpg")
    remember(store, photo, problem="damaged_image")
    photo.rename(photo.with_name("b.jpg"))
    difference = compare(store, photo.parent)
    (change,) = difference.changed
    assert change.photo_id == photo.with_name("b.jpg").as_uri()
    assert (change.collection, change.metadata) == ("party", {"by": "Zoë"})
    assert not difference.gone
    (rewritten,) = apply_rewrites(difference.rewrites, store)
    assert rewritten.result is True
    (listed,) = store.photos()
    assert listed.photo.photo_id == change.photo_id
    assert listed.photo.sequence < change.sequence


def test_copy_of_a_bad_photo_is_new(tmp_path: Path, store: FaceStore) -> None:
    photo = write(tmp_path / "photos" / "a.jpg")
    remember(store, photo, problem="damaged_image")
    write(photo.with_name("b.jpg"))
    difference = compare(store, photo.parent)
    assert not difference.rewrites
    assert {Path(each.photo_id).name: each.collection for each in difference.changed} == {
        "a.jpg": "party",
        "b.jpg": "default",
    }


def test_store_of_an_earlier_version_is_not_read_again(tmp_path: Path, store: FaceStore) -> None:
    photo = write(tmp_path / "photos" / "a.jpg")
    info = photo.stat()
    remember(store, photo, revision=f"{info.st_size}-{info.st_mtime_ns}")
    assert compare(store, photo).unchanged == 1
    photo.rename(photo.with_name("b.jpg"))
    difference = compare(store, photo.parent)
    assert [each.moved for each in difference.rewrites] == [True]


def test_change_since_an_earlier_version_that_kept_the_time_is_seen(
    tmp_path: Path, store: FaceStore
) -> None:
    photo = write(tmp_path / "a.jpg")
    info = photo.stat()
    remember(store, photo, revision=f"{info.st_size}-{info.st_mtime_ns}")
    time.sleep(0.01)
    write(photo, b"other")
    os.utime(photo, ns=(info.st_atime_ns, info.st_mtime_ns))
    assert changed_names(compare(store, photo)) == ["a.jpg"]


def test_clock_that_ran_ahead_does_not_freeze_photos(tmp_path: Path, store: FaceStore) -> None:
    ahead = sequence_now() + 2**23 * 3600 * 24 * 365
    photo, gone, back = (write(tmp_path / "p" / f"{name}.jpg", name.encode()) for name in "agb")
    for each in (photo, gone):
        store.write([IndexedPhoto(Photo(each.as_uri(), ahead, revision="5-1"))])
    store.write([Removal(back.as_uri(), ahead)])
    gone.unlink()
    difference = compare(store, photo.parent)
    assert [change.sequence for change in difference.changed] == [ahead + 1, ahead + 1]
    assert [removal.sequence for removal in difference.removals] == [ahead + 1]


def test_sequence_never_exceeds_what_stores_take(store: FaceStore) -> None:
    store.write([Removal("file:///a.jpg", 2**63 - 1)])
    assert next_sequences(store, ["file:///a.jpg"]) == {"file:///a.jpg": 2**63 - 1}


def test_force_has_a_moved_photo_looked_at_and_keeps_what_was_said(
    tmp_path: Path, store: FaceStore
) -> None:
    old = write(tmp_path / "photos" / "a.jpg")
    remember(store, old)
    old.rename(old.with_name("b.jpg"))
    difference = compare_with_store(find_photos([old.parent]), store, force=True)
    (rewrite,), (change,) = difference.rewrites, difference.changed
    assert (change.photo_id, change.metadata) == (rewrite.changed.photo_id, {"by": "Zoë"})
    assert change.sequence > rewrite.changed.sequence


def said(store: FaceStore, folder: Path) -> dict[str, object]:
    """What was said of each photo, by the bytes that its file has now."""
    return {
        (folder / Path(listed.photo.photo_id).name).read_text(): listed.photo.metadata.get("of")
        for listed in store.photos()
    }


@pytest.mark.parametrize(
    "renames",
    [
        {"1.jpg": "2.jpg", "2.jpg": "1.jpg"},
        {"1.jpg": "2.jpg", "2.jpg": "3.jpg", "3.jpg": "4.jpg", "4.jpg": "5.jpg"},
        {"1.jpg": "2.jpg", "2.jpg": "3.jpg", "3.jpg": "1.jpg"},
        {"2.jpg": "1.jpg", "3.jpg": "2.jpg", "4.jpg": "3.jpg"},
        {"1.jpg": "4.jpg"},
    ],
    ids=["swapped", "shifted up", "rotated", "shifted over another", "put over another"],
)
def test_names_given_to_other_photos_leave_each_what_was_said_of_it(
    tmp_path: Path, store: FaceStore, renames: dict[str, str]
) -> None:
    folder = tmp_path / "photos"
    for name in ("1.jpg", "2.jpg", "3.jpg", "4.jpg"):
        photo = write(folder / name, f"photo {name} {'x' * int(name[0])}".encode())
        stored = Photo(photo.as_uri(), 1, read_file(photo).revision, metadata={"of": name})
        store.write([IndexedPhoto(stored)])
    for name in renames:
        (folder / name).rename(folder / f"{name}.tmp")
    for name, new in renames.items():
        (folder / f"{name}.tmp").rename(folder / new)
    difference = compare(store, folder)
    assert not difference.changed
    list(apply_rewrites(difference.rewrites, store))
    assert said(store, folder) == {
        text: f"{text.split()[1]}" for text in (each.read_text() for each in folder.iterdir())
    }
    assert not compare(store, folder).rewrites


def test_photo_edited_beside_a_copy_of_its_original_keeps_what_was_said(
    tmp_path: Path, store: FaceStore
) -> None:
    photo = write(tmp_path / "photos" / "a.jpg")
    remember(store, photo)
    write(photo.with_name("a_original.jpg"), photo.read_bytes())
    write(photo, b"edited photo")
    difference = compare(store, photo.parent)
    assert [(each.photo_id, each.metadata) for each in difference.changed] == [
        (photo.as_uri(), {"by": "Zoë"})
    ]
    list(apply_rewrites(difference.rewrites, store))
    assert {listed.photo.photo_id: listed.photo.metadata for listed in store.photos()} == {
        each.as_uri(): {"by": "Zoë"} for each in (photo, photo.with_name("a_original.jpg"))
    }


@pytest.fixture
def nested(tmp_path: Path, store: FaceStore) -> Path:
    """A folder of twenty photos and one with two in it, which a disk is said to be mounted at."""
    folder = tmp_path / "photos"
    for number in range(20):
        write(folder / f"{number}.jpg", f"photo {number}".encode())
    disk = folder / "disk"
    for name in ("a.jpg", "deep/b.jpg"):
        write(disk / name, name.encode())
    remember(store, folder)
    for listed in list(store.photos(prefix=disk.as_uri())):
        revision = FileRevision.parse(listed.photo.revision)
        assert revision is not None
        mounted = replace(revision, mount=len(disk.parts))
        store.write([IndexedPhoto(replace(listed.photo, revision=str(mounted)))])
    return folder


@pytest.mark.parametrize("leave_folder", [True, False])
def test_photos_of_a_disk_that_is_not_mounted_any_more_stay(
    nested: Path, store: FaceStore, leave_folder: bool
) -> None:
    (nested / "disk").rename(nested.parent / "unplugged")
    if leave_folder:
        (nested / "disk").mkdir()
    difference = compare(store, nested)
    assert not difference.gone
    assert difference.kept_photos == 2
    (problem,) = difference.kept
    assert problem.name == str(nested / "disk")
    assert "facesearch forget" in str(problem.error)


def test_photos_deleted_from_a_disk_that_is_mounted_are_gone(
    nested: Path, store: FaceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "is_mount", lambda path: path == nested / "disk")
    (nested / "disk" / "a.jpg").unlink()
    assert gone_names(compare(store, nested)) == ["a.jpg"]


def test_photos_that_left_a_disk_are_where_they_went(nested: Path, store: FaceStore) -> None:
    (nested / "disk").rename(nested / "copied")
    difference = compare(store, nested)
    assert (difference.gone, difference.kept, len(difference.rewrites)) == ([], [], 2)
