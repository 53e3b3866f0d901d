"""Least privilege: what each role may do, held against what its function does."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import numpy as np
import pytest

from facesearch.errors import StoreNotFound
from facesearch.faces import EMBEDDING_SIZE, IndexedPhoto, Photo, Recipe, Removal
from facesearch.stores import FaceStore, open_store
from tests.infrastructure.conftest import Synthesise
from tests.infrastructure.template import Template, as_list, policy_documents

# Actions that know no resources: nothing but * can be said of them.
WITHOUT_RESOURCES = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
ALLOWED = {
    "index_faces": {
        "es:ESHttpGet",
        "es:ESHttpPost",
        "es:ESHttpPut",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "s3:GetObject",
        "s3:ListBucket",
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:ReceiveMessage",
    },
    "search_faces": {
        "es:ESHttpGet",
        "es:ESHttpPost",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
    },
}
WHERE_TAGS_COUNT = {
    "index_faces": {"s3:GetObjectTagging"},
    "search_faces": {"s3:PutObjectTagging"},
}
RECIPE = Recipe("detector", "crop", "embedder")


@pytest.fixture(params=["dev", "prod", "customised"])
def any_template(request: pytest.FixtureRequest) -> Template:
    template: Template = request.getfixturevalue(request.param)
    return template


def test_nothing_is_allowed_everything_or_to_everyone(any_template: Template) -> None:
    for document in policy_documents(any_template):
        for statement in document["Statement"]:
            if statement["Effect"] != "Allow":
                continue
            actions = as_list(statement["Action"])
            assert not [action for action in actions if "*" in action]
            assert "NotAction" not in statement
            assert "NotResource" not in statement
            assert statement.get("Principal") not in ("*", {"AWS": "*"})
            if "*" in as_list(statement.get("Resource", [])):
                assert set(actions) <= WITHOUT_RESOURCES


def test_wildcards_in_resources_follow_a_named_resource(any_template: Template) -> None:
    for document in policy_documents(any_template):
        for statement in document["Statement"]:
            for resource in as_list(statement.get("Resource", [])):
                text = any_template.text(resource)
                if "*" in text and text != "*":
                    owner = text.partition("*")[0]
                    assert owner.startswith(("<AWS::", "arn:aws:es:", "arn:aws:s3:::facesearch"))


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_function_is_allowed_these_actions_and_no_others(
    any_template: Template, package: str
) -> None:
    actions = {
        action
        for statement in any_template.statements(package)
        for action in as_list(statement["Action"])
    }
    tagged = any_template.settings.collections == "tag"
    more = WHERE_TAGS_COUNT[package] if tagged else set()
    assert actions - WITHOUT_RESOURCES == ALLOWED[package] | more
    role = any_template.target(any_template.function(package)["Properties"]["Role"])
    assert "ManagedPolicyArns" not in role["Properties"]
    assert "Policies" not in role["Properties"]


def test_functions_touch_photos_under_the_prefix_only(customised: Template) -> None:
    for package in ALLOWED:
        resources = {
            (action, customised.text(resource))
            for statement in customised.statements(package)
            for action in as_list(statement["Action"])
            for resource in as_list(statement["Resource"])
            if action.startswith("s3:") and action != "s3:ListBucket"
        }
        assert {place for _, place in resources} == {"<AWS::S3::Bucket.Arn>/photos/*"}
        assert len(resources) == (2 if package == "index_faces" else 3)


def test_search_function_adds_no_photos_where_uploads_are_off(template_of: Synthesise) -> None:
    template = template_of(uploads="false", collections="tag")
    for statement in template.statements("search_faces"):
        assert not [each for each in as_list(statement["Action"]) if each.startswith("s3:Put")]


def test_index_function_may_make_every_request_of_a_write(
    any_template: Template, requests: list[tuple[str, str]], store: FaceStore
) -> None:
    store.write([IndexedPhoto(Photo("s3://photos/a.jpg", 1)), Removal("s3://photos/b.jpg", 2)])
    assert ("PUT", "/faces-000001") in requests
    for method, path in requests:
        assert may_request(any_template, "index_faces", method, path), f"{method} {path}"


def test_search_function_may_make_every_request_of_a_search(
    any_template: Template, requests: list[tuple[str, str]], store: FaceStore
) -> None:
    with suppress(StoreNotFound):
        search_in_every_way(store)
    of_nothing = list(requests)
    store.write([IndexedPhoto(Photo("s3://photos/a.jpg", 1))])
    requests.clear()
    search_in_every_way(store)
    assert ("GET", "/faces/_mapping") in of_nothing
    assert len(requests) >= 6
    for method, path in [*of_nothing, *requests]:
        assert may_request(any_template, "search_faces", method, path), f"{method} {path}"


def test_search_function_may_not_change_anything(
    any_template: Template, requests: list[tuple[str, str]], store: FaceStore
) -> None:
    store.write([Removal("s3://photos/b.jpg", 2)])
    writing = [request for request in requests if request[0] != "GET"]
    more = [("DELETE", "/faces-000001"), ("POST", "/_aliases"), ("POST", "/faces/_delete_by_query")]
    assert len(writing) >= 2
    for method, path in [*writing, *more]:
        assert not may_request(any_template, "search_faces", method, path), f"{method} {path}"


def test_index_function_may_not_drop_the_index_or_read_faces(any_template: Template) -> None:
    for method, path in (
        ("DELETE", "/faces-000001"),
        ("POST", "/_aliases"),
        ("POST", "/faces/_delete_by_query"),
        ("POST", "/faces-v1-0123456789abcdef/_search"),
        ("PUT", "/faces-000001/_settings"),
        ("PUT", "/other"),
    ):
        assert not may_request(any_template, "index_faces", method, path), f"{method} {path}"


def may_request(template: Template, package: str, method: str, path: str) -> bool:
    """Whether the role of the function allows a request to the domain, as IAM decides."""
    action = f"es:ESHttp{method.capitalize()}"
    return any(
        action in as_list(statement["Action"])
        and any(
            fnmatchcase(path, f"/{_path_in_domain(template.text(resource))}")
            for resource in as_list(statement["Resource"])
        )
        for statement in template.statements(package)
    )


def _path_in_domain(resource: str) -> str:
    head = "<AWS::OpenSearchService::Domain.Arn>/"
    if resource.startswith(head):
        return resource.removeprefix(head)
    # arn:aws:es:region:account:domain/name/path
    return resource.split("/", 2)[2] if ":domain/" in resource else "of another service"


def search_in_every_way(store: FaceStore) -> None:
    """What the API's paths ask of a store."""
    embedding = np.zeros(EMBEDDING_SIZE, np.float32)
    embedding[0] = 1
    store.search(embedding, 20, collection="default", metadata={"album": "summer"})
    store.search(embedding, 20)
    store.face("0123456789abcdef0123456789abcdef-0")
    store.photo("s3://photos/a.jpg")
    store.counts()
    store.collections()
    list(store.photos(limit=10))


@pytest.fixture
def requests() -> list[tuple[str, str]]:
    """The store's requests, in their order: method and path."""
    return []


@pytest.fixture
def store(requests: list[tuple[str, str]]) -> Iterator[FaceStore]:
    """A store on a server that notes each request, and answers as an empty cluster would."""

    class Cluster(BaseHTTPRequestHandler):
        index: ClassVar[dict[str, Any]] = {}

        def do_GET(self) -> None:
            self._note()
            if self.path.endswith("/_mapping"):
                self._answer(200 if self.index else 404, self.index or _MISSING)
            else:
                self._answer(404, {"found": False})

        def do_PUT(self) -> None:
            body = json.loads(self._note())
            self.index[self.path.strip("/")] = {"mappings": body["mappings"]}
            self._answer(200, {"acknowledged": True})

        def do_POST(self) -> None:
            lines = self._note().splitlines()
            if not self.index:
                self._answer(404, _MISSING)
            elif "_bulk" in self.path:
                items = [{"index": {"status": 201}} for _ in lines[::2]]
                self._answer(200, {"errors": False, "items": items})
            else:
                self._answer(200, _NOTHING_FOUND)

        def _note(self) -> bytes:
            requests.append((self.command, self.path.partition("?")[0]))
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def _answer(self, status: int, body: Mapping[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Cluster) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with open_store(f"opensearch://127.0.0.1:{server.server_port}/faces", RECIPE) as store:
            yield store
        server.shutdown()


_MISSING = {"error": {"type": "index_not_found_exception"}, "status": 404}
_NOTHING_FOUND = {
    "hits": {"total": {"value": 0}, "hits": []},
    "aggregations": {"faces": {"doc_count": 0}, "collections": {"buckets": []}},
}
