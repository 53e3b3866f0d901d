"""What a search may be told: which faces, how many and how near, several photos, what to add."""

import base64
import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image

from facesearch import searching
from facesearch.expansion import NEIGHBOURS
from facesearch.faces import (
    BoundingBox,
    DetectedFace,
    EmbeddedFace,
    IndexedPhoto,
    Landmarks,
    Photo,
    Point,
    face_id,
)
from facesearch.searching import analyse_photo
from facesearch.stores import open_store
from facesearch.vision import images
from facesearch.vision.decoding import DecodedImage, decode_jpeg
from facesearch.vision.pipeline import FacePipeline
from search_faces.contract import extras
from search_faces.handler import handler
from tests.events.loading import Context, load
from tests.facenet import SURE_DISTANCE
from tests.integration.api import ApiAnswer, Json, call, form, get
from tests.integration.conftest import TakePhoto, TakeQuery, close_services

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytestmark = pytest.mark.usefixtures("indexed")

STORED = face_id("s3://photos/elton_john/0.jpg", 0)


def jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def side_by_side(*photos: bytes) -> bytes:
    """One photo of several, each as high as the first times its place: no two faces alike large."""
    images = [Image.open(io.BytesIO(photo)).convert("RGB") for photo in photos]
    sizes = [300 - 60 * place for place in range(len(images))]
    scaled = [
        image.resize((image.width * size // image.height, size))
        for image, size in zip(images, sizes, strict=True)
    ]
    page = Image.new("RGB", (sum(image.width for image in scaled), 300), "grey")
    left = 0
    for image in scaled:
        page.paste(image, (left, 0))
        left += image.width
    return jpeg(page)


def picture(data_url: str) -> Image.Image:
    head, _, text = data_url.partition(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(text)))


@pytest.fixture
def crowd(pipeline: FacePipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store of 250 photos of nobody in particular; returns the id of one's face."""
    random = np.random.default_rng(5)
    place = Point(1, 1)
    found = DetectedFace(BoundingBox(0, 0, 2, 2), Landmarks(*[place] * 5), 0.99)
    centre = random.normal(size=128)
    photos = []
    for number in range(250):
        vector = centre + random.normal(size=128) * (number + 1) / 100
        embedding = (vector / np.linalg.norm(vector)).astype(np.float32)
        photo = Photo(f"s3://photos/{number}.jpg", 1, width=2, height=2)
        photos.append(IndexedPhoto(photo, (EmbeddedFace(found, embedding),)))
    url = f"sqlite:///{tmp_path}/crowd.db"
    with open_store(url, pipeline.recipe) as store:
        store.write(photos)
    monkeypatch.setenv("FACESEARCH_STORE", url)
    close_services()
    return face_id("s3://photos/0.jpg", 0)


def pages(path: str, **options: str) -> Iterator[Json]:
    """Every result of a search, a page at a time."""
    offset: int | None = 0
    while offset is not None:
        answer = get(path, {**options, "offset": str(offset)})
        assert answer.status == 200, answer.json
        (result,) = answer.json["results"]
        yield result
        offset = result["next"]


def test_pages_put_together_are_all_faces_nearest_first_each_once(crowd: str) -> None:
    found = list(pages(f"/v1/faces/{crowd}/matches", k="100"))
    assert [len(page["matches"]) for page in found] == [100, 100, 49]
    assert [page["next"] for page in found] == [100, 200, None]
    matches = [match for page in found for match in page["matches"]]
    assert len({match["face_id"] for match in matches} | {crowd}) == 250
    distances = [match["distance"] for match in matches]
    assert distances == sorted(distances)
    odd = [
        match for page in pages(f"/v1/faces/{crowd}/matches", k="83") for match in page["matches"]
    ]
    assert odd == matches


def test_page_that_ends_exactly_at_the_last_face_is_the_last(crowd: str) -> None:
    (result,) = call({"face_id": crowd, "k": 49, "offset": 200}).json["results"]
    assert (len(result["matches"]), result["next"]) == (49, None)
    (behind,) = call({"face_id": crowd, "offset": 9900}).json["results"]
    assert (behind["matches"], behind["next"]) == ([], None)


def test_only_matches_as_near_as_asked_for_are_told(crowd: str) -> None:
    path = f"/v1/faces/{crowd}/matches"
    everyone = [match for page in pages(path, k="100") for match in page["matches"]]
    limit = everyone[120]["distance"] + 1e-6
    near = [
        match for page in pages(path, k="100", max_distance=str(limit)) for match in page["matches"]
    ]
    assert near == everyone[:121]
    assert get(path, {"max_distance": "0"}).matches == []


def test_distance_and_confidence_are_two_ways_to_say_the_same(query: TakeQuery) -> None:
    photo = query("madonna")
    everyone = call(photo).matches
    assert {True, False} == {match["confidence"] >= 0.7 for match in everyone}
    likely = call(photo, query={"min_confidence": "0.7"}).matches
    assert likely == [match for match in everyone if match["confidence"] >= 0.7]
    limit = likely[-1]["distance"] + 1e-6
    assert call(photo, query={"max_distance": str(limit)}).matches == likely
    # Of both, the stricter counts.
    nearest = str(likely[0]["distance"] + 1e-6)
    assert (
        call(photo, query={"max_distance": nearest, "min_confidence": "0.7"}).matches == likely[:1]
    )
    assert call(photo, query={"max_distance": "2", "min_confidence": "0.7"}).matches == likely
    assert call(photo, query={"min_confidence": "0"}).matches == everyone


def test_each_face_of_a_photo_may_be_searched_for(query: TakeQuery) -> None:
    names = ["madonna", "elton_john", "ben_afflek"]
    group = side_by_side(*map(query, names))
    largest = call(group, query={"k": "3"})
    faces = largest.json["faces"]
    # The detector may take something small for one more.
    assert [face["index"] for face in faces][:3] == [0, 1, 2]
    assert largest.json["results"][0]["face"] == 0
    whole = call(group, query={"k": "3", "face": "all"}).json["results"]
    assert [result["face"] for result in whole] == [face["index"] for face in faces]
    found = [{m["photo_id"].split("/")[3] for m in result["matches"]} for result in whole[:3]]
    assert sorted(found, key=str) == sorted(({name} for name in names), key=str)
    for index in range(3):
        answer = call(group, query={"k": "3", "face": str(index)})
        assert answer.json["results"] == [whole[index]]


def test_face_that_the_photo_does_not_have_is_named(query: TakeQuery) -> None:
    answer = call(query("madonna"), query={"face": "1"})
    assert (answer.status, answer.json["code"]) == (400, "invalid_request")
    assert "face is 1, but the photo has 1" in answer.json["detail"]


def test_too_many_matches_for_all_faces_of_a_crowd_are_refused(query: TakeQuery) -> None:
    portrait = Image.open(io.BytesIO(query("madonna"))).convert("RGB").resize((150, 180))
    crowd = Image.new("RGB", (7 * 150, 4 * 180))
    for place in range(28):
        crowd.paste(portrait, (place % 7 * 150, place // 7 * 180))
    answer = call(jpeg(crowd), query={"face": "all", "k": "100"})
    assert answer.status == 400
    assert "too many for 100 matches of each: lower k to" in answer.json["detail"]


def test_several_photos_are_averaged_into_one_query(
    photo: TakePhoto, query: TakeQuery, pipeline: FacePipeline, indexed_file: Path
) -> None:
    photos = [query("elton_john"), photo("elton_john", 5), photo("elton_john", 6)]
    answer = call(**form(*(("photo", each) for each in photos), ("k", "15")))
    assert (answer.json["photo"], answer.json["faces"]) == (None, [])
    assert answer.people[:3] == ["elton_john"] * 3
    faces = [analyse_photo(each, pipeline).faces[0].embedding for each in photos]
    mean = np.mean(faces, axis=0)
    with open_store(f"sqlite:///{indexed_file}", pipeline.recipe) as store:
        expected = store.search((mean / np.linalg.norm(mean)).astype(np.float32), 15)
    assert [match["face_id"] for match in answer.matches] == [
        match.stored.face_id for match in expected
    ]
    assert [match["distance"] for match in answer.matches] == pytest.approx(
        [match.distance for match in expected], abs=1e-4
    )
    as_json = call({"photo": [base64.b64encode(each).decode() for each in photos], "k": 15})
    assert as_json.json == answer.json


def test_stored_faces_join_photos_and_are_left_out(query: TakeQuery) -> None:
    image = base64.b64encode(query("elton_john")).decode()
    answer = call({"photo": image, "face_id": STORED, "k": 2})
    assert answer.people == ["elton_john"] * 2
    assert STORED not in {match["face_id"] for match in answer.matches}


def test_bad_photo_among_several_is_named_by_its_place(query: TakeQuery) -> None:
    good, blank = query("madonna"), jpeg(Image.new("RGB", (300, 300)))
    answer = call(**form(("photo", good), ("photo", b"hello")))
    assert (answer.status, answer.json["code"]) == (415, "not_an_image")
    assert answer.json["detail"].startswith("photo 2: ")
    answer = call(**form(("photo", blank), ("photo", good)))
    assert (answer.status, answer.json["code"]) == (422, "no_face")
    assert answer.json["detail"].startswith("photo 1: no face was found")
    image = base64.b64encode(good).decode()
    answer = call({"photo": image, "face_id": "x-0"})
    assert (answer.status, answer.json["code"]) == (404, "not_found")


def test_expanded_search_keeps_the_sure_and_looks_for_what_they_have_in_common(
    query: TakeQuery, pipeline: FacePipeline, indexed_file: Path
) -> None:
    photo = query("jerry_seinfeld")
    plain, expanded = call(photo).matches, call(photo, query={"expand": "true"}).matches
    (face,) = analyse_photo(photo, pipeline).faces
    with open_store(f"sqlite:///{indexed_file}", pipeline.recipe) as store:
        sure = [each for each in store.search(face.embedding, 20) if each.distance <= SURE_DISTANCE]
        assert 0 < len(sure) < 20
        nearest = [each.stored.face.embedding for each in sure[:NEIGHBOURS]]
        mean = np.mean([face.embedding, *nearest], axis=0)
        found = store.search(mean / np.linalg.norm(mean), 20)
    assert expanded[: len(sure)] == plain[: len(sure)]
    known = {each.stored.face_id for each in sure}
    others = [each for each in found if each.stored.face_id not in known]
    rest = expanded[len(sure) :]
    assert [match["face_id"] for match in rest] == [
        each.stored.face_id for each in others[: len(rest)]
    ]
    assert all(match["distance"] >= SURE_DISTANCE for match in rest)
    assert [match["face_id"] for match in rest] != [
        match["face_id"] for match in plain[len(sure) :]
    ]
    assert call(photo, query={"expand": "false"}).matches == plain


def test_expanded_search_with_nothing_sure_is_the_plain_search(query: TakeQuery) -> None:
    elsewhere = {"collection": "music"}
    plain = call(query("ben_afflek"), query=elsewhere)
    assert plain.matches[0]["distance"] > SURE_DISTANCE
    assert call(query("ben_afflek"), query={**elsewhere, "expand": "true"}).json == plain.json


def test_expanded_search_from_a_stored_face_leaves_it_out() -> None:
    matches = get(f"/v1/faces/{STORED}/matches", {"expand": "true", "k": "2"})
    assert matches.people == ["elton_john"] * 2
    assert STORED not in {match["face_id"] for match in matches.matches}


def test_form_gives_what_the_bytes_alone_give(query: TakeQuery) -> None:
    photo = query("jerry_seinfeld")
    assert call(**form(("photo", photo), ("k", "4"))).json == call(photo, query={"k": "4"}).json


@pytest.fixture
def kept(s3: "S3Client", bucket: str, photo: TakePhoto) -> dict[str, bytes]:
    """Madonna's indexed photos, in the bucket: all but the last."""
    photos = {f"madonna/{number}.jpg": photo("madonna", number + 1) for number in range(3)}
    for key in ("madonna/0.jpg", "madonna/1.jpg"):
        s3.put_object(Bucket=bucket, Key=key, Body=photos[key])
    return photos


@pytest.mark.usefixtures("kept")
def test_thumbnails_show_the_faces_found_and_those_of_the_query(query: TakeQuery) -> None:
    options = {"collection": "music", "include": "thumbnails"}
    answer = call(query("madonna"), query=options)
    thumbnails = {match["photo_id"]: match["thumbnail"] for match in answer.matches}
    assert thumbnails.pop("s3://photos/madonna/2.jpg") is None, "that photo is gone"
    assert len(thumbnails) == 2
    (face,) = answer.json["faces"]
    for url in (*thumbnails.values(), face["thumbnail"]):
        with picture(url) as image:
            assert (image.format, image.size) == ("JPEG", (216, 216))
            assert np.asarray(image).std() > 20
    assert all("box" not in match for match in answer.matches)


def test_photo_urls_open_the_photos_in_the_bucket(kept: dict[str, bytes], query: TakeQuery) -> None:
    options = {"collection": "music", "include": "boxes,photo_urls"}
    matches = call(query("madonna"), query=options).matches
    assert len({match["photo_url"] for match in matches}) == 3
    for match in matches:
        assert "X-Amz-Expires=300" in match["photo_url"]
        assert {"box"} == set(match) & {"box", "thumbnail"}
    (first,) = (match for match in matches if match["photo_id"] == "s3://photos/madonna/0.jpg")
    with urlopen(first["photo_url"]) as response:  # noqa: S310 (the test's own server)
        assert response.read() == kept["madonna/0.jpg"]


def test_nothing_is_told_that_was_not_asked_for(query: TakeQuery) -> None:
    (match, *_) = call(query("madonna"), query={"include": ""}).matches
    assert not {"box", "thumbnail", "photo_url"} & set(match)


def test_photos_that_are_files_have_thumbnails_but_no_urls(
    sample: Path, pipeline: FacePipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = sorted((sample / "train" / "madonna").iterdir())[1]
    analysed = analyse_photo(file.read_bytes(), pipeline)
    url = f"sqlite:///{tmp_path}/files.db"
    with open_store(url, pipeline.recipe) as store:
        photo = Photo(file.resolve().as_uri(), 1, width=analysed.width, height=analysed.height)
        store.write([IndexedPhoto(photo, analysed.faces)])
    monkeypatch.setenv("FACESEARCH_STORE", url)
    close_services()
    answer = call(file.read_bytes(), query={"include": "thumbnails,photo_urls"})
    (match,) = answer.matches
    assert match["photo_url"] is None
    assert match["thumbnail"] == answer.json["faces"][0]["thumbnail"]


def test_more_thumbnails_than_an_answer_holds_are_refused(
    photo: TakePhoto, query: TakeQuery, pipeline: FacePipeline, crowd: str
) -> None:
    group = side_by_side(query("madonna"), query("elton_john"), query("ben_afflek"))
    answer: ApiAnswer = call(group, query={"face": "all", "k": "100", "include": "thumbnails"})
    assert (answer.status, answer.json["code"]) == (400, "invalid_request")
    assert "thumbnails, 200 fit: lower k" in answer.json["detail"]


def test_query_photo_is_decoded_once_for_its_search_and_its_faces_thumbnails(
    query: TakeQuery, tmp_path: Path, pipeline: FacePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing is stored: only the query's own photo is there to be decoded.
    monkeypatch.setenv("FACESEARCH_STORE", f"sqlite:///{tmp_path}/empty.db")
    close_services()
    decoded: list[bytes] = []

    def counted(data: bytes) -> DecodedImage:
        decoded.append(data)
        return decode_jpeg(data)

    monkeypatch.setattr(images, "decode_jpeg", counted)
    answer = call(query("madonna"), query={"include": "thumbnails"})
    (face,) = answer.json["faces"]
    assert face["thumbnail"].startswith("data:image/jpeg;base64,")
    assert len(decoded) == 1


@pytest.mark.usefixtures("indexed")
def test_least_detection_score_leaves_out_faces_in_doubt(query: TakeQuery) -> None:
    photo = query("madonna")
    everything = call(photo, query={"k": "100"}).matches
    scores = sorted(match["detection_score"] for match in everything)
    least = scores[len(scores) // 2]
    # Answers are rounded.
    kept = call(photo, query={"k": "100", "min_detection_score": f"{least - 1e-6:.7f}"}).matches
    assert 0 < len(kept) < len(everything)
    assert min(match["detection_score"] for match in kept) >= least
    body = {"face_id": everything[0]["face_id"], "min_detection_score": 1.01}
    refused = call(body)
    assert refused.status == 400
    assert refused.json["detail"] == "min_detection_score is 1.01: use 0 to 1"


def test_number_that_is_not_whole_is_refused(query: TakeQuery) -> None:
    for text in ("1e1", "10.0", "0x10", "1_0"):
        answer = call(query("madonna"), query={"k": text})
        assert answer.status == 400
        assert answer.json["detail"].endswith(": use a whole number")


def test_problem_does_not_repeat_all_that_was_sent(query: TakeQuery) -> None:
    for body in ({"face_id": "x" * 2_000_000}, {"face_id": ["x" * 900_000 + "-0"]}):
        answer = call(body)
        assert (answer.status, answer.json["code"]) == (404, "not_found")
        assert len(answer.body) < 1000
    photo = base64.b64encode(query("madonna")).decode()
    answer = call({"photo": photo, "face": 10**400})
    assert answer.status == 400
    assert len(answer.body) < 1000


def test_compressed_bodies_are_refused_by_name_in_lambda(query: TakeQuery) -> None:
    event = load("api_gateway_rest_search")
    event["headers"] |= {"Content-Type": "image/jpeg", "Content-Encoding": "gzip"}
    event["body"] = base64.b64encode(gzip.compress(query("madonna"))).decode()
    event["isBase64Encoded"] = True
    answer = ApiAnswer(handler(event, Context("search_faces")))
    assert (answer.status, answer.json["code"]) == (400, "invalid_request")
    assert "'gzip'" in answer.json["detail"]


def test_photos_of_one_person_are_bounded_by_their_pixels_together(
    query: TakeQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = query("madonna")
    with Image.open(io.BytesIO(photo)) as image:
        pixels = image.width * image.height
    monkeypatch.setattr(searching, "MAX_PIXELS", 3 * pixels)
    assert call(**form(*[("photo", photo)] * 3)).status == 200
    answer = call(**form(*[("photo", photo)] * 4))
    assert (answer.status, answer.json["code"]) == (413, "image_too_large")
    assert "pixels together: send fewer" in answer.json["detail"]


def test_thumbnails_of_the_query_s_faces_count_against_the_limit(
    query: TakeQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = side_by_side(query("madonna"), query("elton_john"))
    faces = len(call(group, path="/v1/detect").json["faces"])
    assert faces > 1
    monkeypatch.setattr(extras, "MAX_THUMBNAILS", 1)
    for path in ("/v1/detect", "/v1/search"):
        answer = call(group, path=path, query={"include": "thumbnails"})
        assert answer.status == 400
        assert "thumbnails, 1 fit" in answer.json["detail"]
    monkeypatch.setattr(extras, "MAX_THUMBNAILS", faces)
    assert call(group, path="/v1/detect", query={"include": "thumbnails"}).status == 200
    assert call(group, query={"include": "thumbnails", "k": "1"}).status == 400


def test_collection_that_is_not_there_is_not_found_and_those_there_are_are_named(
    query: TakeQuery,
) -> None:
    for answer in (
        call(query("madonna"), query={"collection": "musik"}),
        get(f"/v1/faces/{STORED}/matches", {"collection": "musik"}),
    ):
        assert (answer.status, answer.json["code"]) == (404, "not_found")
        assert "there is no collection 'musik'" in answer.json["detail"]
        assert "('default', 'music')" in answer.json["detail"]
    nothing = call(query("madonna"), query={"collection": "music", "max_distance": "0"})
    assert (nothing.status, nothing.matches) == (200, [])
