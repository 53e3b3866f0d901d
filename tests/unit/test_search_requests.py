"""Search requests: what is asked for, and what is wrong with those that cannot be answered."""

import base64
import json

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

from facesearch.errors import InvalidRequest, NotAnImage
from facesearch.searching import Scope
from search_faces.requests import BucketQuery, FaceQuery, PhotoQuery, SearchRequest, parse_search
from tests.events.loading import load

PHOTO = b"\xff\xd8 a photo \x00"


def parse(
    body: bytes | object, *, content_type: str | None = None, query: dict[str, str] | None = None
) -> SearchRequest:
    """The request with this body: bytes as a photo, anything else as JSON."""
    event = load("api_gateway_rest_search")
    event["queryStringParameters"] = query
    if isinstance(body, bytes):
        data, kind = body, content_type or "image/jpeg"
    else:
        data, kind = json.dumps(body).encode(), content_type or "application/json"
    event["headers"]["Content-Type"] = kind
    event["body"] = base64.b64encode(data).decode() or None
    return parse_search(APIGatewayProxyEvent(event))


@pytest.mark.parametrize("kind", ["image/jpeg", "IMAGE/PNG", "application/octet-stream", "image/x"])
def test_bytes_are_the_photo(kind: str) -> None:
    assert parse(PHOTO, content_type=kind) == SearchRequest(PhotoQuery(PHOTO), Scope())


def test_body_without_a_type_is_taken_for_a_photo() -> None:
    event = load("api_gateway_rest_search")
    del event["headers"]["Content-Type"]
    assert parse_search(APIGatewayProxyEvent(event)).query == PhotoQuery(b"hello")


def test_headers_count_whatever_their_case() -> None:
    event = load("api_gateway_rest_search")
    event["headers"] = {"content-TYPE": "application/json; charset=utf-8"}
    event["body"], event["isBase64Encoded"] = '{"face_id": "x-0"}', False
    assert parse_search(APIGatewayProxyEvent(event)).query == FaceQuery("x-0")


@pytest.mark.parametrize("encode", [base64.b64encode, base64.encodebytes])
def test_image_in_json_is_the_photo(encode: object) -> None:
    assert callable(encode)
    assert parse({"image": encode(PHOTO * 20).decode()}).query == PhotoQuery(PHOTO * 20)


def test_key_and_face_id_name_what_is_stored() -> None:
    assert parse({"s3_key": "a b/c.jpg"}).query == BucketQuery("a b/c.jpg")
    assert parse({"face_id": "0a-1"}).query == FaceQuery("0a-1")


def test_options_may_stand_in_the_address_or_in_the_body() -> None:
    scope = Scope(k=7, collection="wedding", metadata={"album": "summer", "by": "Zoë"})
    query = {"k": "7", "collection": "wedding", "metadata.album": "summer", "metadata.by": "Zoë"}
    assert parse(PHOTO, query=query).scope == scope
    body = {
        "face_id": "x-0",
        "k": 7,
        "collection": "wedding",
        "metadata": {"album": "summer", "by": "Zoë"},
    }
    assert parse(body).scope == scope
    assert parse({"face_id": "x-0", "k": 7}, query={"collection": "a"}).scope == Scope(7, "a")


@pytest.mark.parametrize("k", ["0", "101", "-1", "", "ten", "1.5", "٣", "9" * 5000])
def test_k_in_the_address_that_is_no_number_from_1_to_100_is_refused(k: str) -> None:
    with pytest.raises(InvalidRequest, match="k is"):
        parse(PHOTO, query={"k": k})


@pytest.mark.parametrize("k", [0, 101, -1, 1.5, True, "20", None, [1], 10**400])
def test_k_in_the_body_that_is_no_number_from_1_to_100_is_refused(k: object) -> None:
    with pytest.raises(InvalidRequest, match="k is"):
        parse({"face_id": "x-0", "k": k})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "nothing to search for was given"),
        ({"k": 5}, "nothing to search for was given"),
        ({"image": "aGk=", "face_id": "x-0"}, "image and face_id was given"),
        ([1], "not a JSON object"),
        ("text", "not a JSON object"),
        (None, "not a JSON object"),
        ({"image": 7}, "image is not a text"),
        ({"image": ""}, "image is not a text, or empty"),
        ({"image": "é"}, "image is not base64"),
        ({"image": "a"}, "image is not base64"),
        ({"image": "%%%%"}, "image is not base64"),
        ({"face_id": None}, "face_id is not a text"),
        ({"s3_key": "\ud800"}, "s3_key is not valid Unicode"),
        ({"face_id": "x-0", "colection": "a"}, "'colection' is not understood"),
        ({"face_id": "x-0", "collection": 1}, "collection is not a text"),
        ({"face_id": "x-0", "metadata": ["a"]}, "metadata is not an object"),
        ({"face_id": "x-0", "metadata": {"a": 1}}, r"metadata\.a is not a text"),
    ],
)
def test_body_that_is_not_a_search_is_named(body: object, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        parse(body)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000])
def test_body_that_is_not_json_is_named(text: bytes) -> None:
    with pytest.raises(InvalidRequest, match="not JSON"):
        parse(text, content_type="application/json")


@pytest.mark.parametrize("kind", ["text/html", "application/x-www-form-urlencoded", "nonsense"])
def test_body_of_another_type_is_refused_with_the_types_that_are_taken(kind: str) -> None:
    with pytest.raises(NotAnImage, match="send a photo as image/jpeg"):
        parse(PHOTO, content_type=kind)


def test_option_given_twice_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="k is given in the address and in the body"):
        parse({"face_id": "x-0", "k": 5}, query={"k": "6"})


def test_unknown_parameter_is_named() -> None:
    with pytest.raises(InvalidRequest, match="'limit' is not understood"):
        parse(PHOTO, query={"limit": "5"})
