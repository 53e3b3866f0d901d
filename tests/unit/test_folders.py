"""Which files count as photos, what they are called, and what changed since last time."""

import os
from pathlib import Path

import pytest

from facesearch.errors import ImageTooLarge, InvalidRequest, NotFound, ReadError
from facesearch.faces import IndexedPhoto, Photo, Recipe
from facesearch.photos.folder import (
    photo_label,
    photo_name,
    photo_path,
    read_file,
    read_photo,
)
from facesearch.photos.reading import MAX_FILE_BYTES
from facesearch.stores import FaceStore, open_store
from facesearch_local.library.compare import compare_with_store
from facesearch_local.library.walk import find_photos


def write(path: Path, data: bytes = b"photo") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def found_names(*paths: Path) -> list[str]:
    return sorted(Path(file.path).name for file in find_photos(paths).photos.values())


def test_folder_is_searched_at_any_depth_for_known_extensions(tmp_path: Path) -> None:
    write(tmp_path / "a.jpg")
    write(tmp_path / "deep" / "deeper" / "B.HEIC")
    write(tmp_path / "notes.txt")
    write(tmp_path / "jpg")
    assert found_names(tmp_path) == ["B.HEIC", "a.jpg"]


def test_hidden_names_in_folder_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "._a.jpg")
    write(tmp_path / ".thumbnails" / "a.jpg")
    assert found_names(tmp_path) == []


def test_named_file_is_tried_whatever_its_name(tmp_path: Path) -> None:
    assert found_names(write(tmp_path / ".scan")) == [".scan"]


def test_folder_named_like_a_photo_is_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "album.jpg" / "a.png")
    assert found_names(tmp_path) == ["a.png"]


def test_missing_path_is_named_and_others_are_found(tmp_path: Path) -> None:
    photo = write(tmp_path / "a.jpg")
    found = find_photos([tmp_path / "nowhere", photo])
    assert [Path(file.path) for file in found.photos.values()] == [photo]
    (problem,) = found.problems
    assert problem.name == str(tmp_path / "nowhere")
    assert isinstance(problem.error, NotFound)


def test_folder_without_photos_is_a_problem(tmp_path: Path) -> None:
    write(tmp_path / "notes.txt")
    (problem,) = find_photos([tmp_path]).problems
    assert problem.name == str(tmp_path)
    assert "no photos" in str(problem.error)


def test_folder_whose_photos_were_found_through_another_is_no_problem(tmp_path: Path) -> None:
    write(tmp_path / "inner" / "a.jpg")
    found = find_photos([tmp_path / "inner", tmp_path, tmp_path])
    assert len(found.photos) == 1
    assert not found.problems


def test_named_pipe_is_a_problem_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (problem,) = find_photos([tmp_path / "pipe.jpg"]).problems
    assert isinstance(problem.error, InvalidRequest)


def test_links_that_loop_are_followed_once(tmp_path: Path) -> None:
    write(tmp_path / "a" / "photo.jpg")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "self.jpg").symlink_to("self.jpg")
    found = find_photos([tmp_path])
    assert [Path(file.path).name for file in found.photos.values()] == ["photo.jpg"]


def test_linked_photo_is_known_by_where_it_is(tmp_path: Path) -> None:
    real = write(tmp_path / "elsewhere" / "photo.jpg")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.jpg").symlink_to(real)
    found = find_photos([folder])
    assert list(found.photos) == [real.as_uri()]
    assert not found.problems


def test_name_that_is_not_utf8_is_found_read_and_told(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg"))
    write(path, b"bytes")
    ((photo_id, file),) = find_photos([tmp_path]).photos.items()
    assert photo_id.endswith("/caf%E9.jpg")
    assert photo_id == file.photo_id
    assert photo_path(photo_id) == str(path)
    assert read_photo(photo_id).data == b"bytes"
    assert photo_name(photo_id) == photo_id


def test_photo_name_is_a_path_and_label_is_its_end() -> None:
    assert photo_name("file:///p%20q/%C3%A9.jpg") == "/p q/é.jpg"
    assert photo_label("file:///a/p%20q/%C3%A9.jpg") == "p q/é.jpg"
    assert photo_name("s3://bucket/key 1.jpg") == "s3://bucket/key 1.jpg"


def test_read_file_revision_is_the_one_found(tmp_path: Path) -> None:
    photo = write(tmp_path / "a.jpg")
    (file,) = find_photos([photo]).photos.values()
    assert read_photo(file.photo_id).revision == file.revision
    write(photo, b"longer than before")
    assert read_photo(file.photo_id).revision != file.revision


def test_read_file_errors_tell_missing_from_unreadable(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_file(tmp_path / "nowhere.jpg")
    with pytest.raises(NotFound):
        read_file(write(tmp_path / "file") / "below.jpg")
    with pytest.raises(ReadError, match="folder"):
        read_file(tmp_path)


def test_read_file_beyond_the_limit_is_refused_unread(tmp_path: Path) -> None:
    huge = tmp_path / "huge.jpg"
    with huge.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(ImageTooLarge, match="128"):
        read_file(huge)


@pytest.fixture
def store(tmp_path: Path) -> FaceStore:
    return open_store(f"sqlite:///{tmp_path}/faces.db", Recipe("detector", "crop", "embedder"))


def remember(store: FaceStore, *paths: Path, problem: str = "") -> None:
    files = find_photos(paths).photos.values()
    store.write(
        [
            IndexedPhoto(Photo(file.photo_id, 1, revision=file.revision, problem=problem))
            for file in files
        ]
    )


def test_compare_tells_new_changed_unchanged_and_gone(tmp_path: Path, store: FaceStore) -> None:
    folder = tmp_path / "photos"
    same, changed, gone = (write(folder / name) for name in ("same.jpg", "changed.jpg", "gone.jpg"))
    remember(store, folder)
    write(changed, b"other bytes")
    gone.unlink()
    new = write(folder / "new.jpg")
    difference = compare_with_store(find_photos([folder]), store, "default")
    assert [file.path for file in difference.changed] == [str(changed), str(new)]
    assert difference.unchanged == 1
    assert difference.gone == [gone.as_uri()]
    assert same.exists()


def test_compare_photo_with_problem_is_tried_again(tmp_path: Path, store: FaceStore) -> None:
    photo = write(tmp_path / "a.jpg")
    remember(store, photo, problem="damaged_image")
    difference = compare_with_store(find_photos([photo]), store, "default")
    assert [file.path for file in difference.changed] == [str(photo)]


def test_compare_photo_moves_to_the_collection_asked_for(tmp_path: Path, store: FaceStore) -> None:
    photo = write(tmp_path / "a.jpg")
    remember(store, photo)
    assert not compare_with_store(find_photos([photo]), store, "default").changed
    assert compare_with_store(find_photos([photo]), store, "other").changed


def test_compare_missing_folder_forgets_nothing(tmp_path: Path, store: FaceStore) -> None:
    photo = write(tmp_path / "photos" / "a.jpg")
    remember(store, photo)
    photo.unlink()
    photo.parent.rmdir()
    found = find_photos([photo.parent, photo])
    assert compare_with_store(found, store, "default").gone == []


def test_compare_leaves_neighbours_of_the_folder_alone(tmp_path: Path, store: FaceStore) -> None:
    inside, beside = write(tmp_path / "a" / "x.jpg"), write(tmp_path / "ab" / "y.jpg")
    remember(store, inside, beside)
    beside.unlink()
    assert compare_with_store(find_photos([inside.parent]), store, "default").gone == []


def test_compare_file_that_only_a_name_finds_is_not_gone(tmp_path: Path, store: FaceStore) -> None:
    hidden = write(tmp_path / "photos" / ".hidden")
    write(tmp_path / "photos" / "a.jpg")
    remember(store, hidden)
    assert compare_with_store(find_photos([tmp_path / "photos"]), store, "default").gone == []
