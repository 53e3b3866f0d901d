"""Single faces through the API: stored ones, those of a photo, and two compared."""

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from facesearch.faces import Recipe, Removal, face_id
from facesearch.searching import analyse_photo, compare_faces
from facesearch.stores import open_store
from facesearch.vision.pipeline import FacePipeline
from tests.facenet import THRESHOLDS, confidence
from tests.integration.api import call, form, get
from tests.integration.conftest import TakePhoto, TakeQuery, close_services

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytestmark = pytest.mark.usefixtures("indexed")

KEY = "elton_john/0.jpg"
STORED = face_id(f"s3://photos/{KEY}", 0)
FACE = {"index", "box", "landmarks", "detection_score"}


@pytest.fixture
def kept(s3: "S3Client", bucket: str, photo: TakePhoto) -> bytes:
    """The photo of `STORED`, in the bucket."""
    data = photo("elton_john", 1)
    s3.put_object(Bucket=bucket, Key=KEY, Body=data)
    return data


def test_stored_face_is_told_with_its_photo_and_without_its_vector(
    photo: TakePhoto, pipeline: FacePipeline
) -> None:
    answer = get(f"/v1/faces/{STORED}")
    assert answer.status == 200
    face = answer.json
    assert set(face) == {
        "face_id",
        "photo_id",
        "index",
        "collection",
        "external_id",
        "metadata",
        "detection_score",
        "photo",
        "box",
        "landmarks",
        "hidden",
    }
    assert (face["face_id"], face["photo_id"]) == (STORED, f"s3://photos/{KEY}")
    analysed = analyse_photo(photo("elton_john", 1), pipeline)
    assert face["photo"] == {"width": analysed.width, "height": analysed.height}
    box = analysed.faces[0].detected.box
    assert face["box"]["left"] == pytest.approx(box.left, abs=0.01)
    assert face["landmarks"]["nose"]["x"] > face["landmarks"]["left_eye"]["x"]


def test_stored_face_is_told_with_what_was_asked_for(kept: bytes) -> None:
    face = get(f"/v1/faces/{STORED}", {"include": "thumbnails,photo_urls"}).json
    drawn = base64.b64decode(face["thumbnail"].removeprefix("data:image/jpeg;base64,"))
    assert drawn == get(f"/v1/faces/{STORED}/thumbnail").body
    assert "/photos/elton_john/0.jpg?" in face["photo_url"]


@pytest.mark.usefixtures("kept")
def test_thumbnail_is_a_square_jpeg_that_only_its_reader_may_keep() -> None:
    answer = get(f"/v1/faces/{STORED}/thumbnail")
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "private, max-age=300"
    with Image.open(io.BytesIO(answer.body)) as image:
        assert (image.format, image.size) == ("JPEG", (216, 216))


@pytest.mark.usefixtures("bucket")
def test_thumbnail_of_a_photo_that_is_gone_is_not_found() -> None:
    answer = get(f"/v1/faces/{STORED}/thumbnail")
    assert (answer.status, answer.json["code"]) == (404, "not_found")
    assert "photos" not in answer.json["detail"]


@pytest.mark.usefixtures("aws")
def test_thumbnail_from_a_bucket_that_does_not_answer_can_be_tried_again() -> None:
    answer = get(f"/v1/faces/{STORED}/thumbnail")
    assert (answer.status, answer.json["code"]) == (503, "read_error")


@pytest.mark.parametrize("path", ["", "/thumbnail", "/matches"])
@pytest.mark.parametrize(
    "unknown", ["x-0", f"{'0' * 32}-0", f"{STORED[:-1]}7", STORED[:-2], "..", "%2e"]
)
def test_unknown_face_is_not_found(path: str, unknown: str) -> None:
    answer = get(f"/v1/faces/{unknown}{path}")
    assert (answer.status, answer.json["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["", "/thumbnail", "/matches"])
def test_face_where_nothing_was_indexed_is_not_found(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACESEARCH_STORE", f"sqlite:///{tmp_path}/none.db")
    close_services()
    answer = get(f"/v1/faces/{STORED}{path}")
    assert (answer.status, answer.json["code"]) == (404, "not_found")
    assert str(tmp_path) not in answer.json["detail"]


def test_matches_of_a_stored_face_are_those_of_a_search_by_its_id() -> None:
    answer = get(f"/v1/faces/{STORED}/matches", {"k": "4", "include": ""})
    assert answer.status == 200
    assert answer.people[:2] == ["elton_john"] * 2
    assert answer.json == call({"face_id": STORED, "k": 4, "include": []}).json
    assert get(f"/v1/faces/{STORED}/matches", {"face": "0"}).status == 400


def test_detect_tells_faces_with_their_quality(query: TakeQuery) -> None:
    photo = query("madonna")
    answer = call(photo, path="/v1/detect")
    assert answer.status == 200
    with Image.open(io.BytesIO(photo)) as image:
        assert answer.json["photo"] == {"width": image.width, "height": image.height}
    (face,) = answer.json["faces"]
    assert set(face) == FACE | {"quality"}
    quality = face["quality"]
    assert quality["size"] == min(face["box"]["width"], face["box"]["height"])
    assert 0 < quality["brightness"] < 1
    assert quality["sharpness"] > 0
    assert set(quality["pose"]) == {"yaw", "pitch", "roll"}
    # The same face as the one that a search finds.
    (searched,) = call(photo).json["faces"]
    assert {name: face[name] for name in FACE} == searched


def test_detect_takes_photos_in_every_way(kept: bytes) -> None:
    by_bytes = call(kept, path="/v1/detect", query={"include": "thumbnails"})
    assert by_bytes.json["faces"][0]["thumbnail"].startswith("data:image/jpeg;base64,")
    image = base64.b64encode(kept).decode()
    for other in (
        call({"photo": image, "include": ["thumbnails"]}, path="/v1/detect"),
        call({"s3_key": KEY, "include": ["thumbnails"]}, path="/v1/detect"),
        call(**form(("photo", kept), ("include", "thumbnails")), path="/v1/detect"),
    ):
        assert other.json == by_bytes.json


def test_detect_in_a_photo_without_faces_finds_none() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (320, 200)).save(buffer, "PNG")
    answer = call(buffer.getvalue(), path="/v1/detect")
    assert answer.status == 200
    assert answer.json == {"photo": {"width": 320, "height": 200}, "faces": []}


def test_detect_in_what_is_no_photo_says_so() -> None:
    answer = call(b"hello", path="/v1/detect")
    assert (answer.status, answer.json["code"]) == (415, "not_an_image")


def test_compare_tells_one_person_from_two(query: TakeQuery, photo: TakePhoto) -> None:
    same = call(
        **form(("one", query("elton_john")), ("other", photo("elton_john", 3))), path="/v1/compare"
    )
    assert same.status == 200
    assert same.json["same_person"] is True
    other = call(
        **form(("one", query("elton_john")), ("other", query("madonna"))), path="/v1/compare"
    )
    assert other.json["same_person"] is False
    assert other.json["distance"] > same.json["distance"]
    for answer in (same.json, other.json):
        assert answer["confidence"] == pytest.approx(confidence(answer["distance"]), abs=1e-4)
        assert set(answer["one"]) == set(answer["other"]) == FACE
        assert [each["false_accept_rate"] for each in answer["thresholds"]] == [1e-2, 1e-3, 1e-4]
        for threshold, known in zip(answer["thresholds"], THRESHOLDS, strict=True):
            assert threshold["accepted"] == (answer["distance"] <= known.distance)
            assert threshold["true_accept_rate"] == known.true_accept_rate
    assert not any(each["accepted"] for each in other.json["thresholds"])


def test_compare_takes_photos_keys_and_stored_faces(
    kept: bytes, query: TakeQuery, pipeline: FacePipeline
) -> None:
    one, other = (analyse_photo(data, pipeline).faces[0] for data in (kept, query("elton_john")))
    image = base64.b64encode(query("elton_john")).decode()
    for first in ({"face_id": STORED}, {"s3_key": KEY}, {"photo": base64.b64encode(kept).decode()}):
        answer = call({"one": first, "other": {"photo": image}}, path="/v1/compare")
        assert answer.json["distance"] == pytest.approx(
            compare_faces(one, other, pipeline.recipe).distance, abs=1e-4
        )
        assert answer.json["one"]["box"] == get(f"/v1/faces/{STORED}").json["box"]
    itself = call({"one": {"face_id": STORED}, "other": {"face_id": STORED}}, path="/v1/compare")
    assert (itself.json["distance"], itself.json["same_person"]) == (0, True)
    body = {"one": {"face_id": STORED}, "other": {"photo": image}, "include": ["thumbnails"]}
    drawn = call(body, path="/v1/compare").json
    stored = get(f"/v1/faces/{STORED}", {"include": "thumbnails"}).json
    assert drawn["one"]["thumbnail"] == stored["thumbnail"]
    assert drawn["other"]["thumbnail"].startswith("data:image/jpeg;base64,")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "invalid_request"),
        ({"one": {"face_id": STORED}}, 400, "invalid_request"),
        ({"one": {"face_id": STORED}, "other": {"face_id": "x-0"}}, 404, "not_found"),
        ({"one": {"face_id": STORED}, "other": {"photo": "aGk="}}, 415, "not_an_image"),
        (b"hello", 415, "not_an_image"),
    ],
)
def test_compare_that_cannot_be_answered_says_why(
    body: dict[str, object] | bytes, status: int, code: str
) -> None:
    answer = call(body, path="/v1/compare")
    assert (answer.status, answer.json["code"]) == (status, code)


def test_stored_faces_of_another_recipe_are_a_conflict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/other.db"
    with open_store(url, Recipe("a", "b", "c")) as store:
        store.write([Removal("s3://photos/x", 1)])
    monkeypatch.setenv("FACESEARCH_STORE", url)
    close_services()
    both = {"one": {"face_id": STORED}, "other": {"face_id": STORED}}
    for answer in (
        get(f"/v1/faces/{STORED}"),
        get(f"/v1/faces/{STORED}/matches"),
        get(f"/v1/faces/{STORED}/thumbnail"),
        call(both, path="/v1/compare"),
    ):
        assert (answer.status, answer.json["code"]) == (409, "recipe_mismatch")
        assert str(tmp_path) not in answer.json["detail"]
