"""API keys limited to collections: every route, over the function's own handler and a real store.

Of the indexed photos, madonna's are in collection "music", the others in "default".
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from facesearch.faces import face_id
from facesearch.stores import open_store
from facesearch.stores.limited import LimitedStore
from facesearch.stores.protocol import Counts
from facesearch.vision.pipeline import FacePipeline
from search_faces.routes import ROUTES
from tests.integration.api import ApiAnswer, call
from tests.integration.conftest import TakePhoto, TakeQuery

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytestmark = pytest.mark.usefixtures("indexed", "limited")

OWN = "s3://photos/madonna/0.jpg"
OTHER = "s3://photos/elton_john/0.jpg"
OWN_FACE, OTHER_FACE = face_id(OWN, 0), face_id(OTHER, 0)


@pytest.fixture
def limited(functions: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACESEARCH_KEY_COLLECTIONS", '{"partner": ["music", "empty"]}')


@pytest.fixture
def photos(s3: "S3Client", bucket: str, photo: TakePhoto) -> None:
    """Both photos are in the bucket, too, and one that is not indexed."""
    for key in ("madonna/0.jpg", "elton_john/0.jpg", "not/indexed.jpg"):
        person = "madonna" if "madonna" in key else "elton_john"
        s3.put_object(Bucket=bucket, Key=key, Body=photo(person, 1))


def ask(
    method: str,
    path: str,
    body: bytes | dict[str, object] | None = None,
    key: str = "partner",
    **query: str,
) -> ApiAnswer:
    return call(body, method=method, path=path, query=query or None, key_id=key)


def test_search_finds_faces_of_the_key_s_collections_only(query: TakeQuery) -> None:
    for person in ("madonna", "elton_john"):
        answer = ask("POST", "/v1/search", query(person), k="20")
        assert {name.split("/")[0] for name in answer.people} == {"madonna"}
        assert len(answer.matches) == len(own_faces())
        assert len(ask("POST", "/v1/search", query(person), key="owner", k="20").matches) > 4


def own_faces() -> list[str]:
    answer = ask("GET", "/v1/photos")
    return [face for photo in answer.json["photos"] for face in photo["faces"]]


def test_search_in_another_collection_is_as_in_none_that_exists(query: TakeQuery) -> None:
    photo = query("elton_john")
    refused = ask("POST", "/v1/search", photo, collection="default")
    unknown = ask("POST", "/v1/search", photo, collection="nowhere")
    assert refused.status == unknown.status == 404
    detail = refused.json["detail"].replace("default", "nowhere")
    assert detail == unknown.json["detail"]
    assert "music" in detail
    assert ask("POST", "/v1/search", photo, collection="music").status == 200


@pytest.mark.usefixtures("photos")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/faces/{}"),
        ("GET", "/v1/faces/{}/matches"),
        ("GET", "/v1/faces/{}/thumbnail"),
        ("GET", "/v1/faces/{}/photo"),
        ("GET", "/v1/faces/{}/preview"),
        ("PUT", "/v1/faces/{}/hidden"),
        ("DELETE", "/v1/faces/{}/hidden"),
    ],
)
def test_face_of_another_collection_is_as_one_that_does_not_exist(method: str, path: str) -> None:
    assert ask(method, path.format(OWN_FACE)).status == 200
    assert ask(method, path.format(OTHER_FACE), key="owner").status == 200
    refused = ask(method, path.format(OTHER_FACE))
    missing = ask(method, path.format("0" * 32 + "-0"))
    assert refused.status == missing.status == 404
    assert refused.json["code"] == missing.json["code"]
    assert refused.json["detail"].replace(OTHER_FACE, "x") == missing.json["detail"].replace(
        "0" * 32 + "-0", "x"
    )


def test_matches_of_a_face_are_of_the_key_s_collections() -> None:
    answer = ask("GET", f"/v1/faces/{OWN_FACE}/matches", k="20")
    assert set(answer.people) == {"madonna"}


@pytest.mark.usefixtures("photos")
def test_photos_of_the_bucket_are_seen_only_if_they_are_of_the_key_s_collections() -> None:
    for path in ("/v1/search", "/v1/detect"):
        assert ask("POST", path, {"s3_key": "madonna/0.jpg"}).status == 200
        assert ask("POST", path, {"s3_key": "elton_john/0.jpg"}, key="owner").status == 200
        for key in ("elton_john/0.jpg", "not/indexed.jpg", "not/there.jpg"):
            assert ask("POST", path, {"s3_key": key}).status == 404


@pytest.mark.usefixtures("photos")
def test_comparison_sees_no_face_and_no_photo_of_another_collection() -> None:
    own = {"face_id": OWN_FACE}
    assert ask("POST", "/v1/compare", {"one": own, "other": own}).status == 200
    for other in ({"face_id": OTHER_FACE}, {"s3_key": "elton_john/0.jpg"}):
        assert ask("POST", "/v1/compare", {"one": own, "other": other}, "owner").status == 200
        assert ask("POST", "/v1/compare", {"one": own, "other": other}).status == 404


def test_lists_hold_the_key_s_collections_only() -> None:
    listed = ask("GET", "/v1/photos").json
    assert {photo["collection"] for photo in listed["photos"]} == {"music"}
    assert listed["next"] is None
    first = ask("GET", "/v1/photos", limit="2").json
    rest = ask("GET", "/v1/photos", limit="2", after=first["next"]).json
    pages = [photo["photo_id"] for page in (first, rest) for photo in page["photos"]]
    assert pages == [photo["photo_id"] for photo in listed["photos"]]
    (own,) = ask("GET", "/v1/collections").json["collections"]
    assert (own["name"], own["photos"]) == ("music", 3)
    assert len(ask("GET", "/v1/collections", key="owner").json["collections"]) == 2


def test_uploads_go_to_the_key_s_collections_only(bucket: str) -> None:
    new = {"filename": "a.jpg", "content_type": "image/jpeg", "size": 1000}
    assert ask("POST", "/v1/uploads", {**new, "collection": "music"}).status == 201
    for other in ({"collection": "default"}, {"collection": "another"}, {}):
        refused = ask("POST", "/v1/uploads", {**new, **other})
        assert (refused.status, refused.json["code"]) == (400, "invalid_collection")
        assert ask("POST", "/v1/uploads", {**new, **other}, "owner").status == 201
    assert bucket


def test_photo_of_another_collection_cannot_be_deleted() -> None:
    for photo in (OTHER, "s3://photos/none.jpg"):
        assert ask("DELETE", "/v1/photos", photo_id=photo).status == 404
    # On AWS, the bucket deletes.
    assert ask("DELETE", "/v1/photos", photo_id=OWN).status == 405


def test_every_route_with_a_key_is_looked_at_here() -> None:
    text = Path(__file__).read_text()
    for route in ROUTES:
        if not route.open:
            assert f'"{route.method}", "{route.path.replace("{face_id}", "{}")}"' in text or (
                f'"{route.path}"' in text
            ), route.path


def test_settings_that_are_not_understood_let_nobody_in(
    monkeypatch: pytest.MonkeyPatch, query: TakeQuery
) -> None:
    for text in ("{", '{"partner": "music"}', '["partner"]'):
        monkeypatch.setenv("FACESEARCH_KEY_COLLECTIONS", text)
        assert ask("POST", "/v1/search", query("madonna")).status == 500


def test_limited_store_counts_and_lists_as_if_the_rest_was_not_there(
    indexed_file: Path, pipeline: FacePipeline
) -> None:
    with open_store(f"sqlite:///{indexed_file}", pipeline.recipe) as whole:
        store = LimitedStore(whole, ["music"])
        own = [face for face in whole.faces() if face.photo.collection == "music"]
        assert [face.face_id for face in store.faces()] == [face.face_id for face in own]
        assert store.counts() == Counts(3, len(own))
        assert store.status().counts == store.counts()
        assert store.sequences([OWN, OTHER]) == {OWN: 1}
        both = LimitedStore(whole, ["music", "default"])
        query = own[0].face.embedding
        assert [(m.stored.face_id, m.distance) for m in both.search(query, 7)] == [
            (m.stored.face_id, m.distance) for m in whole.search(query, 7)
        ]
        assert json.dumps(sorted(both.collections())) == '["default", "music"]'
