"""Where a build takes files from instead of the package index: a folder, or a web server."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import urlsplit

from facesearch_models.errors import BuildError
from facesearch_models.report import Report

CHUNK_BYTES = 1 << 18
TIMEOUT_S = 30.0
"""Of connecting, and of each read."""


class Mirror:
    """Files by name, below a folder or an `http(s)://` URL."""

    def __init__(self, place: str) -> None:
        """Raises `BuildError` where there is no such folder."""
        self.place = place.rstrip("/") or place
        self._is_web = urlsplit(place).scheme in ("http", "https")
        if not self._is_web and not Path(place).is_dir():
            raise BuildError(f"there is no folder {place}: name one, or an http(s):// URL")

    def copy(self, name: str, target: Path, size: int, report: Report) -> bool:
        """Copy a file of at most `size` bytes to `target`. False if there is none of this name.

        Raises `BuildError` when it cannot be read, or is larger.
        """
        with self._opened(name) as source:
            if source is None:
                return False
            done = 0
            with target.open("wb") as file:
                while chunk := source.read(CHUNK_BYTES):
                    done += len(chunk)
                    if done > size:
                        raise BuildError(
                            f"{self.place}/{name} is larger than the {size:,} bytes expected: it "
                            "is another file"
                        )
                    file.write(chunk)
                    report.advance(done / size)
        return True

    @contextmanager
    def _opened(self, name: str) -> Iterator[BinaryIO | None]:
        try:
            if self._is_web:
                with self._requested(name) as source:
                    yield source
            elif (file := Path(self.place, name)).is_file():
                with file.open("rb") as source:
                    yield source
            else:
                yield None
        except OSError as error:  # requests' errors are some, too
            reason = error.strerror or type(error).__name__
            raise BuildError(f"{self.place}/{name} cannot be read ({reason}): try again") from error

    @contextmanager
    def _requested(self, name: str) -> Iterator[BinaryIO | None]:
        import requests  # noqa: PLC0415 (only a mirror on the web needs it)

        url = f"{self.place}/{name}"
        with requests.get(url, stream=True, timeout=TIMEOUT_S) as answer:
            if answer.status_code == HTTPStatus.NOT_FOUND:
                yield None
                return
            answer.raise_for_status()
            answer.raw.decode_content = True
            yield cast("BinaryIO", answer.raw)
