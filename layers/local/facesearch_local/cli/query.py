"""Query photos on the command line: files, stdin and URLs. Errors name the photo."""

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import click

from facesearch.errors import ImageTooLarge, InputError, InvalidRequest, NotFound, ReadError
from facesearch.photos.folder import SCHEME, photo_path, read_file
from facesearch.photos.reading import MAX_FILE_BYTES
from facesearch_local.cli.output import print_note

STDIN = "-"
TIMEOUT_S = 10.0
"""Of connecting, and of each read."""
LONGEST_S = 60.0
"""Of all of a photo from the web."""
CHUNK_BYTES = 1 << 16


class Query:
    """A query photo as it was given: a path or `file://` URI, `-` for stdin, or an `http(s)://`."""

    def __init__(self, given: str) -> None:
        self._given = given

    def __str__(self) -> str:
        """Its name in messages: of a URL without what may be secret in it."""
        if self.is_stdin:
            return "stdin"
        if not self._is_url:
            return self._given
        parts = urlsplit(self._given)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

    @property
    def label(self) -> str:
        """A short name: that of the file, with its folder's."""
        if self.is_stdin or self._is_url:
            return "/".join(str(self).rsplit("/", 2)[-2:])
        return "/".join(Path(self._given).absolute().parts[-2:])

    @property
    def is_stdin(self) -> bool:
        return self._given == STDIN

    def is_file(self, file: Path) -> bool:
        """Whether the photo is in this file, by whatever name."""
        if self.is_stdin or self._is_url:
            return False
        path = Path(photo_path(self._given) if self._given.startswith(SCHEME) else self._given)
        return path.exists() and file.exists() and path.samefile(file)

    @property
    def _is_url(self) -> bool:
        return self._given.lower().startswith(("http://", "https://"))

    @property
    def _path(self) -> str:
        """The file's path, also where its URI was given, as stores name photos.

        Raises `InvalidRequest` for other addresses, unless there is a file of that name.
        """
        if self._given.startswith(SCHEME):
            return photo_path(self._given)
        scheme = re.match(r"([a-z][a-z0-9+.-]*)://", self._given, re.IGNORECASE)
        if scheme and not Path(self._given).exists():
            raise InvalidRequest(
                f"{scheme[1]}:// is not fetched: save the photo in a file, or give an http(s):// "
                "URL of it"
            )
        return self._given

    def read(self) -> bytes:
        """The photo's bytes, at most `MAX_FILE_BYTES`.

        Raises an `InputError` or a `ReadError`, naming the photo.
        """
        with naming(self):
            if self.is_stdin:
                return _read_stdin()
            return _fetch(self._given) if self._is_url else read_file(self._path).data


class QueryType(click.Path):
    """The type of an argument that is a query photo."""

    def convert(  # type: ignore[override]
        self,
        value: object,
        param: click.Parameter | None,  # noqa: ARG002
        ctx: click.Context | None,  # noqa: ARG002
    ) -> Query:
        return value if isinstance(value, Query) else Query(str(value))


@contextmanager
def naming(query: Query) -> Iterator[None]:
    """Put the photo's name before the messages of its errors."""
    try:
        yield
    except (InputError, ReadError) as error:
        raise type(error)(f"{query}: {error}") from error


def note_other_faces(query: Query, faces: int) -> None:
    """Print a note that only the largest of several faces was used."""
    if faces > 1:
        others = "1 other was" if faces == 2 else f"{faces - 1} others were"
        print_note(f"{query} has {faces} faces: the largest was taken, {others} left aside")


def _read_stdin() -> bytes:
    if sys.stdin.isatty():
        raise InvalidRequest("nothing comes in: send a photo, as in 'cat a.jpg | facesearch …'")
    data = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    _check_size(len(data))
    return data


def _fetch(url: str) -> bytes:
    # Only who names a URL waits for this import.
    import requests  # noqa: PLC0415

    until = time.monotonic() + LONGEST_S
    try:
        with requests.get(url, stream=True, timeout=TIMEOUT_S) as answer:
            if answer.status_code in (404, 410):
                raise NotFound("there is no such page: check the address")
            if not answer.ok:
                raise ReadError(f"the server answers {answer.status_code} {answer.reason}")
            data = bytearray()
            for chunk in answer.iter_content(CHUNK_BYTES):
                data += chunk
                _check_size(len(data))
                if time.monotonic() > until:
                    raise ReadError(f"it takes more than {LONGEST_S:.0f} s: save it first")
            return bytes(data)
    except requests.exceptions.InvalidURL as error:
        raise InvalidRequest("that is no address: check it") from error
    except requests.RequestException as error:
        raise ReadError(
            f"it cannot be fetched ({type(error).__name__}): check the address and the network"
        ) from error


def _check_size(size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise ImageTooLarge(f"it has more than {MAX_FILE_BYTES >> 20} MB: scale the image down")
