"""Parse multipart/form-data (RFC 7578), with limits on fields and headers."""

import base64
import binascii
import quopri
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from multipart import (
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from facesearch.errors import InvalidRequest

MAX_PARTS = 200
MAX_HEADERS = 8
MAX_HEADER_BYTES = 4096
MAX_CONTENT_TYPE = 1024
_AS_IT_IS = ("", "7bit", "8bit", "binary")


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form."""

    name: str
    is_file: bool
    data: bytes

    @property
    def text(self) -> str:
        try:
            return self.data.decode()
        except UnicodeDecodeError as error:
            raise InvalidRequest(f"{self.name[:50]} is not text in UTF-8: encode it so") from error


@dataclass(frozen=True, slots=True, eq=False)
class PartHead:
    """The head of a field, which precedes its data."""

    name: str
    filename: str | None
    encoding: str
    """The encoding of the data. Some clients encode photos as base64."""


def split_parts(body: bytes, content_type: str) -> list[Part]:
    """Parse the fields of a form. A file input without a file is left out.

    Raises `InvalidRequest` for a body that is not a form, or is cut off.
    """
    pieces: dict[PartHead, list[bytes]] = {}
    for head, piece in form_pieces([body], content_type):
        pieces.setdefault(head, []).append(piece)
    return [
        Part(head.name, head.filename is not None, _decoded(head, b"".join(data)))
        for head, data in pieces.items()
        if head.filename != "" or any(data)
    ]


def form_pieces(chunks: Iterable[bytes], content_type: str) -> Iterator[tuple[PartHead, bytes]]:
    """Parse a form as it arrives: yield each field's data in pieces, the first of them empty.

    Raises `InvalidRequest`.
    """
    parser = _parser(content_type)
    count = 0
    try:
        for chunk in filter(None, chunks):
            for event in parser.parse(chunk):
                if isinstance(event, MultipartSegment):
                    count += 1
                    head = _head(event, count)
                    yield head, b""
                elif event is not None:
                    yield head, bytes(event)
    except ParserLimitReached as error:
        raise InvalidRequest(
            f"a field of the form has more than {MAX_HEADERS} headers, or one of more than "
            f"{MAX_HEADER_BYTES} bytes: send fewer and shorter ones"
        ) from error
    except MultipartError as error:
        raise InvalidRequest(
            "the form is malformed: give each field a Content-Disposition header and an empty line"
        ) from error
    try:
        parser.close()
    except MultipartError as error:
        raise InvalidRequest("the form is not closed by its boundary: send it whole") from error


def _parser(content_type: str) -> PushMultipartParser:
    if len(content_type) > MAX_CONTENT_TYPE:
        raise InvalidRequest(
            f"the form's Content-Type has more than {MAX_CONTENT_TYPE} characters: let your HTTP "
            "library set that header"
        )
    boundary = parse_options_header(content_type)[1].get("boundary", "")
    try:
        return PushMultipartParser(
            boundary.encode(errors="replace"),
            max_header_count=MAX_HEADERS,
            max_header_size=MAX_HEADER_BYTES,
        )
    except MultipartError as error:
        raise InvalidRequest(
            "the form's Content-Type has no boundary: let your HTTP library set that header"
        ) from error


def _head(segment: MultipartSegment, number: int) -> PartHead:
    if number > MAX_PARTS:
        raise InvalidRequest(f"the form has more than {MAX_PARTS} fields: send fewer")
    if not segment.name:
        raise InvalidRequest(
            "the form has a field without a name: add one to its Content-Disposition"
        )
    encoding = segment.header("Content-Transfer-Encoding", "").strip().lower()
    return PartHead(segment.name, segment.filename, encoding)


def _decoded(head: PartHead, data: bytes) -> bytes:
    if head.encoding in _AS_IT_IS:
        return data
    if head.encoding == "quoted-printable":
        return quopri.decodestring(data)
    if head.encoding == "base64":
        try:
            return base64.b64decode(b"".join(data.split()), validate=True)
        except binascii.Error as error:
            raise InvalidRequest(
                f"{head.name[:50]} is not in base64, as its "
                "Content-Transfer-Encoding says: leave that header out"
            ) from error
    raise InvalidRequest(
        f"{head.name[:50]} has the Content-Transfer-Encoding '{head.encoding[:50]}': leave that "
        "header out"
    )
