"""Forms for new photos: S3's, signed by the function and honoured by a real S3 protocol server."""

import base64
import hashlib
import json
import shlex
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
import requests

from facesearch.faces import Photo
from facesearch.photos.reading import MAX_FILE_BYTES
from facesearch.stores import FaceStore
from index_faces.handler import handler as index_handler
from tests.events.loading import Context, s3_event, sqs_event
from tests.integration.api import ApiAnswer, Json, call, get
from tests.integration.conftest import TakePhoto, close_services

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytestmark = pytest.mark.usefixtures("functions", "bucket")

PHOTO: Json = {"filename": "0001.jpg", "content_type": "image/jpeg", "size": 1000}


def ask(**changes: Any) -> ApiAnswer:
    return call({**PHOTO, **changes}, path="/v1/uploads")


def policy_of(form: Json) -> Json:
    """What S3 would hold the form against."""
    policy: Json = json.loads(base64.b64decode(form["fields"]["policy"]))
    return policy


def send(form: Json, data: bytes) -> int:
    files = {"file": ("whatever.jpg", data)}
    return requests.post(form["url"], form["fields"], files=files, timeout=30).status_code


def indexed(store: FaceStore, photo_id: str) -> Photo | None:
    """The photo after S3's event about it."""
    event = s3_event("s3_object_created_put", key=photo_id.removeprefix("s3://photos/"))
    answer = index_handler(sqs_event({"a": event}), Context("index_faces"))
    assert answer["batchItemFailures"] == []
    found = store.photo(photo_id)
    return found.photo if found else None


def test_photo_that_was_sent_with_the_form_is_indexed_with_its_collection_and_metadata(
    store: FaceStore, photo: TakePhoto, s3: "S3Client"
) -> None:
    data = photo("madonna", 1)
    metadata = {"album": "Sommer über Köln", "by": "ana"}
    answer = ask(collection="Hochzeit Köln", metadata=metadata, size=len(data))
    assert answer.status == 201
    form = answer.json
    assert (form["expires_in"], form["max_bytes"]) == (300, len(data))
    assert send(form, data) == 204
    found = indexed(store, form["photo_id"])
    assert found is not None
    assert found.collection == "Hochzeit Köln"
    assert found.metadata == {"album": "Sommer über Köln", "by": "ana"}
    assert form["photo_id"].startswith("s3://photos/Hochzeit Köln/")
    query = {"collection": "Hochzeit Köln", "metadata.album": "Sommer über Köln"}
    assert [each["photo_id"] for each in call(photo("madonna", 1), query=query).matches] == [
        form["photo_id"]
    ]
    listed = get("/v1/photos", {"prefix": form["photo_id"]}).json["photos"]
    assert [each["problem"] for each in listed] == [None]


def test_photo_that_is_sent_again_has_the_same_key_in_its_collection(
    store: FaceStore, photo: TakePhoto
) -> None:
    data = photo("madonna", 1)
    sha256 = hashlib.sha256(data).hexdigest()
    asked = {"size": len(data), "sha256": sha256, "external_id": "4711"}
    first, again = (ask(**asked, collection="a", filename=name).json for name in ("1.jpg", "2.jpg"))
    assert first["photo_id"] == again["photo_id"] != ask(**asked).json["photo_id"]
    # S3 holds the bytes against it.
    checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
    assert {"x-amz-checksum-sha256": checksum} in policy_of(first)["conditions"]
    assert send(first, data) == send(again, data) == 204
    found = indexed(store, first["photo_id"])
    assert found is not None
    assert found.metadata == {"external_id": "4711"}
    (match,) = call(data, query={"metadata.external_id": "4711"}).matches
    assert (match["photo_id"], match["external_id"]) == (first["photo_id"], "4711")


def test_photo_in_the_bucket_is_not_deleted_and_the_command_for_it_is_told() -> None:
    photo_id = "s3://photos/Zoë's/a.jpg"
    answer = call(method="DELETE", path="/v1/photos", query={"photo_id": photo_id})
    assert (answer.status, answer.json["code"]) == (405, "deletion_off")
    assert answer.headers["allow"] == "GET"
    told = answer.json["detail"].partition("use aws s3 rm ")[2]
    assert shlex.split(told) == [photo_id]


def test_photo_in_the_bucket_is_deleted_where_the_setting_says_so(
    store: FaceStore, photo: TakePhoto, s3: "S3Client", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACESEARCH_DELETION", "on")
    close_services()
    form = ask(collection="wedding").json
    photo_id = form["photo_id"]
    assert send(form, photo("madonna", 1)) == 204
    assert indexed(store, photo_id) is not None
    for other in ("s3://another/wedding/a.jpg", f"{photo_id}.no", "s3://photos/", "file:///etc/a"):
        refused = delete(other)
        assert (refused.status, refused.json["code"]) == (404, "not_found"), other
    assert delete(photo_id).json == {"photo_id": photo_id}
    assert "Contents" not in s3.list_objects_v2(Bucket="photos", Prefix="wedding/")
    # The bucket stays the only truth: the store follows its event.
    assert store.photo(photo_id) is not None
    event = s3_event("s3_object_removed_delete", key=photo_id.removeprefix("s3://photos/"))
    answer = index_handler(sqs_event({"a": event}), Context("index_faces"))
    assert answer["batchItemFailures"] == []
    assert store.photo(photo_id) is None
    assert delete(photo_id).status == 404


def test_photo_outside_of_what_is_indexed_is_not_deleted(
    s3: "S3Client", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACESEARCH_DELETION", "on")
    monkeypatch.setenv("FACESEARCH_PREFIX", "people/")
    monkeypatch.setenv("FACESEARCH_SUFFIXES", ".jpg")
    close_services()
    for key, status in (("others/a.jpg", 404), ("people/a.txt", 404), ("people/a.jpg", 200)):
        s3.put_object(Bucket="photos", Key=key, Body=b"a")
        assert delete(f"s3://photos/{key}").status == status, key


def delete(photo_id: str) -> ApiAnswer:
    return call(method="DELETE", path="/v1/photos", query={"photo_id": photo_id})


def test_policy_lets_this_photo_alone_be_stored_for_five_minutes() -> None:
    form = ask(collection="wedding", metadata={"album": "summer"}).json
    policy = policy_of(form)
    key = form["photo_id"].removeprefix("s3://photos/")
    assert ["content-length-range", 1, PHOTO["size"]] in policy["conditions"]
    for condition in (
        {"bucket": "photos"},
        {"key": key},
        {"Content-Type": "image/jpeg"},
        {"x-amz-meta-album": "summer"},
    ):
        assert condition in policy["conditions"]
    assert form["fields"]["key"] == key
    left = datetime.fromisoformat(policy["expiration"]) - datetime.now(UTC)
    assert timedelta(seconds=280) < left <= timedelta(seconds=301)
    # What is signed covers every field, or S3 would refuse the form.
    signed = {name for each in policy["conditions"] if isinstance(each, dict) for name in each}
    assert set(form["fields"]) - {"policy", "x-amz-signature"} <= signed


def test_tag_names_the_collection_where_tags_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACESEARCH_COLLECTIONS", "tag")
    monkeypatch.setenv("FACESEARCH_PREFIX", "photos/")
    close_services()
    form = ask(collection="wedding/day 1").json
    tagging = (
        "<Tagging><TagSet><Tag><Key>collection</Key><Value>wedding/day 1</Value></Tag></TagSet>"
        "</Tagging>"
    )
    assert form["fields"]["tagging"] == tagging
    assert {"tagging": tagging} in policy_of(form)["conditions"]
    assert form["photo_id"].startswith("s3://photos/photos/")
    assert form["photo_id"].count("/") == 4
    answer = ask(collection="a<b>&amp;")
    assert (answer.status, answer.json["code"]) == (400, "invalid_collection")


def test_only_one_collection_is_known_where_none_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACESEARCH_COLLECTIONS", "none")
    close_services()
    assert ask().status == ask(collection="default").status == 201
    answer = ask(collection="wedding")
    assert (answer.status, answer.json["code"]) == (400, "invalid_collection")


def test_ending_that_is_not_indexed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACESEARCH_SUFFIXES", ".jpg,.png")
    close_services()
    assert ask().status == ask(filename="A.JPG").status == 201
    answer = ask(filename="a.webp", content_type="image/webp")
    assert (answer.status, answer.json["code"]) == (415, "not_an_image")
    assert ".jpg, .png" in answer.json["detail"]


@pytest.mark.parametrize(
    "filename",
    [
        *("../../x.jpg", "a\0b.jpg", "n" * 1024 + ".jpg", "😀.jpg", "evil.html", "${filename}"),
        "Ana & René+1 %41.jpg",
    ],
)
def test_hostile_name_makes_a_plain_key_that_s3_takes(filename: str, s3: "S3Client") -> None:
    form = ask(filename=filename).json
    key = form["photo_id"].removeprefix("s3://photos/")
    assert "/" not in key
    assert key == unquote(key)
    assert key.endswith(".jpg")
    assert send(form, b"photo") == 204
    assert s3.get_object(Bucket="photos", Key=key)["Body"].read() == b"photo"


@pytest.mark.parametrize("filename", ["\ud800.jpg", "", 7, None])
def test_name_that_is_no_text_is_refused(filename: object) -> None:
    answer = ask(filename=filename)
    assert (answer.status, answer.json["code"]) == (400, "invalid_request")
    assert answer.json["detail"].startswith("filename is not")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"content_type": "text/html"}, 415, "not_an_image"),
        ({"content_type": "image/svg+xml"}, 415, "not_an_image"),
        ({"content_type": "application/octet-stream", "filename": "a.html"}, 415, "not_an_image"),
        ({"content_type": ""}, 400, "invalid_request"),
        ({"size": 0}, 400, "invalid_request"),
        ({"size": -1}, 400, "invalid_request"),
        ({"size": "1000"}, 400, "invalid_request"),
        ({"size": True}, 400, "invalid_request"),
        ({"size": MAX_FILE_BYTES + 1}, 413, "image_too_large"),
        ({"size": 10**100}, 413, "image_too_large"),
        ({"collection": "../x"}, 400, "invalid_collection"),
        ({"collection": "x" * 256}, 400, "invalid_collection"),
        ({"collection": ""}, 400, "invalid_request"),
        ({"collection": None}, 400, "invalid_request"),
        ({"metadata": []}, 400, "invalid_request"),
        ({"metadata": {"Album": "x"}}, 400, "invalid_request"),
        ({"metadata": {"a b": "x"}}, 400, "invalid_request"),
        ({"metadata": {"a": 1}}, 400, "invalid_request"),
        ({"metadata": {"a": "x\r\ny"}}, 400, "invalid_request"),
        ({"metadata": {"a": "x" * 1024}}, 400, "invalid_request"),
        ({"filenam": "a"}, 400, "invalid_request"),
    ],
)
def test_what_is_not_taken_is_refused_by_name(changes: Json, status: int, code: str) -> None:
    answer = ask(**changes)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.json["detail"]


def test_unknown_type_is_told_by_the_name_s_ending() -> None:
    form = ask(content_type="application/octet-stream", filename="IMG_1.HEIC").json
    assert form["fields"]["Content-Type"] == "image/heic"


def test_most_metadata_fits_s3_s_limit_even_when_encoded() -> None:
    fields = ask(metadata={"a": "é" * 511}).json["fields"]
    assert len(fields["x-amz-meta-a"]) < 2048


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff"])
def test_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    answer = call(body, path="/v1/uploads", content_type="application/json")
    assert (answer.status, answer.json["code"]) == (400, "invalid_request")


def test_photo_itself_is_not_taken_here(photo: TakePhoto) -> None:
    answer = call(photo("madonna", 1), path="/v1/uploads")
    assert (answer.status, answer.json["code"]) == (415, "not_an_image")


@pytest.mark.parametrize(
    "environ", [{"FACESEARCH_BUCKET": ""}, {"FACESEARCH_UPLOADS": "off"}], ids=["none", "off"]
)
def test_without_a_place_for_photos_uploads_are_off(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert get("/v1/version").json["search"]["uploads"] is True
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    close_services()
    answer = ask()
    assert (answer.status, answer.json["code"]) == (409, "uploads_off")
    assert get("/v1/version").json["search"]["uploads"] is False


def test_content_that_is_no_photo_is_recorded_so(store: FaceStore) -> None:
    form = ask().json
    assert send(form, b"<html>") == 204
    found = indexed(store, form["photo_id"])
    assert found is not None
    assert found.problem == "not_an_image"
