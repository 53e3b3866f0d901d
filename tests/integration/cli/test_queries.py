"""Query photos from a pipe and from the web; one of several faces; confidence as it is shown."""

import io
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from facesearch_local.cli import query
from tests.integration.cli.running import Cli, Start


@pytest.fixture
def elton(sample: Path) -> Path:
    return sample / "val/elton_john/elton_john_01.jpg"


@pytest.fixture
def madonna(sample: Path) -> Path:
    return sample / "val/madonna/madonna_01.jpg"


@pytest.fixture
def group(elton: Path, madonna: Path, tmp_path: Path) -> Path:
    """Elton John, larger, beside Madonna."""
    with Image.open(elton) as one, Image.open(madonna) as other:
        page = Image.new("RGB", (620, 320), "grey")
        page.paste(one.convert("RGB").resize((320, 320)), (0, 0))
        page.paste(other.convert("RGB").resize((240, 240)), (360, 40))
    page.save(tmp_path / "group.png")
    return tmp_path / "group.png"


@pytest.fixture
def web(elton: Path) -> Iterator[str]:
    """A web server with a photo, a page, a way to the photo, and a photo that does not end."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            self.send_response({"/gone": 404, "/moved": 302, "/broken": 500}.get(path, 200))
            if path == "/moved":
                self.send_header("Location", "/a.jpg")
            self.end_headers()
            if path == "/a.jpg":
                self.wfile.write(elton.read_bytes())
            elif path == "/page":
                self.wfile.write(b"<html>")
            elif path == "/endless":
                try:
                    while True:
                        self.wfile.write(bytes(1 << 16))
                except OSError:
                    pass

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_photo_comes_from_a_pipe(start: Start, train_store: str, elton: Path) -> None:
    for command in (["search", "-", "--k", "1", "--store", train_store], ["compare", "-", elton]):
        with elton.open("rb") as photo:
            process = start(*command, stdin=photo)
            out, err = process.communicate()
        assert process.returncode == 0, err
        assert "very likely the same person" in out


def test_what_comes_from_a_pipe_and_is_no_photo_is_named(start: Start, train_store: str) -> None:
    process = start("search", "-", "--store", train_store, stdin=subprocess.DEVNULL)
    _, err = process.communicate()
    assert process.returncode == 1
    assert err.startswith("error: stdin: ")


@pytest.mark.parametrize("path", ["/a.jpg", "/moved", "/a.jpg?token=secret"])
def test_photo_comes_from_the_web(cli: Cli, train_store: str, web: str, path: str) -> None:
    ran = cli("search", f"{web}{path}", "--k", "1", "--store", train_store)
    assert ran.code == 0, ran.err
    assert "elton_john" in ran.out
    assert "secret" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/gone", "there is no such page: check the address"),
        ("/broken", "the server answers 500"),
        ("/page?token=secret", "image"),
        ("/endless", "it has more than 1 MB: scale the image down"),
    ],
)
def test_page_that_gives_no_photo_is_named_with_the_reason(
    cli: Cli, web: str, path: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "MAX_FILE_BYTES", 1 << 20)
    ran = cli("detect", f"{web}{path}")
    assert ran.code == 1
    assert f"{web}{path.partition('?')[0]}: " in ran.err
    assert told in ran.err
    assert "secret" not in ran.err


def test_server_that_is_not_there_is_named_without_a_password(cli: Cli) -> None:
    ran = cli("detect", "http://joe:secret@127.0.0.1:1/a.jpg")
    assert ran.code == 1
    assert ran.err.startswith("error: http://127.0.0.1:1/a.jpg: it cannot be fetched (")
    assert "secret" not in ran.err


def test_help_says_who_sees_what(cli: Cli) -> None:
    for command in ("search", "compare"):
        assert "fetched from this machine" in " ".join(cli(command, "--help").out.split())


def test_faces_to_compare_are_chosen(cli: Cli, group: Path, elton: Path, madonna: Path) -> None:
    for face, photo in enumerate((elton, madonna)):
        ran = cli("compare", group, photo, "--face", str(face), "0", "--json")
        assert (ran.code, ran.err) == (0, "")
        assert ran.json["same_person"]
        assert ran.json["one"]["index"] == face
    assert not cli("compare", group, madonna, "--json").json["same_person"]
    none = cli("compare", madonna, group, "--face", "0", "2")
    assert none.code == 2
    assert none.err.startswith(f"error: {group}: there is no face 2, it has 2, counted from 0")


@pytest.mark.parametrize("typed", ["95", "95%", "95 %", "0.95", ">95%"])
def test_confidence_is_typed_as_it_is_shown(
    cli: Cli, train_store: str, elton: Path, typed: str
) -> None:
    def found(confidence: str) -> list[str]:
        ran = cli("search", elton, "--json", "--store", train_store, "--min-confidence", confidence)
        assert ran.code == 0, ran.err
        return [each["face_id"] for each in ran.json["results"][0]["matches"]]

    assert found(typed) == found("0.95")
    assert len(found(typed)) < len(found("0"))


@pytest.mark.parametrize("typed", ["1.5", "101", "-5", "-5%", "high", "nan", ""])
def test_confidence_that_is_none_is_refused(cli: Cli, elton: Path, typed: str) -> None:
    ran = cli("search", elton, f"--min-confidence={typed}")
    assert ran.code == 2
    assert "--min-confidence" in ran.err


def test_faces_of_a_photo_are_told(cli: Cli, group: Path) -> None:
    ran = cli("detect", group)
    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.splitlines()] == ["face", "0", "1"]
    assert f"{group} is 620 × 320 pixels and has 2 faces" in ran.err
    faces = cli("detect", group, "--json").json["faces"]
    assert [set(each["landmarks"]) >= {"left_eye", "nose"} for each in faces] == [True] * 2
    assert all(each["detection_score"] > 0.5 and each["quality"]["size"] > 50 for each in faces)


def test_faces_are_drawn_where_they_are(cli: Cli, group: Path, tmp_path: Path) -> None:
    picture = tmp_path / "drawn.png"
    assert cli("detect", group, "--draw", picture).code == 0
    box = cli("detect", group, "--json").json["faces"][1]["box"]
    with Image.open(group) as before, Image.open(picture) as after:
        edge = round(box["left"]), round(box["top"] + box["height"] / 2)
        assert before.size == after.size
        assert after.convert("RGB").getpixel(edge) == (255, 176, 0)
        assert before.convert("RGB").getpixel(edge) != (255, 176, 0)
    again = cli("detect", group, "--draw", picture)
    assert again.code == 2
    assert "add --overwrite" in again.err
    assert cli("detect", group, "--draw", picture, "--overwrite").code == 0
    assert "call it drawn.png" in cli("detect", group, "--draw", tmp_path / "drawn.txt").err


def test_photo_without_a_face_has_none_and_is_no_error(cli: Cli, tmp_path: Path) -> None:
    Image.new("RGB", (300, 200)).save(tmp_path / "black.png")
    ran = cli("detect", tmp_path / "black.png")
    assert (ran.code, ran.out) == (0, "")
    assert "has 0 faces" in ran.err


def test_stored_photos_are_listed(cli: Cli, people: Path) -> None:
    (people / "broken.jpg").write_bytes(b"no photo")
    buffer = io.BytesIO()
    Image.new("RGB", (300, 200)).save(buffer, "JPEG")
    (people / "wall.jpg").write_bytes(buffer.getvalue())
    cli("index", people, "--collection", "wedding")

    def names(*options: str | Path) -> list[str]:
        photos = cli("list", "--json", *options).json["photos"]
        return [Path(each["photo_id"]).name for each in photos]

    everybody = ["broken.jpg", "elton.jpg", "madonna.jpg", "mindy.jpg", "wall.jpg"]
    assert names() == names(people) == names("--collection", "wedding") == everybody
    assert names("--problems") == ["broken.jpg"]
    assert names("--without-faces") == ["broken.jpg", "wall.jpg"]
    assert names(people / "elton.jpg", people / "mindy.jpg") == ["elton.jpg", "mindy.jpg"]
    assert names("--metadata", "album=none") == []
    (people / "elton.jpg").unlink()
    assert names("--missing") == ["elton.jpg"]
    ran = cli("list", people)
    assert ran.out.splitlines()[0].split()[:2] == ["not_an_image", "wedding"]
    assert "note: 5 photos with 3 faces" in ran.err
    unknown = cli("list", people / "nobody.jpg")
    assert unknown.code == 1
    assert "nothing is stored from there" in unknown.err
    assert "there is no collection 'weding'" in cli("list", "--collection", "weding").err


@pytest.mark.parametrize("command", ["search", "detect"])
def test_picture_never_replaces_the_query_photo(
    cli: Cli, people: Path, tmp_path: Path, command: str
) -> None:
    cli("index", people)
    photo, link = tmp_path / "query.jpg", tmp_path / "link.jpg"
    content = (people / "elton.jpg").read_bytes()
    photo.write_bytes(content)
    link.symlink_to(photo)
    option = "--grid" if command == "search" else "--draw"
    for target in (photo, link):
        ran = cli(command, photo, option, target, "--overwrite")
        assert (ran.code, ran.out) == (2, "")
        assert "is the query photo, which would be lost" in ran.err
    assert photo.read_bytes() == content


@pytest.mark.parametrize(("command", "option"), [("search", "--grid"), ("detect", "--draw")])
def test_picture_in_a_missing_folder_is_refused_before_the_work(
    cli: Cli, people: Path, tmp_path: Path, command: str, option: str
) -> None:
    cli("index", people)
    ran = cli(command, people / "elton.jpg", option, tmp_path / "none" / "picture.png")
    assert (ran.code, ran.out) == (1, "")
    assert "picture.png cannot be written (No such file or directory)" in ran.err


def test_only_one_photo_comes_from_stdin(cli: Cli) -> None:
    ran = cli("search", "-", "-")
    assert ran.code == 2
    assert "Only one IMAGE can come from stdin" in ran.err
