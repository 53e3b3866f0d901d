"""A client of the API that searches and uploads over connections that are kept."""

import itertools
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from ssl import SSLEOFError
from urllib.parse import urlsplit

from click import ClickException

FAIR = (200, 201, 204)
REFUSED = (429, 503)
SEARCHED = 50
"""Searches are with so many photos, again and again."""
_BOUNDARY = "load"


class Client:
    """Sends requests over one connection for each thread; `prefix` comes before the API's paths.

    Forms lead to where the API is. Each upload is of the next photo: many copies of a few would all
    be as near to a face, and a search would have to compare them all.
    """

    def __init__(
        self,
        connect: Callable[[], HTTPConnection],
        photos: Sequence[bytes],
        prefix: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._connect = connect
        self._photos = photos
        self._searched = photos
        self._prefix = prefix
        self._headers = headers or {}
        self._kept = threading.local()
        self._connections: list[HTTPConnection] = []
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self.acknowledged: list[str] = []
        """The ids of photos whose upload was."""

    def close(self) -> None:
        """Close the connections, of whichever threads."""
        for connection in self._connections:
            connection.close()

    def choose_searched(self) -> None:
        """Search with the first photos in which there is a face."""
        usable = (photo for photo in self._photos if self._search(photo)[0] in FAIR)
        self._searched = list(itertools.islice(usable, SEARCHED))
        if not self._searched:
            raise ClickException("there is no photo with a face: name a folder with some (*.jpg)")

    def search(self, number: int) -> tuple[int, str]:
        """The status, and what `Retry-After` says."""
        return self._search(self._searched[number % len(self._searched)])

    def upload(self) -> tuple[int, str]:
        """The form, then the photo."""
        number = next(self._numbers)
        photo, name = self._photos[number % len(self._photos)], f"{number}.jpg"
        asked = {"filename": name, "size": len(photo), "content_type": "image/jpeg"}
        body = json.dumps(asked).encode()
        status, again, answer = self._call("/v1/uploads", body, "application/json")
        if status not in FAIR:
            return status, again
        form = json.loads(answer)
        parts = [
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in form["fields"].items()
        ]
        parts.append(
            f"--{_BOUNDARY}\r\n"
            'Content-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
        )
        body = "".join(parts).encode() + photo + f"\r\n--{_BOUNDARY}--\r\n".encode()
        path = f"/{urlsplit(form['url']).path.lstrip('/')}"
        headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
        status, again, _ = self._post(path, body, headers)
        if status in FAIR:
            with self._lock:
                self.acknowledged.append(form["photo_id"])
        return status, again

    def _search(self, photo: bytes) -> tuple[int, str]:
        status, again, _ = self._call("/v1/search", photo, "image/jpeg")
        return status, again

    def _call(self, path: str, body: bytes, kind: str) -> tuple[int, str, bytes]:
        return self._post(f"{self._prefix}{path}", body, {**self._headers, "Content-Type": kind})

    def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str, bytes]:
        if not hasattr(self._kept, "connection"):
            self._kept.connection = self._connect()
            self._connections.append(self._kept.connection)
        connection: HTTPConnection = self._kept.connection
        for attempt in (1, 2):
            try:
                connection.request("POST", path, body, dict(headers))
                answer = connection.getresponse()
                return answer.status, answer.getheader("Retry-After", ""), answer.read()
            except (HTTPException, ConnectionError, SSLEOFError):
                # The server may close a connection that was idle, as we send: once is no fault.
                connection.close()
                if attempt == 2:
                    raise
        raise AssertionError
