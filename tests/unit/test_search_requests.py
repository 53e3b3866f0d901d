"""Search requests: what is asked for, and what is wrong with those that cannot be answered."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

from facesearch.errors import InvalidRequest, NotAnImage
from facesearch.searching import Scope
from search_faces.requests import (
    SearchRequest,
    parse_compare,
    parse_detect,
    parse_include,
    parse_matches,
    parse_search,
)
from search_faces.requests.options import Include
from search_faces.requests.queries import BucketQuery, FaceQuery, PhotoQuery
from tests.events.loading import load

PHOTO = b"\xff\xd8 a photo \x00"

Texts = Mapping[str, str | Sequence[str]]


def event_of(
    body: bytes | object = b"", *, content_type: str | None = None, query: Texts | None = None
) -> APIGatewayProxyEvent:
    """A request with this body: bytes as a photo, anything else as JSON."""
    event = load("api_gateway_rest_search")
    texts = {
        name: [text] if isinstance(text, str) else text for name, text in (query or {}).items()
    }
    event["queryStringParameters"] = {name: each[-1] for name, each in texts.items()} or None
    event["multiValueQueryStringParameters"] = texts or None
    if isinstance(body, bytes):
        data, kind = body, content_type or "image/jpeg"
    else:
        data, kind = json.dumps(body).encode(), content_type or "application/json"
    event["headers"]["Content-Type"] = kind
    event["body"] = base64.b64encode(data).decode() or None
    return APIGatewayProxyEvent(event)


def parse(
    body: bytes | object, *, content_type: str | None = None, query: Texts | None = None
) -> SearchRequest:
    return parse_search(event_of(body, content_type=content_type, query=query))


def field(name: str, value: bytes, *, file: str | None = None) -> bytes:
    """A part of a form, as browsers write it."""
    more = f'; filename="{file}"\r\nContent-Type: image/jpeg' if file is not None else ""
    head = f'Content-Disposition: form-data; name="{name}"{more}'
    return head.encode() + b"\r\n\r\n" + value


def form(*fields: bytes, boundary: str = "-----WebKit7MA4") -> dict[str, Any]:
    """A form as the arguments of `event_of`."""
    mark = f"--{boundary}".encode()
    body = b"".join(mark + b"\r\n" + each + b"\r\n" for each in fields) + mark + b"--\r\n"
    return {"body": body, "content_type": f"multipart/form-data; boundary={boundary}"}


def searched(request: SearchRequest) -> object:
    """The only thing that is searched for."""
    (query,) = request.queries
    return query


@pytest.mark.parametrize("kind", ["image/jpeg", "IMAGE/PNG", "application/octet-stream", "image/x"])
def test_bytes_are_the_photo(kind: str) -> None:
    assert parse(PHOTO, content_type=kind) == SearchRequest(
        (PhotoQuery(PHOTO),), Scope(), 0, Include(boxes=True)
    )


def test_body_without_a_type_is_taken_for_a_photo() -> None:
    event = load("api_gateway_rest_search")
    del event["headers"]["Content-Type"]
    assert searched(parse_search(APIGatewayProxyEvent(event))) == PhotoQuery(b"hello")


def test_headers_count_whatever_their_case() -> None:
    event = load("api_gateway_rest_search")
    event["headers"] = {"content-TYPE": "application/json; charset=utf-8"}
    event["body"], event["isBase64Encoded"] = '{"face_id": "x-0"}', False
    assert searched(parse_search(APIGatewayProxyEvent(event))) == FaceQuery("x-0")


@pytest.mark.parametrize("encode", [base64.b64encode, base64.encodebytes])
def test_image_in_json_is_the_photo(encode: object) -> None:
    assert callable(encode)
    assert searched(parse({"image": encode(PHOTO * 20).decode()})) == PhotoQuery(PHOTO * 20)


def test_key_and_face_id_name_what_is_stored() -> None:
    assert searched(parse({"s3_key": "a b/c.jpg"})) == BucketQuery("a b/c.jpg")
    assert searched(parse({"face_id": "0a-1"})) == FaceQuery("0a-1")


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
        ({"image": []}, "nothing to search for was given"),
        ({"k": 5}, "nothing to search for was given"),
        ({"face_id": ["x-0"] * 11}, "11 photos and faces were given: send at most 10"),
        ({"face_id": ["x-0", 7]}, "face_id is not a text"),
        ({"image": {"a": 1}}, "image is not a text"),
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
        ({"face_id": "x-0", "colection": "a"}, "'colection' is not understood: use k, offset"),
        ({"face_id": "x-0", "collection": 1}, "collection is not a text"),
        ({"face_id": "x-0", "collection": None}, "collection is not a text"),
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
    with pytest.raises(InvalidRequest, match="'k' is given in the address and in the body"):
        parse({"face_id": "x-0", "k": 5}, query={"k": "6"})


def test_unknown_parameter_is_named() -> None:
    with pytest.raises(InvalidRequest, match="'limit' is not understood: use k, offset, max_dist"):
        parse(PHOTO, query={"limit": "5"})


OPTIONS = {
    "k": 7,
    "offset": 40,
    "max_distance": 0.9,
    "min_confidence": 0.5,
    "collection": "wedding",
    "metadata": {"album": "summer", "by": "Zoë"},
    "face": 2,
    "include": ["thumbnails", "photo_urls"],
    "expand": True,
}
TEXTS = {
    "k": "7",
    "offset": "40",
    "max_distance": "0.9",
    "min_confidence": "5e-1",
    "collection": "wedding",
    "metadata.album": "summer",
    "metadata.by": "Zoë",
    "face": "2",
    "include": "thumbnails,photo_urls",
    "expand": "true",
}


def test_all_options_mean_the_same_in_the_address_in_a_form_and_in_json() -> None:
    in_address = parse(PHOTO, query=TEXTS)
    assert in_address == SearchRequest(
        (PhotoQuery(PHOTO),),
        Scope(
            k=7,
            collection="wedding",
            metadata={"album": "summer", "by": "Zoë"},
            offset=40,
            max_distance=0.9,
            min_confidence=0.5,
            expand=True,
        ),
        2,
        Include(boxes=False, thumbnails=True, photo_urls=True),
    )
    assert parse({"image": base64.b64encode(PHOTO).decode(), **OPTIONS}) == in_address
    fields = [field(name, text.encode()) for name, text in TEXTS.items()]
    assert parse(**form(*fields, field("photo", PHOTO, file="a.jpg"))) == in_address


@pytest.mark.parametrize("face", ["largest", 0])
def test_largest_face_is_the_first(face: object) -> None:
    assert parse(PHOTO, query={"face": str(face)}).face == 0
    assert parse({"s3_key": "a", "face": face}).face == 0


def test_all_faces_may_be_asked_for() -> None:
    assert parse(PHOTO, query={"face": "all"}).face == "all"
    assert parse({"s3_key": "a", "face": "all"}).face == "all"


def test_nothing_may_be_included() -> None:
    nothing = Include(boxes=False)
    assert parse(PHOTO, query={"include": ""}).include == nothing
    assert parse({"face_id": "x-0", "include": []}).include == nothing


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("offset", "-1", "offset is -1: use 0 to 9900"),
        ("offset", "9901", "offset is 9901: use 0 to 9900"),
        ("offset", "1.0", r"offset is '1\.0': use a whole number"),
        ("max_distance", "2.01", r"max_distance is 2\.01: use 0 to 2"),
        ("max_distance", "nan", "max_distance is 'nan': use a number"),
        ("max_distance", "1_0", "max_distance is '1_0': use a number"),
        ("max_distance", "", "max_distance is '': use a number"),
        ("max_distance", "1e999", "max_distance is inf: use a number"),
        ("min_confidence", "-0.1", r"min_confidence is -0\.1: use 0 to 1"),
        ("min_confidence", "80%", "min_confidence is '80%': use a number"),
        ("face", "biggest", "face is 'biggest': use largest, all, or the index"),
        ("face", "-1", "face is -1: use largest, all, or the index"),
        ("face", "", "face is ''"),
        ("include", "boxes,vectors", "include has 'vectors': use boxes, thumbnails, photo_urls"),
        ("include", ",", "include has ''"),
        ("expand", "yes", "expand is 'yes': use true or false"),
        ("expand", "", "expand is '': use true or false"),
        ("collection", "", "collection is not a text, or empty"),
        ("metadata", "x", "metadata is not an object"),
        ("metadata.a", "", r"metadata\.a is not a text, or empty"),
        ("limit" * 99, "1", "'limitlimit[limt]*… is not understood"),
    ],
)
def test_text_that_is_no_value_of_its_option_is_named(name: str, text: str, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        parse(PHOTO, query={name: text})
    with pytest.raises(InvalidRequest, match=message):
        parse(**form(field("photo", PHOTO, file="a"), field(name, text.encode())))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("offset", "5", "offset is '5': use a whole number"),
        ("offset", True, "offset is True: use a whole number"),
        ("max_distance", "0.5", r"max_distance is '0\.5': use a number"),
        ("max_distance", False, "max_distance is False: use a number"),
        ("max_distance", None, "max_distance is None: use a number"),
        ("max_distance", float("nan"), "max_distance is nan: use a number"),
        ("max_distance", 10**400, "max_distance is 1000+…: use a number"),
        ("min_confidence", 1.01, r"min_confidence is 1\.01: use 0 to 1"),
        ("face", 1.0, r"face is 1\.0: use largest"),
        ("face", True, "face is True: use largest"),
        ("face", -1, "face is -1: use largest"),
        ("face", ["all"], r"face is \['all'\]: use largest"),
        ("expand", "true", "expand is 'true': use true or false"),
        ("expand", 1, "expand is 1: use true or false"),
        ("include", "boxes", "include is 'boxes': use a list"),
        ("include", [1], "include has 1: use boxes"),
        ("include", [["boxes"]], "include has"),
        ("include", {"boxes": 1}, "include is"),
    ],
)
def test_json_that_is_no_value_of_its_option_is_named(
    name: str, value: object, message: str
) -> None:
    with pytest.raises(InvalidRequest, match=message):
        parse({"s3_key": "a.jpg", name: value})


@pytest.mark.parametrize("name", ["k", "collection", "metadata.album", "include"])
def test_option_given_twice_in_the_address_or_in_a_form_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="is given twice: give it once"):
        parse(PHOTO, query={name: ["1", "1"]})
    with pytest.raises(InvalidRequest, match="is given twice: give it once"):
        parse(**form(field("photo", PHOTO, file="a"), field(name, b"1"), field(name, b"1")))


def test_option_in_the_address_and_in_a_form_is_refused() -> None:
    whole = form(field("photo", PHOTO, file="a"), field("k", b"3"))
    with pytest.raises(InvalidRequest, match="'k' is given in the address and in the body"):
        parse(**whole, query={"k": "3"})


@pytest.mark.parametrize(
    "photo",
    [
        PHOTO,
        b"",
        b"\r\n",
        b"\r\n--",
        b"line\r\nline\n\r\x00\xff",
        b"\r\n-----WebKit7MA",
        b"--" * 40,
        bytes(range(256)) * 2000,
    ],
)
def test_file_of_a_form_is_the_photo_whatever_its_bytes(photo: bytes) -> None:
    request = parse(**form(field("photo", photo, file="a.jpg"), field("k", b"5")))
    assert searched(request) == PhotoQuery(photo)
    assert request.scope.k == 5


def test_photos_of_a_form_are_one_query_whether_named_files_or_not() -> None:
    photos = [b"one", b"two", b"three"]
    request = parse(**form(*(field("photo", each, file="") for each in photos)))
    assert request.queries == tuple(map(PhotoQuery, photos))
    assert parse(**form(*(field("photo", each) for each in photos))) == request


def test_quoted_boundary_preamble_and_epilogue_are_read() -> None:
    whole = form(field("photo", PHOTO, file="a"), boundary="a b?")
    body = b"an old mail reader\r\n" + whole["body"]
    kind = 'multipart/form-data; charset=utf-8; BOUNDARY="a b?"'
    assert searched(parse(body + b"epilogue", content_type=kind)) == PhotoQuery(PHOTO)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the form is not closed"),
        (b"--x\r\n" + field("photo", PHOTO, file="a"), "the form is not closed"),
        (b"--x\r\n" + field("photo", PHOTO, file="a") + b"\r\n--", "the form is not closed"),
        (b"--x\r\nphoto\r\n--x--", "the form is malformed"),
        (b"--xy\r\n\r\n\r\n--x--", "the form is malformed"),
        (b"--x\r\nContent-Type: image/png\r\n\r\nphoto\r\n--x--", "needs a Content-Disposition"),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--x--", "a field without a name"),
        (b"--x\r\n" + field("k", b"\xff") + b"\r\n--x--", "k is not text in UTF-8"),
        (b"--x\r\n" + field("picture", PHOTO, file="a") + b"\r\n--x--", "name it photo"),
        ((b"--x\r\n" + field("photo", b"") + b"\r\n") * 250 + b"--x--", "more than 200 fields"),
        (b"--x--", "nothing to search for"),
    ],
)
def test_form_that_cannot_be_read_is_named(body: bytes, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        parse(body, content_type="multipart/form-data; boundary=x")


def test_form_without_a_boundary_is_named() -> None:
    with pytest.raises(InvalidRequest, match="has no boundary: let your HTTP library"):
        parse(b"--x--", content_type="multipart/form-data")


def test_photos_keys_and_faces_may_be_mixed_up_to_ten() -> None:
    image = base64.b64encode(PHOTO).decode()
    request = parse({"image": [image] * 4, "s3_key": ["a", "b"], "face_id": ["x-0"] * 4})
    assert request.queries == (
        *(PhotoQuery(PHOTO),) * 4,
        BucketQuery("a"),
        BucketQuery("b"),
        *(FaceQuery("x-0"),) * 4,
    )


@pytest.mark.parametrize("body", [{"face_id": "x-0"}, {"s3_key": ["a", "b"]}])
def test_face_is_chosen_in_one_photo_only(body: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest, match="face chooses among the faces of one photo"):
        parse({**body, "face": "all"})


def test_matches_of_a_stored_face_take_all_options_but_face() -> None:
    texts = {name: text for name, text in TEXTS.items() if name != "face"}
    scope, include = parse_matches(event_of(query=texts))
    assert (scope.k, scope.offset) == (7, 40)
    assert include == Include(boxes=False, thumbnails=True, photo_urls=True)
    with pytest.raises(InvalidRequest, match="'face' is not understood"):
        parse_matches(event_of(query=TEXTS))


def test_stored_face_takes_include_alone() -> None:
    assert parse_include(event_of(query={"include": "photo_urls"})) == Include(
        boxes=False, photo_urls=True
    )
    with pytest.raises(InvalidRequest, match="'k' is not understood: use include"):
        parse_include(event_of(query={"k": "5"}))


def test_photo_to_look_for_faces_in_may_come_in_any_way() -> None:
    image = base64.b64encode(PHOTO).decode()
    for event in (
        event_of(PHOTO),
        event_of({"image": image}),
        event_of(**form(field("photo", PHOTO, file="a"))),
    ):
        assert parse_detect(event)[0] == PhotoQuery(PHOTO)
    assert parse_detect(event_of({"s3_key": "a"}))[0] == BucketQuery("a")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "nothing was given: send a photo, or JSON with image or s3_key"),
        ({"s3_key": ["a", "b"]}, "2 were given"),
        ({"face_id": "x-0"}, "face_id names a face that was found before"),
        ({"s3_key": "a", "k": 5}, "'k' is not understood: use include"),
    ],
)
def test_request_to_detect_that_is_none_is_named(body: object, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        parse_detect(event_of(body))


def test_two_faces_to_compare_come_as_json_or_in_a_form() -> None:
    queries = parse_compare(event_of({"one": {"face_id": "x-0"}, "other": {"s3_key": "a"}}))
    assert queries == (FaceQuery("x-0"), BucketQuery("a"))
    whole = form(field("other", b"2", file="b"), field("one", b"1", file="a"))
    assert parse_compare(event_of(**whole)) == (PhotoQuery(b"1"), PhotoQuery(b"2"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "nothing was given: send one as one of image, s3_key, face_id"),
        ({"one": {"face_id": "x-0"}}, "nothing was given: send other as one of"),
        ({"one": "x-0", "other": {}}, "one is not an object"),
        ({"one": {"face_id": "x-0", "s3_key": "a"}}, "2 were given: send one as one of"),
        ({"one": {"face_id": 5}}, r"one\.face_id is not a text"),
        ({"one": {"image": "%"}}, r"one\.image is not base64"),
        ({"one": {"face_id": "x-0", "k": 5}}, r"'one\.k' is not understood: use image"),
        (
            {"one": {"face_id": "x-0"}, "other": {"face_id": "x-0"}, "third": 3},
            "'third' is not understood: use one, other",
        ),
    ],
)
def test_request_to_compare_that_is_none_is_named(body: object, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        parse_compare(event_of(body))


def test_single_photo_cannot_be_compared() -> None:
    with pytest.raises(NotAnImage, match="send JSON as application/json, or a form"):
        parse_compare(event_of(PHOTO))
