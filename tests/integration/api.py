"""One request to the search function's own handler, as API Gateway would send it."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from search_faces.handler import handler
from tests.events.loading import Context, load

REQUEST_ID = "79104EXAMPLEB723"

PEOPLE = ("ben_afflek", "elton_john", "jerry_seinfeld", "madonna", "mindy_kaling")
"""Those of the sample photos."""

Json = dict[str, Any]


class ApiAnswer:
    """A response, taken apart."""

    def __init__(self, response: Json) -> None:
        self.status: int = response["statusCode"]
        self.headers = {
            name.lower(): values[0] for name, values in response["multiValueHeaders"].items()
        }
        body: str = response["body"]
        self.body = base64.b64decode(body) if response["isBase64Encoded"] else body.encode()

    @property
    def json(self) -> Json:
        found: Json = json.loads(self.body)
        return found

    @property
    def matches(self) -> list[Json]:
        """Of the only result."""
        (result,) = self.json["results"]
        matches: list[Json] = result["matches"]
        return matches

    @property
    def people(self) -> list[str]:
        """Whose photos matched: ids are `s3://photos/person/…`."""
        return [match["photo_id"].split("/")[3] for match in self.matches]


def call(
    body: bytes | Json | None = None,
    *,
    method: str = "POST",
    path: str = "/v1/search",
    content_type: str | None = None,
    query: Mapping[str, str] | None = None,
    key_id: str | None = None,
) -> ApiAnswer:
    """One request: bytes are sent as a photo, a dict as JSON. `key_id` is that of another key."""
    event = load("api_gateway_rest_search")
    if key_id is not None:
        event["requestContext"]["identity"]["apiKeyId"] = key_id
    event["httpMethod"], event["path"] = method, path
    event["queryStringParameters"] = query
    event["multiValueQueryStringParameters"] = query and {name: [query[name]] for name in query}
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    kind = "application/json" if isinstance(body, dict) else "image/jpeg"
    event["headers"]["Content-Type"] = content_type or kind
    event["body"] = None if data is None else base64.b64encode(data).decode()
    event["isBase64Encoded"] = data is not None
    return ApiAnswer(handler(event, Context("search_faces")))


def get(path: str, query: Mapping[str, str] | None = None) -> ApiAnswer:
    return call(method="GET", path=path, query=query)


def form(*fields: tuple[str, bytes | str], boundary: str = "frontier") -> Json:
    """A form as the arguments of `call`: bytes are files, texts are options."""
    body = b""
    for name, value in fields:
        file = '; filename="a.jpg"' if isinstance(value, bytes) else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        body += head.encode() + (value if isinstance(value, bytes) else value.encode()) + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    return {"body": body, "content_type": f"multipart/form-data; boundary={boundary}"}
