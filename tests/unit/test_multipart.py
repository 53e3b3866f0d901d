"""Forms as real clients send them, and forms that are meant to cost time."""

import base64
import time
from collections.abc import Callable

import pytest

from facesearch.errors import InvalidRequest
from search_faces.multipart import MAX_HEADER_BYTES, Part, form_pieces, split_parts

TYPE = "multipart/form-data; boundary=X"
PHOTO = b"\xff\xd8 a photo \x00\r\n--Y" * 30


def form(*parts: tuple[str, bytes], close: bytes = b"--X--\r\n") -> bytes:
    """Each part is its headers, with lines ended by CRLF, and its data."""
    return b"".join(f"--X\r\n{head}\r\n\r\n".encode() + data + b"\r\n" for head, data in parts) + (
        close
    )


def named(name: str, more: str = "") -> str:
    return f'Content-Disposition: form-data; name="{name}"{more}'


def test_input_for_files_in_which_none_was_chosen_is_left_out() -> None:
    unfilled = named("photo", '; filename=""\r\nContent-Type: application/octet-stream')
    chosen = named("photo", '; filename="a.jpg"\r\nContent-Type: image/jpeg')
    whole = form((chosen, PHOTO), (unfilled, b""), (named("k"), b""))
    assert split_parts(whole, TYPE) == [Part("photo", True, PHOTO), Part("k", False, b"")]


def test_file_that_is_empty_or_has_no_name_is_a_part() -> None:
    whole = form((named("photo", '; filename="a"'), b""), (named("photo", '; filename=""'), b"x"))
    assert split_parts(whole, TYPE) == [Part("photo", True, b""), Part("photo", True, b"x")]


def test_folded_header_is_read() -> None:
    folded = 'Content-Disposition: form-data;\r\n\tname="photo";\r\n filename="a.jpg"'
    assert split_parts(form((folded, b"x")), TYPE) == [Part("photo", True, b"x")]


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("base64", base64.encodebytes(PHOTO)),
        ("BASE64 ", base64.b64encode(PHOTO)),
        ("binary", PHOTO),
        ("quoted-printable", b"=FF=D8 a=\r\n photo =00=0D=0A--Y" * 30),
    ],
)
def test_transfer_encoding_is_decoded(encoding: str, data: bytes) -> None:
    head = named("photo", f"\r\nContent-Transfer-Encoding: {encoding}")
    assert split_parts(form((head, data)), TYPE) == [Part("photo", False, PHOTO)]


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ("x-uuencode", "Content-Transfer-Encoding 'x-uuencode': leave that header out"),
        ("base64", "photo is not in base64, as its Content-Transfer-Encoding says"),
    ],
)
def test_transfer_encoding_that_cannot_be_read_is_named(encoding: str, message: str) -> None:
    head = named("photo", f"\r\nContent-Transfer-Encoding: {encoding}")
    with pytest.raises(InvalidRequest, match=message):
        split_parts(form((head, b"%%%")), TYPE)


@pytest.mark.parametrize(
    "heads",
    [
        named("a" * MAX_HEADER_BYTES),
        named("a") + "".join(f"\r\nX-{number}: 1" for number in range(8)),
        "Content-Disposition: form-data;\r\n" + ' x="1";\r\n' * 1000 + ' name="a"',
    ],
)
def test_headers_of_a_field_have_limits(heads: str) -> None:
    with pytest.raises(InvalidRequest, match="more than 8 headers, or one of more than 4096 bytes"):
        split_parts(form((heads, b"")), TYPE)


def test_content_type_has_a_limit() -> None:
    with pytest.raises(InvalidRequest, match="Content-Type has more than 1024 characters"):
        split_parts(b"", TYPE + ";" * 1024)


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_form_that_arrives_in_pieces_is_read_the_same(size: int) -> None:
    whole = form((named("k"), b"3"), (named("photo", '; filename="a"'), PHOTO))
    chunks = [whole[start : start + size] for start in range(0, len(whole), size)]
    found: dict[str, bytes] = {}
    for head, piece in form_pieces(chunks, TYPE):
        found[head.name] = found.get(head.name, b"") + piece
    assert found == {"k": b"3", "photo": PHOTO}


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "semicolons": lambda n: b"Content-Disposition: form-data" + b";" * n,
    "parameters": lambda n: b"Content-Disposition: form-data" + b"; a=1" * (n // 5),
    "quotes": lambda n: b"Content-Disposition: form-data; name=" + b'";' * (n // 2),
    "backslashes": lambda n: b'Content-Disposition: form-data; name="' + b'\\"' * (n // 2) + b'"',
    "continuations": lambda n: b"Content-Disposition: form-data" + b"\r\n ;" * (n // 4),
    "headers": lambda n: b"A: 1\r\n" * (n // 6),
    "line": lambda n: b"A" * n,
    "preamble": lambda n: b"\r\n--" * (n // 4),
    "fields": lambda n: b"\r\n".join([b"--X\r\n" + named("a").encode() + b"\r\n\r\n"] * (n // 60)),
    "short": lambda n: b"--X\r\n" + b"\r\n--X\r\n" * (n // 8),
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("inside", [True, False])
def test_megabytes_of_hostile_heads_cost_less_than_half_a_second(kind: str, inside: bool) -> None:
    """A header of 80 KB took 8 seconds, one of 160 KB 29."""
    heads = HOSTILE[kind](5_000_000)
    whole = b"--X\r\n" + heads + b"\r\n\r\n1\r\n--X--\r\n" if inside else heads
    start = time.process_time()
    with pytest.raises(InvalidRequest):
        split_parts(whole, TYPE)
    assert time.process_time() - start < 0.5
