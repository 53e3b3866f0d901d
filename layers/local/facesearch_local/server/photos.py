"""Photos of this machine as they are, for those who have a signed link."""

from http import HTTPStatus
from typing import BinaryIO
from urllib.parse import quote

from facesearch.photos.folder import photo_path, read_photo
from facesearch.photos.links import PATH, PhotoLinks
from facesearch_local.server.application import Operation, Operations
from search_faces.answering import answer_or_problem
from search_faces.http import HttpAnswer, HttpRequest

TYPES = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG": "image/png",
    b"GIF8": "image/gif",
    b"BM": "image/bmp",
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
    b"RIFF": "image/webp",
}
"""Media types by how files begin."""

HEADERS = {
    "Cache-Control": "private, max-age=300",
    # Whatever is in the file: a browser shows a picture, or offers to save it.
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


def photo_operations(links: PhotoLinks) -> Operations:
    """The operation that answers links; the signature stands for the key."""

    def answer(request: HttpRequest, _body: BinaryIO) -> HttpAnswer:
        return answer_or_problem(lambda: _photo(links, request), request)

    return {f"/{PATH}": {"GET": Operation(answer, open=True)}}


def _photo(links: PhotoLinks, request: HttpRequest) -> HttpAnswer:
    photo_id = links.photo_id(dict(request.query))
    data = read_photo(photo_id).data
    name = quote(photo_path(photo_id).rpartition("/")[2], errors="replace")
    headers = {
        **HEADERS,
        "Content-Type": _media_type(data),
        "Content-Disposition": f"inline; filename*=UTF-8''{name}",
    }
    return HttpAnswer(HTTPStatus.OK.value, headers, data)


def _media_type(data: bytes) -> str:
    for start, name in TYPES.items():
        if data.startswith(start):
            return name
    if data[4:8] == b"ftyp":
        return "image/avif" if data[8:12] in (b"avif", b"avis") else "image/heic"
    return "application/octet-stream"
