"""Which files count as photos, what they are called, and how they are read."""

import os
from pathlib import Path

import pytest

from facesearch.errors import ImageTooLarge, InvalidRequest, NotFound, ReadError
from facesearch.photos.folder import (
    FileRevision,
    photo_label,
    photo_name,
    photo_path,
    read_file,
    read_photo,
)
from facesearch.photos.reading import MAX_FILE_BYTES
from facesearch_local.library.excludes import Excludes
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


@pytest.mark.parametrize("name", ["DSC1.HIF", "a.heics", "a.avifs", "a.dib", "A.MPO", "a.jfif"])
def test_names_that_cameras_and_programs_give_photos_count(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    assert found_names(tmp_path) == [name]


def test_media_that_is_not_read_is_counted_by_extension(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.CR3", "deep/b.cr3", "c.mp4", "d.jxl", "e.pdf", "notes.txt", ".f.mov"):
        write(tmp_path / name)
    found = find_photos([tmp_path])
    assert len(found.photos) == 1
    assert found.unread == {".cr3": 2, ".mp4": 1, ".jxl": 1, ".pdf": 1}


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


def test_revision_tells_other_bytes_even_of_the_same_size_and_time(tmp_path: Path) -> None:
    photo = write(tmp_path / "a.jpg")
    before = FileRevision.parse(read_file(photo).revision)
    times = photo.stat()
    write(photo, b"other")
    os.utime(photo, ns=(times.st_atime_ns, times.st_mtime_ns))
    after = FileRevision.parse(read_file(photo).revision)
    assert before is not None
    assert after is not None
    assert (before.size, before.mtime_ns) == (after.size, after.mtime_ns)
    assert before.digest != after.digest
    assert before.ctime_ns < after.ctime_ns


@pytest.mark.parametrize(
    "text",
    [
        *("5-17", f"5--17-18-{'a' * 32}", f"5-17-18-{'a' * 32}@3"),
        *(f"5-17-18-{'a' * 32}-{'b' * 32}", f"5-17-18-{'a' * 32}-{'b' * 32}@12"),
    ],
)
def test_revision_of_a_file_is_read_back_from_its_text(text: str) -> None:
    assert str(FileRevision.parse(text)) == text


def test_revision_of_s3_is_no_file_revision() -> None:
    assert FileRevision.parse("d41d8cd98f00b204e9800998ecf8427e-2") is None


@pytest.mark.parametrize(
    "path",
    [
        "@eaDir/IMG_1.jpg/SYNOPHOTO_THUMB_XL.jpg",
        "2019/@eaDir/a.jpg",
        "#recycle/a.jpg",
        "$Recycle.Bin/S-1-5-21/a.jpg",
        "lost+found/a.jpg",
        "me/files_trashbin/files/a.jpg",
        "shoot/CaptureOne/Cache/Thumbnails/a.jpg",
        "__MACOSX/a.jpg",
        "Catalog Previews.lrdata/0/a.jpg",
        "Mine.photoslibrary/resources/derivatives/a.jpg",
    ],
)
def test_thumbnails_and_bins_are_left_out(tmp_path: Path, path: str) -> None:
    write(tmp_path / path)
    kept = write(tmp_path / "Mine.photoslibrary/originals/b.jpg")
    assert found_names(tmp_path) == [kept.name]


def test_excluded_folder_that_is_named_is_looked_through(tmp_path: Path) -> None:
    write(tmp_path / "#recycle" / "a.jpg")
    assert found_names(tmp_path / "#recycle") == ["a.jpg"]


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("scans", ["a.jpg"]),
        ("SCANS/", ["a.jpg"]),
        ("*.jpg", []),
        ("2019/scans", ["a.jpg", "c.jpg"]),
        ("2019/*.jpg", ["a.jpg", "c.jpg"]),
        ("/scans", ["a.jpg", "b.jpg"]),
        ("[cb].jpg", ["a.jpg"]),
    ],
)
def test_exclude_pattern_is_of_a_name_or_of_a_path(
    tmp_path: Path, pattern: str, left: list[str]
) -> None:
    write(tmp_path / "a.jpg")
    write(tmp_path / "2019" / "scans" / "b.jpg")
    write(tmp_path / "scans" / "c.jpg")
    found = find_photos([tmp_path], Excludes([pattern]))
    assert sorted(Path(file.path).name for file in found.photos.values()) == left


@pytest.mark.parametrize(
    "pattern",
    [
        "./raw",
        "./p/raw",
        "p/raw",
        "../here/p/raw",
        "p//raw/",
        "{root}/raw",
        "{link}/raw",
    ],
)
def test_exclude_pattern_may_be_a_path_as_a_shell_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    root = tmp_path / "here" / "p"
    write(root / "raw" / "a.jpg")
    write(root / "deep" / "raw" / "b.jpg")
    (tmp_path / "link").symlink_to(root)
    monkeypatch.chdir(root.parent)
    excludes = Excludes([pattern.format(root=root, link=tmp_path / "link")])
    found = find_photos([Path("p")], excludes)
    assert [Path(file.path).name for file in found.photos.values()] == ["b.jpg"]
    assert excludes.unmatched == []
    (stored,) = find_photos([root / "raw"]).photos
    assert excludes.hides_any("raw/a.jpg", photo_path(stored))


def test_exclude_pattern_that_matched_nothing_is_known(tmp_path: Path) -> None:
    write(tmp_path / "raw" / "a.jpg")
    excludes = Excludes(["raw", "rwa", "/q/raw"])
    find_photos([tmp_path], excludes)
    assert excludes.unmatched == ["rwa", "/q/raw"]


def test_what_has_a_photo_s_name_and_is_no_file_is_known(tmp_path: Path) -> None:
    write(tmp_path / "a.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "notes").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    found = find_photos([tmp_path])
    assert len(found.photos) == 1
    assert dict(found.passed_over) == {
        str(tmp_path / "pipe.jpg"): "passed over: it is neither a file nor a folder",
        str(tmp_path / "gone.png"): "passed over: the link leads to nothing that is there",
    }


FAMILIES = {
    "raw": "3fr ari arw bay cr2 cr3 crw dcr dng erf fff gpr iiq k25 kdc lri mef mos mrw nef nrw "
    "orf ori pef ptx raf raw rw2 rwl rwz sr2 srf srw x3f",
    "video": "3g2 3gp 3gpp 360 asf avi braw divx dv f4v flv h264 hevc insv lrv m2ts m2v m4v mkv "
    "mov mp4 mpe mpeg mpg mts mxf ogv qt r3d rm rmvb tod vob webm wmv",
    "vector": "ai cdr cgm emf eps ps svg svgz wmf",
    "documents": "afphoto clip djvu indd kra oxps pdf psb psd psp xcf xps",
    "pictures": "avci bpg cin dcm dcx dds djv dpx exr fits fpx hdp hdr icb icns ico iff insp j2k "
    "jls jng jp2 jpc jps jxl jxr jxs ktx lbm mng pbm pcd pcx pgm pict ppm qoi ras sgi tga thm wbmp "
    "wdp xbm xpm",
}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_kind_of_media_that_is_not_read_is_counted(tmp_path: Path, family: str) -> None:
    endings = [f".{each}" for each in FAMILIES[family].split()]
    for ending in endings:
        write(tmp_path / f"a{ending.upper()}")
    assert find_photos([tmp_path]).unread == dict.fromkeys(endings, 1)


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


def test_read_file_knows_where_its_disk_is_mounted(tmp_path: Path) -> None:
    revision = FileRevision.parse(read_file(write(tmp_path / "a.jpg")).revision)
    assert revision is not None
    mount = Path(*tmp_path.parts[: revision.mount])
    assert mount.is_mount()
    assert mount.stat().st_dev == tmp_path.stat().st_dev
