"""Send requests to the API, with retries, and turn its problems into errors."""

import io
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urljoin
from xml.etree import ElementTree

import msgspec
import requests
from urllib3 import encode_multipart_formdata

Answer = TypeVar("Answer", bound=msgspec.Struct)

UploadProgress = Callable[[int, int], None]
"""Called with the number of bytes sent so far, and of all."""

ATTEMPTS = 4
LONGEST_WAIT_S = 60
KEY_HEADER = "X-Api-Key"
_LATER = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class ApiError(Exception):
    """A problem that the API reported: `code` is stable, for programs; `detail` says what to do.

    `request_id` identifies the request in the operator's log. `status` is 0 without an answer.
    """

    def __init__(self, status: int, code: str, detail: str, request_id: str = "") -> None:
        super().__init__(f"{detail} ({code}, request {request_id or 'without id'})")
        self.status = status
        self.code = code
        self.detail = detail
        self.request_id = request_id


class Transport:
    """Open connections to one API, for one thread."""

    def __init__(self, url: str, api_key: str | None, timeout_s: float) -> None:
        self._url = url.rstrip("/") + "/"
        self._key = {KEY_HEADER: api_key} if api_key else {}
        self._timeout_s = timeout_s
        self._session = requests.Session()

    def get(
        self, path: str, kind: type[Answer], options: Mapping[str, str] | None = None
    ) -> Answer:
        """Raises `ApiError`."""
        return _read(self._ask(lambda: self._send("GET", path, params=options)), kind)

    def put(self, path: str, kind: type[Answer]) -> Answer:
        """Raises `ApiError`."""
        return _read(self._ask(lambda: self._send("PUT", path)), kind)

    def delete(
        self, path: str, kind: type[Answer], options: Mapping[str, str] | None = None
    ) -> Answer:
        """Raises `ApiError`."""
        return _read(self._ask(lambda: self._send("DELETE", path, params=options)), kind)

    def get_bytes(self, path: str) -> bytes:
        """Raises `ApiError`."""
        return self._ask(lambda: self._send("GET", path)).content

    def post(self, path: str, request: msgspec.Struct, kind: type[Answer]) -> Answer:
        """Send the request as JSON. Raises `ApiError`."""
        data, media = msgspec.json.encode(request), {"Content-Type": "application/json"}
        return _read(self._ask(lambda: self._send("POST", path, data=data, headers=media)), kind)

    def post_photo(
        self, path: str, photo: bytes, options: Mapping[str, str], kind: type[Answer]
    ) -> Answer:
        """The photo as the body. Raises `ApiError`."""
        media = {"Content-Type": "application/octet-stream"}
        answer = self._ask(
            lambda: self._send("POST", path, params=options, data=photo, headers=media)
        )
        return _read(answer, kind)

    def post_form(
        self,
        url: str,
        fields: Mapping[str, str],
        file: tuple[str, bytes, str],
        progress: UploadProgress,
    ) -> None:
        """Send an upload: the form's fields, and last the file (name, data, type).

        Raises `ApiError`.
        """
        data, kind = encode_multipart_formdata([*fields.items(), ("file", file)])
        headers = {"Content-Type": kind}
        self._ask(
            lambda: self._send("POST", url, data=_ProgressBody(data, progress), headers=headers)
        )

    def close(self) -> None:
        self._session.close()

    def _ask(self, send: Callable[[], requests.Response]) -> requests.Response:
        waited = 0.0
        for attempt in range(1, ATTEMPTS + 1):
            answer = send()
            wait_s = _wait_s(answer, attempt)
            last = attempt == ATTEMPTS or waited + wait_s > LONGEST_WAIT_S
            if last or answer.status_code not in _LATER:
                break
            time.sleep(wait_s)
            waited += wait_s
        if not answer.ok or answer.is_redirect:
            raise _error(answer)
        return answer

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        data: "bytes | _ProgressBody | None" = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        url = urljoin(self._url, path)
        # The key is for the API alone, not for where uploads go.
        key = self._key if url.startswith(self._url) else {}
        try:
            return self._session.request(
                method,
                url,
                params=params,
                data=data,
                headers={**key, **(headers or {})},
                timeout=self._timeout_s,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise ApiError(
                0, "unreachable", f"{method} {url} was not answered ({type(error).__name__})"
            ) from error


class _ProgressBody(io.BytesIO):
    """A body that reports how much of it was sent."""

    def __init__(self, data: bytes, progress: UploadProgress) -> None:
        super().__init__(data)
        self._size = len(data)
        self._progress = progress

    def __len__(self) -> int:
        return self._size

    def read(self, size: int | None = -1) -> bytes:
        piece = super().read(size)
        self._progress(self.tell(), self._size)
        return piece


def _read(answer: requests.Response, kind: type[Answer]) -> Answer:
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        request_id = answer.headers.get("X-Request-Id", "")
        detail = f"{answer.url} does not answer as this client's API does: compare their versions"
        raise ApiError(answer.status_code, "not_understood", detail, request_id) from error


def _wait_s(answer: requests.Response, attempt: int) -> float:
    """Seconds to wait: as the answer says, else longer at each attempt."""
    header = answer.headers.get("Retry-After", "")
    return float(header) if header.isdecimal() else float(2**attempt)


def _error(answer: requests.Response) -> ApiError:
    request_id = answer.headers.get("X-Request-Id", "")
    if answer.headers.get("Content-Type", "").startswith("application/problem+json"):
        problem = answer.json()
        return ApiError(answer.status_code, problem["code"], problem["detail"], request_id)
    status_line = f"{answer.status_code} {answer.reason}"
    return ApiError(
        answer.status_code, "refused", _s3_message(answer.text) or status_line, request_id
    )


def _s3_message(text: str) -> str:
    """The message in an error of S3, which is XML."""
    try:
        return ElementTree.fromstring(text).findtext("Message") or ""  # noqa: S314
    except ElementTree.ParseError:
        return ""
