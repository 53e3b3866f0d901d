"""Names of new photos, however hostile what callers call them."""

import re

import pytest

from facesearch.errors import InvalidCollection
from facesearch.vision.formats import EXTENSIONS_BY_TYPE
from search_faces.uploads.names import folder_name, safe_name, type_of

HOSTILE = (
    *("../../etc/passwd", "..\\..\\x.jpg", "/abs/olute.jpg", "C:\\photos\\a.jpg", "..", ".", "/"),
    *("a\0b.jpg", "\0", "a\nb.jpg", "x" * 1024 + ".jpg", "😀" * 300, "é" * 1000 + ".JPEG"),
    *("page.html", "a.jpg.html", "${filename}.jpg", "-rf", "~", "a;b|c&d.jpg", "\u202egpj.exe"),
    *("e\u0301.jpg", " .jpg", "...jpg", "con.jpg", "%2e%2e%2f.jpg"),
)


@pytest.mark.parametrize("filename", HOSTILE)
@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png"])
def test_any_name_becomes_one_plain_file_name(filename: str, media_type: str) -> None:
    name = safe_name(filename, media_type)
    assert re.fullmatch(r"[0-9a-f]{8}-[\w.-]+\.[a-z]+", name), name
    assert name.endswith(tuple(EXTENSIONS_BY_TYPE[media_type]))
    assert len(name.encode()) <= 140
    name.encode("ascii", "ignore").decode()


@pytest.mark.parametrize(
    ("filename", "media_type", "end"),
    [
        ("Ana & René 1.JPG", "image/jpeg", "-Ana-René-1.jpg"),
        ("写真.jpeg", "image/jpeg", "-写真.jpeg"),
        ("page.html", "image/jpeg", "-page.html.jpg"),
        ("photo.png", "image/jpeg", "-photo.png.jpg"),
        ("day1/a.webp", "image/webp", "-a.webp"),
        ("...", "image/heic", "-photo.heic"),
    ],
)
def test_name_stays_recognisable_and_its_ending_is_its_type_s(
    filename: str, media_type: str, end: str
) -> None:
    assert safe_name(filename, media_type)[8:] == end


def test_same_name_gives_another_each_time() -> None:
    assert len({safe_name("a.jpg", "image/jpeg") for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("filename", "media_type"),
    [("a.HEIC", "image/heic"), ("a.jfif", "image/jpeg"), ("a.html", None), ("jpg", None)],
)
def test_type_is_known_by_the_ending(filename: str, media_type: str | None) -> None:
    assert type_of(filename) == media_type


@pytest.mark.parametrize("name", ["..", ".", ".hidden", "a/b", "a\\b", "/", "a\0b", "", "a "])
def test_collection_that_is_no_safe_folder_is_refused(name: str) -> None:
    with pytest.raises(InvalidCollection):
        folder_name(name)


def test_collection_may_have_any_letters() -> None:
    assert folder_name("Zoë & Ana 🎉") == "Zoë & Ana 🎉"
