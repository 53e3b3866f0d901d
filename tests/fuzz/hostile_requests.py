"""Forms, requests, messages and recipes that are made to cost much. Each belongs to a target."""

import json
from collections.abc import Callable

MEGABYTE = 2**20
BODY = 10 * MEGABYTE
"""What the API takes at most."""
MESSAGE = 256 * 1024
"""SQS's limit."""
RECIPE = 16_384

FORM = b"multipart/form-data; boundary=frontier\n"
DISPOSITION = b'Content-Disposition: form-data; name="photo"'


def _filled(before: bytes, piece: bytes, after: bytes, size: int) -> bytes:
    return before + piece * ((size - len(before) - len(after)) // len(piece)) + after


def _form(piece: bytes, *, headers: bytes = b"", before: bytes = b"", after: bytes = b"") -> bytes:
    head = FORM + b"--frontier\r\n" + DISPOSITION + headers + b"\r\n\r\n" + before
    return _filled(head, piece, after + b"\r\n--frontier--\r\n", BODY)


def _event(piece: str, after: str, before: str = '{"Records": [') -> bytes:
    return _filled(before.encode(), piece.encode(), after.encode(), MESSAGE)


_RECORD = json.dumps(
    {
        "eventName": "ObjectCreated:Put",
        "eventTime": "2026-01-01T00:00:00Z",
        "s3": {"bucket": {"name": "photos"}, "object": {"key": "a.jpg", "size": 1}},
    }
)

HOSTILE_REQUESTS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "form with a head of 10 MB": (
        "form",
        lambda: _filled(FORM + b"--frontier\r\nX: ", b"x", b"\r\n\r\n", BODY),
    ),
    "form of folded heads": (
        "form",
        lambda: _filled(FORM + b"--frontier\r\nX: x", b"\r\n x", b"\r\n\r\n", BODY),
    ),
    "form of empty parts": (
        "form",
        lambda: _form(b"\r\n--frontier\r\n" + DISPOSITION + b"\r\n\r\n"),
    ),
    "form that nearly ends, a million times": ("form", lambda: _form(b"\r\n--frontie")),
    "form of line ends": ("form", lambda: _form(b"\r\n")),
    "form of bad base64": (
        "form",
        lambda: _form(b"=A", headers=b"\r\nContent-Transfer-Encoding: base64"),
    ),
    "form of bad quoted-printable": (
        "form",
        lambda: _form(b"=\n=Z", headers=b"\r\nContent-Transfer-Encoding: quoted-printable"),
    ),
    "form whose type has 10 MB of parameters": (
        "form",
        lambda: _filled(b"multipart/form-data; boundary=a", b";a*0=b", b"\n", BODY),
    ),
    "JSON that is deep": ("request", lambda: b'{"photo": ' + b"[" * BODY),
    "JSON of a million names": (
        "request",
        lambda: _filled(b"{", b'"a":0,', b'"b":0}', BODY),
    ),
    "JSON of escapes": ("request", lambda: _filled(b'{"photo":"', rb"\u0041", b'"}', BODY)),
    "JSON of a number of 10 MB": ("request", lambda: _filled(b'{"k":', b"9", b"}", BODY)),
    "JSON of a million filters": (
        "request",
        lambda: json.dumps(
            {"photo": "AAAA", "metadata": {f"{number}": "" for number in range(700_000)}}
        ).encode(),
    ),
    "JSON of a photo of line ends": (
        "request",
        lambda: _filled(b'{"photo":"', rb"\n", b'"}', BODY),
    ),
    "message that is deep": ("event", lambda: _event("[", "")),
    "message of a thousand records": ("event", lambda: _event(f"{_RECORD},", f"{_RECORD}]}}")),
    "message of a hundred thousand empty records": ("event", lambda: _event("{},", "{}]}")),
    "message with a key of 256 KB": (
        "event",
        lambda: _event(
            "%41",
            _RECORD.partition("a.jpg")[2] + "]}",
            '{"Records": [' + _RECORD.partition("a.jpg")[0],
        ),
    ),
    "message with a number of 256 KB": ("event", lambda: _event("9", "]}")),
    "recipe of a dotted key": ("recipe", lambda: _filled(b"a", b".a", b"=1", RECIPE)),
    "recipe that is deep": ("recipe", lambda: _filled(b"a=", b"[", b"", RECIPE)),
    "recipe of tables": ("recipe", lambda: _filled(b"", b"[[a]]\n", b"", RECIPE)),
    "recipe of a number": ("recipe", lambda: _filled(b"a=", b"9", b"", RECIPE)),
}
