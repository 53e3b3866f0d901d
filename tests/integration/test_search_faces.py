"""The API: real proxy events, real photos, models, bucket and store."""

import base64
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from PIL import Image

from facesearch.faces import Recipe, Removal, face_id
from facesearch.indexing import PhotoToIndex, index_photos
from facesearch.photos.reading import PhotoContent
from facesearch.stores import open_store
from facesearch.vision.pipeline import FacePipeline
from search_faces.app import create_app
from search_faces.handler import handler, open_service
from tests.events.loading import Context, load
from tests.integration.api import PEOPLE, REQUEST_ID, Json, call, form
from tests.integration.conftest import Logs, TakeQuery, close_services, metric_series

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytestmark = pytest.mark.usefixtures("functions")


@pytest.mark.usefixtures("indexed")
@pytest.mark.parametrize("person", PEOPLE)
def test_search_with_a_photo_finds_its_person(person: str, query: TakeQuery) -> None:
    answer = call(query(person), query={"k": "3"})
    assert answer.status == 200
    assert answer.people == [person] * 3


@pytest.mark.usefixtures("indexed")
def test_search_answers_with_faces_and_matches_and_never_with_vectors(query: TakeQuery) -> None:
    photo = query("madonna")
    answer = call(photo)
    with Image.open(io.BytesIO(photo)) as image:
        assert answer.json["photo"] == {"width": image.width, "height": image.height}
    assert {frozenset(face) for face in answer.json["faces"]} == {
        frozenset(("index", "box", "landmarks", "detection_score"))
    }
    assert len(answer.matches) >= 15
    distances = [match["distance"] for match in answer.matches]
    assert distances == sorted(distances)
    best = answer.matches[0]
    assert set(best) == {
        "face_id",
        "photo_id",
        "collection",
        "metadata",
        "distance",
        "score",
        "confidence",
        "verdict",
        "box",
        "external_id",
        "detection_score",
        "photo",
    }
    assert best["score"] == pytest.approx(1 / (1 + best["distance"] ** 2), abs=1e-5)
    assert best["confidence"] > 0.5 > answer.matches[-1]["confidence"]
    assert (best["verdict"], answer.matches[-1]["verdict"]) == ("possible", "look_alike")
    limits = answer.json["limits"]
    for match in answer.matches:
        assert match["verdict"] == (
            "very_likely"
            if match["distance"] <= limits["very_likely"]
            else "possible"
            if match["distance"] <= limits["possible"]
            else "look_alike"
        )
    assert best["face_id"] == face_id(best["photo_id"], 0)
    assert best["collection"] == "music"
    assert best["metadata"] == {"number": best["photo_id"][-5]}
    box, photo_size = best["box"], best["photo"]
    assert 0 < box["width"] <= photo_size["width"]
    assert 0 < box["height"] <= photo_size["height"]


@pytest.mark.usefixtures("indexed")
def test_search_gives_20_matches_unless_told_otherwise(
    query: TakeQuery, pipeline: FacePipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/many.db"
    data = query("madonna")
    with open_store(url, pipeline.recipe) as store:
        changes = [PhotoToIndex(f"s3://photos/{number}", 1) for number in range(25)]
        index_photos(changes, lambda _: PhotoContent(data, "1"), pipeline, store)
    monkeypatch.setenv("FACESEARCH_STORE", url)
    assert len(call(data).matches) == 20
    assert len(call(data, query={"k": "100"}).matches) == 25


@pytest.mark.usefixtures("indexed")
def test_search_by_base64_key_or_bytes_gives_the_same(
    s3: "S3Client", bucket: str, query: TakeQuery
) -> None:
    photo = query("jerry_seinfeld")
    s3.put_object(Bucket=bucket, Key="queries/a b+c.jpg", Body=photo)
    by_bytes = call(photo, content_type="application/octet-stream")
    by_base64 = call({"photo": base64.b64encode(photo).decode()})
    by_key = call({"s3_key": "queries/a b+c.jpg"})
    assert by_bytes.status == 200
    assert by_bytes.json == by_base64.json == by_key.json


@pytest.mark.usefixtures("indexed")
def test_search_by_face_finds_its_person_without_itself() -> None:
    face = face_id("s3://photos/elton_john/0.jpg", 0)
    answer = call({"face_id": face, "k": 2})
    assert answer.status == 200
    assert answer.people == ["elton_john"] * 2
    assert face not in {match["face_id"] for match in answer.matches}
    assert (answer.json["photo"], answer.json["faces"]) == (None, [])


@pytest.mark.usefixtures("indexed")
def test_search_within_a_collection_or_metadata_leaves_the_rest_out(query: TakeQuery) -> None:
    photo = query("ben_afflek")
    assert set(call(photo, query={"collection": "music"}).people) == {"madonna"}
    matches = call(photo, query={"metadata.number": "2"}).matches
    assert {match["metadata"]["number"] for match in matches} == {"2"}
    assert {match["photo_id"].split("/")[3] for match in matches} == set(PEOPLE)
    body = {"face_id": matches[0]["face_id"], "collection": "nobody's"}
    nowhere = call(body)
    assert (nowhere.status, nowhere.json["code"]) == (404, "not_found")


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.usefixtures("indexed")
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 415, "not_an_image"),
        (b"hello", 415, "not_an_image"),
        (png(Image.effect_noise((300, 300), 90))[:9000], 422, "damaged_image"),
        (png(Image.new("1", (30_000, 30_000))), 413, "image_too_large"),
        (png(Image.new("RGB", (300, 300))), 422, "no_face"),
        ({}, 400, "invalid_request"),
        ({"k": 0, "face_id": "x-0"}, 400, "invalid_request"),
        ({"face_id": "x-0"}, 404, "not_found"),
        ({"s3_key": "missing.jpg"}, 404, "not_found"),
    ],
)
@pytest.mark.usefixtures("bucket")
def test_search_that_cannot_be_answered_says_why(
    body: bytes | Json, status: int, code: str
) -> None:
    answer = call(body)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["status"] == status
    assert answer.json["detail"]
    assert answer.json["request_id"] == answer.headers["x-request-id"] == REQUEST_ID


@pytest.mark.usefixtures("indexed")
def test_search_by_key_without_a_bucket_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACESEARCH_BUCKET")
    answer = call({"s3_key": "a.jpg"})
    assert (answer.status, answer.json["code"]) == (400, "invalid_request")


@pytest.mark.usefixtures("indexed", "aws")
def test_search_by_key_in_a_bucket_that_does_not_answer_can_be_tried_again() -> None:
    answer = call({"s3_key": "a.jpg"})
    assert (answer.status, answer.json["code"]) == (503, "read_error")
    assert int(answer.headers["retry-after"]) > 0
    assert "photos" not in answer.json["detail"]


def test_search_where_nothing_was_indexed_finds_nothing(query: TakeQuery) -> None:
    answer = call(query("madonna"))
    assert answer.status == 200
    assert len(answer.json["faces"]) == 1
    assert answer.matches == []
    assert call({"face_id": "x-0"}).status == 404


def test_search_in_a_store_of_another_recipe_is_a_conflict(
    query: TakeQuery, tmp_path: Path
) -> None:
    with open_store(f"sqlite:///{tmp_path}/faces.db", Recipe("a", "b", "c")) as store:
        store.write([Removal("s3://photos/x", 1)])
    answer = call(query("madonna"))
    assert (answer.status, answer.json["code"]) == (409, "recipe_mismatch")
    assert str(tmp_path) not in answer.json["detail"]


@pytest.mark.parametrize(
    ("variable", "value", "code"),
    [
        ("FACESEARCH_THREADS", "many", "invalid_settings"),
        ("FACESEARCH_MODELS", "/nonexistent", "model_error"),
        ("FACESEARCH_STORE", f"sqlite:///{__file__}", "store_damaged"),
        ("FACESEARCH_STORE", "nonsense://store", "invalid_settings"),
    ],
)
def test_api_that_is_set_up_wrongly_answers_500_and_logs_the_reason(
    *,
    variable: str,
    value: str,
    code: str,
    query: TakeQuery,
    logs: Logs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, value)
    close_services()
    photo = query("madonna")
    answer = call(photo)
    assert (answer.status, answer.json["code"]) == (500, code)
    assert value not in answer.json["detail"]
    health = call(method="GET", path="/v1/health")
    assert (health.status, health.json["code"]) == (503, code)
    reasons = [str(record["reason"]) for record in logs() if record.get("level") == "ERROR"]
    assert len(reasons) == 2
    assert all(value.removeprefix("sqlite:///") in reason for reason in reasons)


def test_unexpected_error_is_answered_without_its_trace_and_logged_with_it(
    query: TakeQuery, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret")

    # Stands for a mistake of ours, which cannot be had otherwise.
    monkeypatch.setattr("search_faces.routes.searching.search_photo", fail)
    answer = call(query("madonna"))
    assert (answer.status, answer.json["code"]) == (500, "internal_error")
    assert "secret" not in json.dumps(answer.json)
    assert any("RuntimeError" in str(record.get("exception")) for record in logs())


@pytest.mark.usefixtures("indexed")
def test_health_tells_the_recipe(pipeline: FacePipeline) -> None:
    answer = call(method="GET", path="/v1/health")
    assert answer.status == 200
    assert answer.json == {
        "status": "ok",
        "recipe": {"name": "facenet", "fingerprint": pipeline.recipe.fingerprint},
    }


def test_health_of_an_empty_system_is_good() -> None:
    answer = call(method="GET", path="/v1/health")
    assert (answer.status, answer.json["status"]) == (200, "ok")


def test_unknown_path_is_not_found() -> None:
    answer = call(method="GET", path="/serach")
    assert (answer.status, answer.json["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/search", "POST"),
        ("DELETE", "/v1/search", "POST"),
        ("POST", "/v1/health", "GET"),
    ],
)
def test_other_method_is_not_allowed(method: str, path: str, allowed: str) -> None:
    answer = call(method=method, path=path)
    assert (answer.status, answer.json["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == allowed


def test_pages_of_other_origins_may_ask_only_by_setting() -> None:
    event = load("api_gateway_rest_search")
    event["multiValueHeaders"]["Origin"] = ["https://photos.example"]
    event["httpMethod"] = "OPTIONS"
    allowing = create_app(open_service, ["https://a.example", "https://photos.example"])
    preflight = allowing.resolve(event, Context("search_faces"))
    assert preflight["statusCode"] == 204
    headers = preflight["multiValueHeaders"]
    assert headers["Access-Control-Allow-Origin"] == ["https://photos.example"]
    assert "POST" in headers["Access-Control-Allow-Methods"][0]
    assert "X-Api-Key" in headers["Access-Control-Allow-Headers"][0]
    event["httpMethod"], event["path"] = "GET", "/v1/health"
    answered = allowing.resolve(event, Context("search_faces"))["multiValueHeaders"]
    assert answered["Access-Control-Allow-Origin"] == ["https://photos.example"]
    refusing = create_app(open_service).resolve(event, Context("search_faces"))["multiValueHeaders"]
    assert not any(name.startswith("Access-Control") for name in refusing)


@pytest.mark.usefixtures("indexed")
def test_nothing_of_the_photo_is_logged_and_no_cache_keeps_the_answer(
    query: TakeQuery, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_LOGGER_LOG_EVENT", "true")
    monkeypatch.setenv("POWERTOOLS_DEV", "true")
    photo = query("madonna")
    answer = call(photo)
    call({"photo": base64.b64encode(photo).decode(), "k": 0})
    call(**form(("photo", photo), ("collection", "secret"), ("k", "0")))
    call(photo, path="/v1/detect")
    call(photo, query={"include": "thumbnails"})
    assert answer.headers["cache-control"] == "no-store"
    printed = logs()
    text = json.dumps(printed)
    assert base64.b64encode(photo).decode()[100:140] not in text
    assert all(len(json.dumps(record)) < 2000 for record in printed)
    assert "secret" not in text
    refused = [record for record in printed if record.get("message") == "request refused"]
    assert len(refused) == 2
    for record in refused:
        assert record["error"] == "invalid_request"
        assert record["correlation_id"] == REQUEST_ID


@pytest.mark.usefixtures("indexed")
@pytest.mark.parametrize(
    ("identity", "authorizer", "caller"),
    [
        ({"apiKey": "secret", "apiKeyId": "a1b2c3"}, None, "key:a1b2c3"),
        (
            {"userArn": "arn:aws:sts::1:assumed-role/app/x"},
            None,
            "arn:aws:sts::1:assumed-role/app/x",
        ),
        ({}, {"claims": {"sub": "0123-abcd", "email": "secret"}}, "user:0123-abcd"),
    ],
)
def test_log_tells_who_searched_by_what_kind_of_thing_and_nothing_of_it(
    query: TakeQuery, logs: Logs, identity: Json, authorizer: Json | None, caller: str
) -> None:
    event = load("api_gateway_rest_search")
    event["requestContext"]["identity"] |= identity
    event["requestContext"]["authorizer"] = authorizer
    event["resource"], event["path"] = "/v1/search", "/v1/search"
    event["headers"]["Content-Type"] = "image/jpeg"
    event["body"] = base64.b64encode(query("madonna")).decode()
    event["isBase64Encoded"] = True
    assert handler(event, Context("search_faces"))["statusCode"] == 200
    printed = logs()
    (asked,) = (record for record in printed if record.get("message") == "asked")
    named = {name: asked[name] for name in ("caller", "method", "route", "status")}
    assert named == {"caller": caller, "method": "POST", "route": "/v1/search", "status": 200}
    (searching,) = (record for record in printed if record.get("message") == "searching")
    assert searching["by"] == ["photo"]
    assert searching["correlation_id"] == asked["correlation_id"] == REQUEST_ID
    assert "secret" not in json.dumps(printed)
    assert "203.0.113.7" not in json.dumps(printed)


@pytest.mark.usefixtures("indexed")
def test_log_names_nobody_where_nobody_was_asked(logs: Logs) -> None:
    call(method="GET", path="/v1/health")
    assert not [record for record in logs() if record.get("message") == "asked"]


@pytest.mark.usefixtures("indexed")
def test_metrics_count_requests_and_what_went_wrong_inside(
    query: TakeQuery, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACESEARCH_STACK", "facesearch-prod")
    call(query("madonna"))
    call(b"hello")
    monkeypatch.setenv("FACESEARCH_MODELS", "/nonexistent")
    close_services()
    call(query("madonna"))
    metrics = [record for record in logs() if "_aws" in record]
    assert [record["Requests"] for record in metrics] == [[1.0]] * 3
    for record in metrics:
        assert metric_series(record) == {"service": "search_faces", "stack": "facesearch-prod"}
    assert [record["ServerErrors"] for record in metrics] == [[0.0], [0.0], [1.0]]
    first = cast("dict[str, list[float]]", metrics[0])
    (whole,) = first["RequestLatency"]
    stages = [first[f"{stage}Latency"][0] for stage in ("Decode", "Detect", "Embed", "Search")]
    assert min(stages) > 0
    assert sum(stages) <= whole


@pytest.mark.parametrize(("threads", "allowed"), [("1", "https://photos.example"), ("many", None)])
def test_function_starts_with_the_origins_that_its_environment_names_or_with_none(
    threads: str, allowed: str | None
) -> None:
    event = load("api_gateway_rest_search")
    event["multiValueHeaders"]["Origin"] = ["https://photos.example"]
    event["httpMethod"] = "OPTIONS"
    script = (
        "import json, sys; from search_faces.handler import app\n"
        "headers = app.resolve(json.load(sys.stdin), None)['multiValueHeaders']\n"
        "print(json.dumps(headers.get('Access-Control-Allow-Origin')))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "FACESEARCH_THREADS": threads,
            "FACESEARCH_CORS_ORIGINS": "https://photos.example",
        },
        input=json.dumps(event),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(ended.stdout.splitlines()[-1]) == ([allowed] if allowed else None)
